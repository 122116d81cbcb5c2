"""What the noise reduction in a camera leaves of noise.

Filters over all of a noise would leave it alike everywhere. A camera keeps what it takes for the
picture: noise beside edges, grains that stand out, and what is coarser than its filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_BANDS = 4  # of a pyramid (Burt and Adelson, 1983); what is coarser than 16 pixels stays


@dataclass(frozen=True)
class Reduction:
    """Noise reduction in bands of frequencies, each twice as coarse as the one before.

    Attributes:
        fine: share of the finest band that it keeps, 0 to 1.
        coarser: what it removes of each next band, relative to the one before, 0 to 1. Near 0
            leaves grain of some pixels, or blotches of colour.
        threshold: it keeps what is this many times stronger than the noise, as edges are, and
            noise beside them: it removes a share of 1 / (1 + (v / (threshold^2 n))^steepness) of
            the above, v a band's local energy, n that of the noise. Texture suffers, as it does
            in cameras. 0: an ideal one, which takes from the noise alone and everywhere alike.
        steepness: 1 is Wiener's filter; with more the picture falls apart into smooth parts and
            others that keep all their noise.
        window: side in pixels, odd, of what counts as local. 1 is shrinkage of single
            coefficients, which leaves grains; more is like a guided filter.
    """

    fine: float
    coarser: float
    threshold: float = 0.0
    steepness: float = 1.0
    window: int = 1


def reduced(both: Tensor, reduction: Reduction) -> Tensor:
    """A picture with noise, and the same without, after noise reduction.

    What it does depends on the picture with noise; the one without is what that would have become
    without its noise.

    Args:
        both: (2 B, C, H, W), first those with noise.
        reduction: how.

    Returns:
        The same shape.
    """
    noisy, target = both.chunk(2)
    if reduction.threshold == 0:
        return torch.cat([target + _shrunk(noisy - target, None, reduction), target])
    difference, target = _shrunk(noisy - target, target, reduction).chunk(2)
    return torch.cat([target + difference, target])


def _shrunk(noise: Tensor, picture: Tensor | None, reduction: Reduction, band: int = 0) -> Tensor:
    """Noise, and the picture under it if it is given, with this band and coarser ones reduced."""
    both = noise if picture is None else torch.cat([noise, picture])
    if band == _BANDS:
        return both
    pooled = F.avg_pool2d(both, 2, ceil_mode=True)
    detail = both - _stretched(pooled, both)
    removed: float | Tensor = (1 - reduction.fine) * reduction.coarser**band
    if picture is None:
        coarse = _shrunk(pooled, None, reduction, band + 1)
    else:
        of_noise, of_picture = pooled.chunk(2)
        coarse = _shrunk(of_noise, of_picture, reduction, band + 1)
        of_noise, of_picture = detail.chunk(2)
        side = reduction.window
        energy = (of_noise + of_picture).square()
        energy = F.avg_pool2d(energy, side, stride=1, padding=side // 2, count_include_pad=False)
        least = reduction.threshold**2 * of_noise.square().mean((1, 2, 3), keepdim=True)
        stronger = (energy / least.clamp_min(1e-12)) ** reduction.steepness
        removed = (removed / (1 + stronger)).repeat(2, 1, 1, 1)
    return (1 - removed) * detail + _stretched(coarse, both)


def _stretched(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear")


def blur(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian filter of some standard deviation in pixels: (B, C, H, W), reflected beyond."""
    height, width = x.shape[2:]
    radius = min(math.ceil(2.5 * sigma), height - 1, width - 1)
    taps = [math.exp(-(step**2) / (2 * sigma**2)) for step in range(-radius, radius + 1)]
    taps = [tap / sum(taps) for tap in taps]
    # Sums of shifted copies take a third of the time of convolutions of single channels.
    x = F.pad(x, [radius] * 4, mode="reflect")
    rows = taps[0] * x[:, :, :height]
    for step, tap in enumerate(taps[1:], 1):
        rows.add_(x[:, :, step : step + height], alpha=tap)
    columns = taps[0] * rows[..., :width]
    for step, tap in enumerate(taps[1:], 1):
        columns.add_(rows[..., step : step + width], alpha=tap)
    return columns
