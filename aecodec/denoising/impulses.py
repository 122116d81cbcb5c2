"""Impulse noise: which values were replaced, and a first guess at what they were."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from aecodec.denoising.config import REACH
from aecodec.nn.arrays import Array, FloatArray, namespace, pad

Kind = Literal["gaussian", "salt-and-pepper", "masking"]

_Bools = npt.NDArray[np.bool_]

_RADIUS = 2
_FAR = 0.35  # between a replaced value and its surroundings, for `recognise`
_PLACES, _HITS = 0.01, 0.005  # least shares: of places for impulses, and of impulses there
_DEPENDENT = 0.15  # a higher correlation of neighbours is of something drawn, not of noise


def missing_values(x: Array, kind: Kind) -> Array | None:
    """Which values tell nothing about the clean image, if the noise is of this kind.

    That is every extreme value, although some of them will be true: the model sees from
    their surroundings which.

    Args:
        x: noisy image (B, C, H, W) in [0, 1]; an array or a tensor.
        kind: "salt-and-pepper" (values of 0 and 1), "masking" (pixels of 0 in all channels),
            or "gaussian" (none).

    Returns:
        bool of the same shape, or None for none.
    """
    if kind == "salt-and-pepper":
        return (x <= 0) | (x >= 1)
    if kind == "masking":
        return (x <= 0) & _in_all(x <= 0)
    return None


def fill(x: Array, missing: Array) -> Array:
    """Replace missing values by the mean of their known neighbours, of the same channel.

    First by those in a window of 5x5, then from what the pass before has filled, up to
    `REACH` pixels; what is further inside a hole stays as it is.

    Args:
        x: (B, C, H, W), an array or a tensor.
        missing: bool of the same shape.
    """
    hit = missing.reshape(len(missing), -1).any(1)  # in training, few of a batch
    filled = x + 0
    filled[hit] = _fill(x[hit], ~missing[hit])
    return filled


def _fill(x: Array, is_known: Array) -> Array:
    xp = namespace(x)
    known = is_known * xp.ones_like(x)
    value = x * known
    for _ in range(REACH // _RADIUS):
        if bool(known.all()):
            break
        weight = _box(known)
        new = (known == 0) & (weight > 1e-6)
        value = xp.where(new, _box(value) / xp.clip(weight, 1e-6, None), value)
        known = known + new
    filled: Array = xp.where(known > 0, value, x)
    return filled


def recognise(x: FloatArray) -> Kind:
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
    if max(_count(low), _count(high)) < _HITS * _PLACES * x.size:  # spares most photos the rest
        return "gaussian"
    extreme = low | high
    known = (~extreme).astype(x.dtype)
    weight = _box(known)
    around = _box(x * known) / weight.clip(1e-6)
    # Where the surroundings are far from black (or white), how much is black all the same?
    dark = _impulse_rate(x, low, (weight > 1e-6) & (around > _FAR))
    bright = _impulse_rate(1 - x, high, (weight > 1e-6) & (around < 1 - _FAR))
    if max(dark, bright) == 0:
        return "gaussian"
    together = _in_all(low)
    lone = _count(low & ~together) > 0.1 * _count(low)
    return "salt-and-pepper" if bright or lone else "masking"


def _impulse_rate(x: FloatArray, extreme: _Bools, place: _Bools) -> float:
    """Share of zeros at these places if they look like impulses, else 0."""
    places, hits = _count(place), _count(extreme & place)
    if places < _PLACES * place.size or hits < _HITS * places:
        return 0.0
    flank = _count((x < 16.5 / 255) & ~extreme & place)
    if hits < 8 * flank:
        return 0.0
    return hits / places if _correlation(extreme, place) < _DEPENDENT else 0.0


def _correlation(hit: _Bools, place: _Bools) -> float:
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


def _count(x: _Bools) -> int:
    return int(np.count_nonzero(x))


def _in_all(x: Array) -> Array:
    """Which pixels of (B, C, H, W) are true in all channels, (B, 1, H, W)."""
    return x.all(1)[:, None]


def _box(x: Array) -> Array:
    """Mean over a square window; zeros beyond the edges."""
    side = 2 * _RADIUS + 1
    height, width = x.shape[2:]
    # Sums of shifted copies, which take a tenth of the time of torch's avg_pool2d.
    x = pad(x, _RADIUS)
    x = sum((x[..., i : i + width] for i in range(1, side)), x[..., :width])
    x = sum((x[:, :, i : i + height] for i in range(1, side)), x[:, :, :height])
    return x / side**2
