"""Separable smoothing of batches of planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def smooth(planes: Tensor, taps: Sequence[float], *, padding: int) -> Tensor:
    """Convolve each plane (B, C, H, W) with a symmetric kernel along both axes.

    Args:
        planes: float32 or float64.
        taps: an odd number of weights.
        padding: zeros on each side; with 0 the result is smaller, each side by len(taps) - 1.
    """
    smoothed: Tensor = _Smooth.apply(planes, tuple(taps), padding)
    return smoothed


class _Smooth(torch.autograd.Function):
    """Its adjoint is the same convolution with other padding, since the kernel is symmetric.

    The library's own gradient of depthwise convolutions takes twenty times as long on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, planes: Tensor, taps: tuple[float, ...], padding: int) -> Tensor:
        ctx.taps, ctx.padding = taps, padding
        return _convolve(planes, taps, padding)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _convolve(grad, ctx.taps, len(ctx.taps) - 1 - ctx.padding), None, None


def _convolve(planes: Tensor, taps: tuple[float, ...], padding: int) -> Tensor:
    channels = planes.shape[1]
    kernel = torch.tensor(taps, dtype=planes.dtype, device=planes.device)
    across = kernel.expand(channels, 1, 1, -1)
    if planes.device.type == "cpu":  # several times as fast there; a GPU would round to TF32
        planes = planes.contiguous(memory_format=torch.channels_last)
    else:
        planes = planes.contiguous()
    planes = F.conv2d(planes, across, padding=(0, padding), groups=channels)
    return F.conv2d(planes, across.transpose(2, 3), padding=(padding, 0), groups=channels)


def moments(x: Tensor, y: Tensor, taps: Sequence[float], *, padding: int) -> tuple[Tensor, ...]:
    """Local means of two pictures' planes (B, C, H, W), and of what their variances need.

    Returns:
        Local means of x, of y, of x^2 + y^2 and of (x - y)^2, each (B, C, h, w). Covariances
        follow from these, without the difference of nearly equal numbers.
    """
    planes = torch.cat([x, y, x.square() + y.square(), (x - y).square()], 1)
    return smooth(planes, taps, padding=padding).chunk(4, 1)
