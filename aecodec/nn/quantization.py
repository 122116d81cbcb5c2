"""Rounding and clamping with useful gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def straight_through(x: Tensor, quantised: Tensor) -> Tensor:
    """The quantised values of x; the gradient passes straight to x (Bengio et al., 2013)."""
    return x + (quantised - x).detach()


def round_ste(x: Tensor) -> Tensor:
    """Round to the nearest integer; the gradient passes straight through."""
    return straight_through(x, torch.round(x))


class _InwardClamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.low, ctx.high = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        # A descent step moves x against its gradient: let through what leads back inside.
        outward = ((x < ctx.low) & (grad > 0)) | ((x > ctx.high) & (grad < 0))
        return grad.masked_fill(outward, 0), None, None


def inward_clamp(x: Tensor, low: float, high: float) -> Tensor:
    """Clamp to [low, high]; outside, only gradients that lead back inside survive.

    The two-sided form of the lower bound in Ballé et al. (2018), so that a value
    beyond the bound is never stuck there.
    """
    return _InwardClamp.apply(x, low, high)
