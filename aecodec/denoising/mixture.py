"""The random mixture of noise that the denoiser learns from."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from aecodec.denoising import noise
from aecodec.denoising.impulses import missing_values

MAX_SIGMA = 75.0
"""Strongest Gaussian noise that is trained for, on the scale of 0..255."""

_GREY = 0.1  # share of the samples


@dataclass(frozen=True)
class Noisy:
    """Clean images, what became of them, and what a denoiser is told.

    Attributes:
        clean, x: before and after (B, 3, H, W); x around [0, 1].
        level: standard deviation of the noise on the scale of x, (B, 1, 1, 1).
        missing: bool (B, 3, H, W), as of `aecodec.denoising.impulses.missing_values`.
    """

    clean: Tensor
    x: Tensor
    level: Tensor
    missing: Tensor


def random_mixture(clean: Tensor, seed: int) -> Noisy:
    """Corrupt each image in a way of its own.

    Most get Gaussian noise of a sigma up to `MAX_SIGMA`, as floats (the literature) or in
    8 bits (files); others the noise of a camera, speckle, noise under JPEG, or impulses,
    alone or on top of Gaussian noise. A tenth turns grey first: noise that is the same in
    all channels looks different from noise that is not.

    Args:
        clean: float (B, 3, H, W) in [0, 1].
        seed: of the first image; the next has the next number, and so on, so that a part of
            a batch is corrupted as in the whole.
    """
    samples = [_sample(image, seed + number) for number, image in enumerate(clean.split(1))]
    return Noisy(
        *(torch.cat([getattr(s, name) for s in samples]) for name in Noisy.__dataclass_fields__)
    )


# (1, C, H, W) to the same with noise, its level, and what is missing if anything.
_Corrupted = tuple[Tensor, float | Tensor, Tensor | None]
_Process = Callable[[Tensor, random.Random, Generator], _Corrupted]


def _sample(clean: Tensor, seed: int) -> Noisy:
    choices, generator = random.Random(seed), Generator(clean.device).manual_seed(seed)
    x = clean.mean(1, keepdim=True) if choices.random() < _GREY else clean
    (process,) = choices.choices(list(_SHARES), weights=list(_SHARES.values()))
    noisy, level, missing = process(x, choices, generator)
    if missing is None:
        missing = torch.zeros_like(noisy, dtype=torch.bool)
    return Noisy(
        x.expand_as(clean),
        noisy.expand_as(clean),
        torch.as_tensor(level, dtype=clean.dtype, device=clean.device).view(1, 1, 1, 1),
        missing.expand_as(clean),
    )


def _gaussian(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    sigma = MAX_SIGMA * choices.random() ** 1.5  # most photos have little noise
    return noise.gaussian(x, sigma, generator), sigma / 255, None


def _gaussian_8_bit(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    noisy, level, _ = _gaussian(x, choices, generator)
    return noise.to_8_bit(noisy), level, None


def _camera(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    photons = 30 * 100 ** choices.random()
    noisy = noise.poisson_gaussian(x, photons, choices.uniform(0, 15), generator)
    return noise.to_8_bit(noisy), _rms(noisy - x), None


def _speckle(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    noisy = noise.speckle(x, choices.uniform(0, 0.3), generator)
    return noise.to_8_bit(noisy), _rms(noisy - x), None


def _compressed(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    noisy = noise.gaussian(x, choices.uniform(0, 30), generator)
    noisy = noise.jpeg(noisy, choices.randint(50, 95))
    return noisy, _rms(noisy - x), None


def _impulses(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    sigma = choices.uniform(0, 30) if choices.random() < 0.3 else 0.0
    noisy = noise.to_8_bit(noise.gaussian(x, sigma, generator))
    if choices.random() < 0.5:
        noisy = noise.salt_and_pepper(noisy, choices.uniform(0.01, 0.5), generator)
        return noisy, sigma / 255, missing_values(noisy, "salt-and-pepper")
    noisy = noise.masking(noisy, choices.uniform(0.05, 0.8), generator, shared_dim=1)
    return noisy, sigma / 255, missing_values(noisy, "masking")


_SHARES: dict[_Process, float] = {
    _gaussian: 0.55,
    _gaussian_8_bit: 0.2,
    _camera: 0.06,
    _speckle: 0.02,
    _compressed: 0.04,
    _impulses: 0.13,
}


def _rms(x: Tensor) -> Tensor:
    return x.square().mean().sqrt()
