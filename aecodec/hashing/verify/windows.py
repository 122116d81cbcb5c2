"""Means and variances in windows of pictures."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

WINDOW, STRIDE = 9, 4  # pixels


def variance(pictures: Tensor) -> Tensor:
    """In windows of pictures (N, C, S, S), the mean of the channels': (N, H, W)."""
    mean, square = means(pictures), means(pictures.square().mean(1))
    return (square - mean.square_().mean(1)).clamp_min_(0)


def means(pictures: Tensor) -> Tensor:
    """Of windows of pictures (..., S, S), every `STRIDE` pixels."""
    assert WINDOW == 2 * STRIDE + 1
    side = pictures.shape[-1]
    count = (side - WINDOW) // STRIDE + 1
    # Rows are added, which is quicker than a product; columns are not.
    first, *others = (pictures[..., row::STRIDE, :] for row in range(STRIDE))
    blocks = first[..., : count + 1, :] + others[0][..., : count + 1, :]
    for other in others[1:]:
        blocks += other[..., : count + 1, :]
    rows = blocks[..., :-1, :] + blocks[..., 1:, :]
    rows += first[..., 2 : count + 2, :]
    return rows @ _pooling(side)


@cache
def _pooling(side: int) -> Tensor:
    """(side, windows): means of columns, of rows that were added up."""
    starts = torch.arange(0, side - WINDOW + 1, STRIDE)
    places = torch.arange(side)[:, None]
    return ((places >= starts) & (places < starts + WINDOW)).float() / WINDOW**2


def sliding_means(pictures: Tensor) -> Tensor:
    """Of all windows of pictures (..., S, S): (..., S - 8, S - 8)."""
    assert WINDOW == 9  # sums of three sums of three
    for dim in (-1, -2):
        for step in (1, 3):
            size = pictures.shape[dim] - 2 * step
            first, second, third = (pictures.narrow(dim, n * step, size) for n in range(3))
            pictures = (first + second).add_(third)
    return pictures.div_(WINDOW**2)


def around(pictures: Tensor, reach: int) -> Tensor:
    """Means of the pixels up to `reach` away, of pictures (..., S, S) with black around them."""
    for dim in (-1, -2):
        size, found = pictures.shape[dim], pictures.clone()
        for step in range(1, reach + 1):
            near, far = (pictures.narrow(dim, start, size - step) for start in (0, step))
            found.narrow(dim, step, size - step).add_(near)
            found.narrow(dim, 0, size - step).add_(far)
        pictures = found
    return pictures.div_((2 * reach + 1) ** 2)
