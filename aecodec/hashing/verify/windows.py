"""Means and variances in windows of pictures."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

WINDOW, STRIDE = 9, 4  # pixels


def variance(pictures: Tensor) -> Tensor:
    """In windows of pictures (N, C, S, S), the mean of the channels': (N, H, W)."""
    mean, square = means(pictures, STRIDE), means(pictures.square(), STRIDE)
    return (square - mean.square()).clamp_min(0).mean(1)


def means(pictures: Tensor, stride: int) -> Tensor:
    """Of windows of pictures (..., S, S)."""
    pooling = _pooling(pictures.shape[-1], stride)
    return pooling @ pictures @ pooling.T


@cache
def _pooling(side: int, stride: int) -> Tensor:
    """(windows, side)."""
    starts = torch.arange(0, side - WINDOW + 1, stride)[:, None]
    places = torch.arange(side)
    return ((places >= starts) & (places < starts + WINDOW)).float() / WINDOW
