"""`aecodec.nn.gaussian.smooth` of tensors, with a gradient that is quick on CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def smooth(planes: Tensor, taps: Sequence[float], *, padding: int) -> Tensor:
    """As `aecodec.nn.gaussian.smooth`."""
    smoothed: Tensor = _Smooth.apply(planes.contiguous(), tuple(taps), padding)
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
