"""Impulse noise: which values were replaced, and a first guess at what they were."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["gaussian", "salt-and-pepper", "masking"]

REACH = 8
"""How far, in pixels, `fill` looks for a value that is there."""

_RADIUS = 2
_FAR = 0.35  # between a replaced value and its surroundings, for `recognise`
_PLACES, _HITS = 0.01, 0.005  # least shares: of places for impulses, and of impulses there
_DEPENDENT = 0.15  # a higher correlation of neighbours is of something drawn, not of noise


def missing_values(x: Tensor, kind: Kind) -> Tensor | None:
    """Which values tell nothing about the clean image, if the noise is of this kind.

    That is every extreme value, although some of them will be true: the model sees from
    their surroundings which.

    Args:
        x: noisy image (B, C, H, W) in [0, 1].
        kind: "salt-and-pepper" (values of 0 and 1), "masking" (pixels of 0 in all channels),
            or "gaussian" (none).

    Returns:
        bool of the same shape, or None for none.
    """
    if kind == "salt-and-pepper":
        return (x <= 0) | (x >= 1)
    if kind == "masking":
        return (x <= 0).all(1, keepdim=True).expand_as(x)
    return None


def fill(x: Tensor, missing: Tensor) -> Tensor:
    """Replace missing values by the mean of their known neighbours, of the same channel.

    First by those in a window of 5x5, then from what the pass before has filled, up to
    `REACH` pixels; what is further inside a hole stays as it is.

    Args:
        x: (B, C, H, W).
        missing: bool of the same shape.
    """
    hit = missing.flatten(1).any(1)  # in training, few of a batch
    filled = x.clone()
    filled[hit] = _fill(x[hit], ~missing[hit])
    return filled


def _fill(x: Tensor, is_known: Tensor) -> Tensor:
    known = is_known.to(x.dtype)
    value = x * known
    for _ in range(REACH // _RADIUS):
        if bool(known.all()):
            break
        weight = _box(known)
        new = (known == 0) & (weight > 1e-6)
        value = torch.where(new, _box(value) / weight.clamp_min(1e-6), value)
        known = torch.where(new, 1, known)
    return torch.where(known > 0, value, x)


def recognise(x: Tensor) -> Kind:
    """The kind of noise in an image, from where its extreme values lie.

    Impulses are extreme values amid others that are far from extreme, independent of
    their neighbours (unlike print, line drawings and chessboards), without a flank of nearly
    extreme values (unlike strong Gaussian noise, clipped).

    Args:
        x: noisy images (B, C, H, W), around [0, 1], taken together.
    """
    if bool((x < 0).any() or (x > 1).any()):  # 0 and 1 are not the extremes
        return "gaussian"
    low, high = x <= 0, x >= 1
    if max(_count(low), _count(high)) < _HITS * _PLACES * x.numel():  # spares most photos the rest
        return "gaussian"
    extreme = low | high
    known = (~extreme).to(x.dtype)
    weight = _box(known)
    around = _box(x * known) / weight.clamp_min(1e-6)
    # Where the surroundings are far from black (or white), how much is black all the same?
    dark = _impulse_rate(x, low, (weight > 1e-6) & (around > _FAR))
    bright = _impulse_rate(1 - x, high, (weight > 1e-6) & (around < 1 - _FAR))
    if max(dark, bright) == 0:
        return "gaussian"
    together = low.all(1, keepdim=True).expand_as(low)
    lone = _count(low & ~together) > 0.1 * _count(low)
    return "salt-and-pepper" if bright or lone else "masking"


def _impulse_rate(x: Tensor, extreme: Tensor, place: Tensor) -> float:
    """Share of zeros at these places if they look like impulses, else 0."""
    places, hits = _count(place), _count(extreme & place)
    if places < _PLACES * place.numel() or hits < _HITS * places:
        return 0.0
    flank = _count((x < 16.5 / 255) & ~extreme & place)
    if hits < 8 * flank:
        return 0.0
    return hits / places if _correlation(extreme, place) < _DEPENDENT else 0.0


def _correlation(hit: Tensor, place: Tensor) -> float:
    """Largest correlation of hits at neighbouring places, over the four directions."""
    height, width = hit.shape[2:]
    largest = 0.0
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        left = max(0, -right)
        here = (..., slice(0, height - down), slice(left, width - max(0, right)))
        there = (..., slice(down, height), slice(left + right, width + min(0, right)))
        pair = place[here] & place[there]
        count = max(1, _count(pair))
        first, second = pair & hit[here], pair & hit[there]
        a, b = _count(first) / count, _count(second) / count
        both = _count(first & second) / count
        spread = (a * (1 - a) * b * (1 - b)) ** 0.5
        largest = max(largest, (both - a * b) / max(spread, 1e-9))
    return largest


def _count(x: Tensor) -> int:
    return int(torch.count_nonzero(x))  # a sum would copy the booleans to int64


def _box(x: Tensor) -> Tensor:
    """Mean over a square window; zeros beyond the edges."""
    side = 2 * _RADIUS + 1
    height, width = x.shape[2:]
    # Sums of shifted copies, which take a tenth of the time of avg_pool2d.
    x = F.pad(x, [_RADIUS] * 4)
    x = sum((x[..., i : i + width] for i in range(1, side)), x[..., :width])
    x = sum((x[:, :, i : i + height] for i in range(1, side)), x[:, :, :height])
    return x / side**2
