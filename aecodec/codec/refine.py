"""Encoder-side search: refine one image's latents by gradient descent on its own R + lambda D.

Campos et al., "Content adaptive optimization for neural image compression" (2019);
Yang et al., "Improving inference for neural image compression" (2020). The decoder
does not change.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from aecodec.codec.distortion import distortion
from aecodec.codec.inference import InferenceModel
from aecodec.codec.prior import SCALE_LEVELS
from aecodec.codec.rounding import bits_of, table_symbol_bits
from aecodec.codec.steps import pack
from aecodec.codec.tiling import Window

ITERATIONS = 100
LEARNING_RATE = 0.01  # quantiser steps
HOT, COLD = 0.4, 0.15  # temperature of the stochastic rounding, first and last


@torch.inference_mode(False)
@torch.enable_grad()
def refine_latents(
    model: InferenceModel, x: Tensor, y: Tensor, window: Window, quality: int
) -> Tensor:
    """Latents y (1, M, h, w) of an outer window, its tile refined to cost less R + lambda D.

    Args:
        x: pixels of the outer window, (1, 3, 16h, 16w) in [-0.5, 0.5].
        y: scaled latents of the outer window.
    """
    q = model.quality_tensor(quality)
    weight = model.config.rd_lambda(quality) * x.shape[2] * x.shape[3]
    x, surround = x.clone(), y.clone()
    with torch.inference_mode():
        z = model.hyper_latents(window.inside.of(y).clone(), quality)
    z = z.clone()  # no longer an inference tensor
    inverse_gain = model.gain(q)[1]
    tables = (torch.from_numpy(part) for part in (model.tables.lengths, model.tables.counts))
    symbol_bits = table_symbol_bits(*tables).to(x.device)
    # Seeded, so that an image always makes the same file.
    generator = torch.Generator(x.device).manual_seed(0)
    tile = window.inside.of(y).clone().requires_grad_(True)
    optimizer = torch.optim.Adam([tile], lr=LEARNING_RATE)
    for iteration in range(ITERATIONS):
        for group in optimizer.param_groups:  # linear to zero: the last steps settle
            group["lr"] = LEARNING_RATE * (1 - iteration / ITERATIONS)
        temperature = HOT * (COLD / HOT) ** (iteration / ITERATIONS)
        bits, decoded = _rate_and_latents(model, tile, z, q, symbol_bits, temperature, generator)
        latents = surround.clone()
        window.inside.of(latents).copy_(decoded)
        with model.fast_precision():
            error = distortion(model.config, x, model.synthesis(latents * inverse_gain, q), q)
        optimizer.zero_grad()
        (bits + weight * error.sum()).backward()
        optimizer.step()
    refined = surround.clone()
    window.inside.of(refined).copy_(tile.detach())
    return refined


def _rate_and_latents(
    model: InferenceModel,
    y: Tensor,
    z: Tensor,
    quality: Tensor,
    symbol_bits: Tensor,
    temperature: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Bits (a scalar) and decoded latents of y, rounded stochastically.

    The bits are those of the two symbols that a latent may become, each as far as it is chosen.
    """
    height, width = y.shape[2:]
    padded = F.pad(y, (0, width % 2, 0, height % 2), mode="replicate")
    steps, bits = pack(padded), []

    def source(t: int, mean: Tensor, index: Tensor) -> Tensor:
        low, up = _gumbel_round(steps[t] - mean, temperature, generator)
        level = index.clamp(0, SCALE_LEVELS - 1)
        below, above = (bits_of(symbols, level, symbol_bits) for symbols in (low, low + 1))
        bits.append(torch.lerp(below, above, up).sum())
        return low + up

    size = (padded.shape[2], padded.shape[3])
    latents = model.prior.walk(z, size, quality, model.gain(quality), source)
    return torch.stack(bits).sum(), latents[:, :, :height, :width]


def _gumbel_round(
    x: Tensor, temperature: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The whole number below x, and how far up from it to go, in (0, 1).

    Up or down at random, the nearer the likelier, relaxed to be differentiable.

    Stochastic Gumbel annealing: as the temperature falls the two choices harden.
    """
    low = torch.floor(x.detach())
    fraction = (x - low).clamp(1e-4, 1 - 1e-4)
    logits = (torch.atanh(fraction) - torch.atanh(1 - fraction)) / temperature
    noise = torch.rand(x.shape, generator=generator, device=x.device).clamp(1e-7, 1 - 1e-7)
    # The difference of two Gumbel variables is logistic.
    return low, torch.sigmoid((logits + torch.logit(noise)) / temperature)
