"""Grain: noise that is much the same in all channels, and has no hard edges.

What cameras and smaller copies leave of noise in real photos is mostly this: noise reduction
takes the colours away, and demosaicing, JPEG and resizing spread each grain over some pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import torch
from torch import Generator, Tensor

from aecodec.denoising.camera import luma_of
from aecodec.denoising.noise_reduction import blur

_STRONGEST = 25.0


@dataclass(frozen=True)
class Grain:
    """What grain looks like.

    Attributes:
        sigma: standard deviation on the scale of 0..255, over all channels.
        size: standard deviation in pixels of a Gaussian filter over the grain of luma; 0: none.
        coarse: that of a second, coarser part.
        share: of the coarse part, 0 to 1.
        colour: standard deviation of colours to that of luma.
        colour_size: as `size`, of colours.
        shadows: the power of (luma + 0.1) that its strength follows: stronger in shadows if it is
            negative, in lights if it is positive.
    """

    sigma: float
    size: float = 0.5
    coarse: float = 1.5
    share: float = 0.0
    colour: float = 0.0
    colour_size: float = 1.0
    shadows: float = 0.0


def random_grain(choices: Random) -> Grain:
    """Any grain; most is faint."""
    return Grain(
        sigma=_STRONGEST * choices.random() ** 1.5,
        size=choices.uniform(0.3, 1.2) if choices.random() < 0.8 else 0.0,
        coarse=choices.uniform(1.2, 2.5),
        share=choices.uniform(0, 0.6) if choices.random() < 0.5 else 0.0,
        colour=choices.uniform(0, 0.7) if choices.random() < 0.8 else 0.0,
        colour_size=choices.uniform(0.4, 2.5),
        shadows=choices.uniform(-0.6, 0.6),
    )


def add_grain(x: Tensor, grain: Grain, generator: Generator | None = None) -> Tensor:
    """A picture with grain.

    Args:
        x: float (B, 3, H, W) in [0, 1], or grey (B, 1, H, W), which stays grey.
        grain: how strong and how coarse.
        generator: source of randomness, on the picture's device.

    Returns:
        The same shape, not clipped.
    """
    channels = x.shape[1]
    luma = x if channels == 1 else luma_of(x)
    field = (1 - grain.share) * _field(luma, grain.size, generator)
    if grain.share:
        field = field + grain.share * _field(luma, grain.coarse, generator)
    field = field / field.std()
    if channels == 3:
        field = field.expand_as(x)
        if grain.colour:
            colour = _field(x, grain.colour_size, generator)
            colour = colour - colour.mean(1, keepdim=True)
            field = field + grain.colour / colour.std() * colour
    strength = (luma.clamp(0, 1) + 0.1) ** grain.shadows
    field = field * strength
    return x + grain.sigma / 255 / field.square().mean().sqrt() * field


def _field(like: Tensor, size: float, generator: Generator | None) -> Tensor:
    field = torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)
    if size:
        field = blur(field, size)
    return field / field.std()
