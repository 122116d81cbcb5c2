"""Binary codes with useful gradients, and what keeps their bits worth having."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def sign_ste(x: Tensor, temperature: float = 0.0, generator: Generator | None = None) -> Tensor:
    """-1 or +1; the gradient passes straight through (Bengio et al., 2013).

    Args:
        x: (...) floats; 0 becomes +1.
        temperature: above 0 the bits are drawn, +1 with probability sigmoid(x / temperature)
            (stochastic neurons, which explore early in training); 0 is the sign itself.
        generator: source of randomness, on x's device.

    Returns:
        The shape and dtype of x.

    Raises:
        ValueError: temperature is negative.
    """
    if temperature < 0:
        raise ValueError(f"temperature must not be negative, not {temperature}")
    decided = x.detach()
    if temperature > 0:
        uniform = torch.rand(x.shape, generator=generator, device=x.device, dtype=torch.float32)
        # Logistic noise: P(x + t * logit(u) >= 0) = sigmoid(x / t).
        decided = decided + temperature * torch.logit(uniform, eps=1e-6).to(x.dtype)
    signs = torch.where(decided >= 0, 1.0, -1.0).to(x.dtype)
    return signs + (x - x.detach())


def off_diagonal_covariance(codes: Tensor) -> Tensor:
    """Mean squared covariance between different bits: 0 when no two of them say the same.

    Args:
        codes: (N, bits), N of at least 2.
    """
    centred = codes - codes.mean(0)
    covariance = centred.T @ centred / (len(codes) - 1)
    bits = codes.shape[1]
    off = covariance.square().sum() - covariance.diagonal().square().sum()
    return off / max(bits * (bits - 1), 1)


def squared_mean(codes: Tensor) -> Tensor:
    """Mean over the bits (N, bits) of their squared mean: 0 when each is set half of the time."""
    return codes.mean(0).square().mean()
