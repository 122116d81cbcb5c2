"""Convolutions that stay within the range that training saw.

Pictures unlike those of the training drive a deep stack out of the range in which its weights
mean anything, and each layer takes it further (docs/lab/activations.md). The decoder of JPEG AI
clamps, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class BoundedConv2d(nn.Conv2d):
    """A convolution whose outputs are clamped, channel by channel, to a range.

    The range is infinite until `measured_ranges` has set it; it is stored with the weights.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel_size: int, padding: int = 0, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel_size, padding=padding, bias=bias)
        self.register_buffer("low", torch.full((outputs,), -torch.inf))
        self.register_buffer("high", torch.full((outputs,), torch.inf))
        self.low: Tensor
        self.high: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self.clamp(super().forward(x))

    def clamp(self, y: Tensor) -> Tensor:
        """Outputs (B, C, H, W), each channel within its range; in place if there is no gradient."""
        low, high = (bound.to(y.dtype)[:, None, None] for bound in (self.low, self.high))
        clamped: Tensor = _Clamp.apply(y, low, high) if y.requires_grad else y.clamp_(low, high)
        return clamped


class _Clamp(torch.autograd.Function):
    """Clamping whose gradient passes straight through: what is out of range can come back."""

    @staticmethod
    def forward(_ctx: Any, y: Tensor, low: Tensor, high: Tensor) -> Tensor:
        return y.clamp(low, high)

    @staticmethod
    def backward(_ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad, None, None


def forget_ranges(module: nn.Module) -> None:
    """Make the ranges in a module infinite again."""
    for layer in module.modules():
        if isinstance(layer, BoundedConv2d):
            layer.low.fill_(-torch.inf)
            layer.high.fill_(torch.inf)


@contextmanager
def measured_ranges(module: nn.Module, margin: float = 0) -> Iterator[None]:
    """Set the ranges in a module to what is reached within the block.

    They are never wider than before, but for the margin. A convolution that is not called keeps
    its range.

    Args:
        module: what is run within the block.
        margin: how much wider than what is reached, of its width, at either end.
    """
    layers = {layer for layer in module.modules() if isinstance(layer, BoundedConv2d)}
    lows: dict[nn.Module, Tensor] = {}
    highs: dict[nn.Module, Tensor] = {}

    def record(layer: nn.Module, _inputs: object, y: Tensor) -> None:
        low, high = (y.detach().float().amin((0, 2, 3)), y.detach().float().amax((0, 2, 3)))
        lows[layer] = torch.minimum(lows.get(layer, low), low)
        highs[layer] = torch.maximum(highs.get(layer, high), high)

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    for layer in layers & lows.keys():
        room = margin * (highs[layer] - lows[layer])
        layer.low.copy_(lows[layer] - room)
        layer.high.copy_(highs[layer] + room)
