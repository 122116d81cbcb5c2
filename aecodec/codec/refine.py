"""Encoder-side search: refine one image's latents by gradient descent on its own R + lambda D.

Campos et al., "Content adaptive optimization for neural image compression" (2019);
Yang et al., "Improving inference for neural image compression" (2020). The decoder
does not change.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from aecodec.codec.distortion import distortion, is_defined
from aecodec.codec.inference import InferenceModel
from aecodec.codec.rounding import bits_of, table_symbol_bits
from aecodec.codec.scales import SCALE_LEVELS
from aecodec.codec.steps import pack
from aecodec.codec.tiling import Window
from aecodec.codec.torch_networks import CodecNetwork, TorchCodec
from aecodec.nn.arrays import FloatArray

ITERATIONS = 100
LEARNING_RATE = 0.01  # quantiser steps
HOT, COLD = 0.4, 0.15  # temperature of the stochastic rounding, first and last


@torch.inference_mode(False)
@torch.enable_grad()
def refine_latents(
    model: InferenceModel, pixels: FloatArray, scaled: FloatArray, window: Window, quality: int
) -> FloatArray:
    """Latents y (1, M, h, w) of an outer window, its tile refined to cost less R + lambda D.

    Args:
        model: one that torch runs.
        pixels: of the outer window, (1, 3, 16h, 16w) in [-0.5, 0.5].
        scaled: its scaled latents.
    """
    network = _network(model)
    q = network.quality_tensor(quality)
    x, surround = (torch.tensor(array, device=network.device) for array in (pixels, scaled))
    weight = model.config.rd_lambda(quality) * x.shape[2] * x.shape[3]
    z = torch.tensor(model.hyper_latents(window.inside.of(scaled), quality), device=network.device)
    inverse_gain = network.gain(q)[1]
    tables = (torch.from_numpy(part) for part in (model.tables.lengths, model.tables.counts))
    symbol_bits = table_symbol_bits(*tables).to(x.device)
    # Seeded, so that an image always makes the same file.
    generator = torch.Generator(x.device).manual_seed(0)
    tile = window.inside.of(surround).clone().requires_grad_(True)
    optimizer = torch.optim.Adam([tile], lr=LEARNING_RATE)
    for iteration in range(ITERATIONS):
        for group in optimizer.param_groups:  # linear to zero: the last steps settle
            group["lr"] = LEARNING_RATE * (1 - iteration / ITERATIONS)
        temperature = HOT * (COLD / HOT) ** (iteration / ITERATIONS)
        bits, decoded = _rate_and_latents(network, tile, z, q, symbol_bits, temperature, generator)
        latents = surround.clone()
        window.inside.of(latents).copy_(decoded)
        with network.fast_precision():
            error = distortion(model.config, x, network.synthesis(latents * inverse_gain, q), q)
        optimizer.zero_grad()
        (bits + weight * error.sum()).backward()
        optimizer.step()
    refined = surround.clone()
    window.inside.of(refined).copy_(tile.detach())
    found: FloatArray = refined.cpu().numpy()
    return found


def refined_payload(
    model: InferenceModel,
    x: FloatArray,
    y: FloatArray,
    window: Window,
    quality: int,
    payload: bytes,
    masking: FloatArray | None,
) -> bytes:
    """A tile's payload, or a refined one if it costs less R + lambda D: of a small one it may not.

    With a distortion that is not defined for so small a tile, the payload as it is.
    """
    config, network = model.config, _network(model)
    pixels = torch.from_numpy(x).to(network.device)
    if not is_defined(config.distortion, pixels):
        return payload
    refined = refine_latents(model, x, y, window, quality)
    inside = window.inside.of(refined)
    other = model.encode_latents(inside, quality, rdoq=True, masking=masking)

    @torch.inference_mode()
    def cost(payload: bytes) -> float:
        latents = y.copy(order="K")
        decoded = model.decode_latents(payload, window.height, window.width, quality)
        window.inside.of(latents)[...] = decoded
        picture = torch.from_numpy(model.synthesise(latents, quality)).to(network.device)
        error = float(distortion(config, pixels, picture, network.quality_tensor(quality)))
        bits = 8 * len(payload)
        return bits + config.rd_lambda(quality) * error * x.shape[2] * x.shape[3]

    return min(payload, other, key=cost)


def _network(model: InferenceModel) -> CodecNetwork:
    assert isinstance(model.networks, TorchCodec)
    return model.networks.network


def _rate_and_latents(
    network: CodecNetwork,
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
    latents = network.prior.walk(z, size, quality, network.gain(quality), source)
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
