"""The random mixture of noise that the denoiser learns from."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from aecodec.denoising.camera import photograph, random_camera
from aecodec.denoising.grain import add_grain, random_grain
from aecodec.denoising.impulses import missing_values
from aecodec.denoising.level import local_level
from aecodec.nn import noise

MAX_SIGMA = 75.0
"""Strongest Gaussian noise that is trained for, on the scale of 0..255."""

_GREY = 0.1  # share of the samples
_TOLD, _SELDOM_TOLD = 0.5, 0.25  # shares of samples whose level is told; if nobody would know it


@dataclass(frozen=True)
class Noisy:
    """Clean images, what became of them, and what a denoiser may be told.

    Attributes:
        clean, x: before and after (B, 3, H, W); x around [0, 1].
        level: standard deviation of the noise on the scale of x, (B, 1, H/8, W/8); of Gaussian
            noise before clipping.
        white: bool (B, 1, 1, 1), whether it is Gaussian noise, or values are missing.
        told: bool (B, 1, 1, 1), whether the denoiser is told its level or has to find it.
        missing: bool (B, 3, H, W), as of `aecodec.denoising.impulses.missing_values`.
    """

    clean: Tensor
    x: Tensor
    level: Tensor
    white: Tensor
    told: Tensor
    missing: Tensor

    def told_level(self) -> Tensor:
        """The one number that stands for each image's map, (B, 1, 1, 1)."""
        return self.level.square().mean((1, 2, 3), keepdim=True).sqrt()


def random_mixture(clean: Tensor, seed: int, shares: Mapping[str, float] | None = None) -> Noisy:
    """Corrupt each image in a way of its own.

    A tenth turns grey first: noise that is the same in all channels looks different from noise
    that is not.

    Args:
        clean: float (B, 3, H, W) in [0, 1]; H and W multiples of 8.
        seed: of the first image; the next has the next number, and so on, so that a part of
            a batch is corrupted as in the whole.
        shares: how often each kind of noise occurs, by its name in `SHARES`, which is what
            None stands for; they need not add up to 1.
    """
    shares = shares or SHARES
    samples = [_sample(image, seed + i, shares) for i, image in enumerate(clean.split(1))]
    return Noisy(
        *(torch.cat([getattr(s, name) for s in samples]) for name in Noisy.__dataclass_fields__)
    )


class _Corrupted(NamedTuple):
    """A sample (1, C, H, W) with noise.

    Attributes:
        x: with noise.
        clean: what it is to become.
        sigma: of Gaussian noise, on the scale of x; None: measured.
        missing: which values are, if any.
    """

    x: Tensor
    clean: Tensor
    sigma: float | None
    missing: Tensor | None = None


_Process = Callable[[Tensor, random.Random, Generator], _Corrupted]


def _sample(image: Tensor, seed: int, shares: Mapping[str, float]) -> Noisy:
    choices, generator = random.Random(seed), Generator(image.device).manual_seed(seed)
    x = image.mean(1, keepdim=True) if choices.random() < _GREY else image
    (name,) = choices.choices(list(shares), weights=list(shares.values()))
    noisy, clean, sigma, missing = _PROCESSES[name](x, choices, generator)
    level = local_level(noisy - clean)
    if sigma is not None:
        level = torch.full_like(level, sigma)
    told = choices.random() < (_SELDOM_TOLD if sigma is None else _TOLD)
    white = bool(sigma) or missing is not None
    if missing is None:
        missing = torch.zeros_like(noisy, dtype=torch.bool)
    return Noisy(
        clean.expand_as(image),
        noisy.expand_as(image),
        level,
        torch.full((1, 1, 1, 1), white, device=image.device),
        torch.full((1, 1, 1, 1), told, device=image.device),
        missing.expand_as(image),
    )


def _clean(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    return _Corrupted(x, x, 0.0)


def _gaussian(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    sigma = MAX_SIGMA * choices.random() ** 1.5  # most photos have little noise
    return _Corrupted(noise.gaussian(x, sigma, generator), x, sigma / 255)


def _gaussian_8_bit(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    noisy, _, sigma, _ = _gaussian(x, choices, generator)
    return _Corrupted(noise.to_8_bit(noisy), x, sigma)


def _camera(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    return _Corrupted(*photograph(x, random_camera(choices), generator), None)


def _grain(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    noisy = add_grain(x, random_grain(choices), generator)
    if choices.random() < 0.5:
        return _Corrupted(noise.to_8_bit(noisy), x, None)
    quality, subsampled = choices.randint(60, 98), choices.random() < 0.6
    return _Corrupted(noise.jpeg(noisy, quality, subsampled=subsampled), x, None)


def _speckle(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    noisy = noise.speckle(x, choices.uniform(0, 0.3), generator)
    return _Corrupted(noise.to_8_bit(noisy), x, None)


def _compressed(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    noisy = noise.gaussian(x, 30 * choices.random() ** 2, generator)
    subsampled = choices.random() < 0.5
    return _Corrupted(noise.jpeg(noisy, choices.randint(50, 95), subsampled=subsampled), x, None)


def _impulses(x: Tensor, choices: random.Random, generator: Generator) -> _Corrupted:
    sigma = choices.uniform(0, 30) if choices.random() < 0.3 else 0.0
    noisy = noise.to_8_bit(noise.gaussian(x, sigma, generator))
    if choices.random() < 0.5:
        noisy = noise.salt_and_pepper(noisy, choices.uniform(0.01, 0.5), generator)
        missing = missing_values(noisy, "salt-and-pepper")
    else:
        noisy = noise.masking(noisy, choices.uniform(0.05, 0.8), generator, shared_dim=1)
        missing = missing_values(noisy, "masking")
    return _Corrupted(noisy, x, sigma / 255, missing)


_PROCESSES: dict[str, _Process] = {
    "gaussian": _gaussian,
    "gaussian_8_bit": _gaussian_8_bit,
    "camera": _camera,
    "grain": _grain,
    "speckle": _speckle,
    "compressed": _compressed,
    "impulses": _impulses,
    "clean": _clean,
}

SHARES: dict[str, float] = {
    "gaussian": 0.34,
    "gaussian_8_bit": 0.14,
    "camera": 0.24,
    "grain": 0.08,
    "speckle": 0.02,
    "compressed": 0.04,
    "impulses": 0.08,
    "clean": 0.08,
}
"""Of the samples: Gaussian noise as floats, as in the literature, or in 8 bits, as in files; a
camera's; grain alone; speckle; faint noise under JPEG; values lost, at times amid Gaussian noise;
none.
"""
