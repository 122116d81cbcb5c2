"""Curves of single levels: what is left between two pictures once each level of the one may become
any level of the other, if a higher one becomes no lower one elsewhere.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

COLOURLESS = 4.0
"""Levels by which channels differ, on average, in what counts as grey."""

_BINS, _WIDTH = 64, 4  # of levels, for each of which the other picture's median is taken
_SUPPORT = 12  # samples that a bin has to have
_SAMPLES = 128  # a side


def apart(x: Array, y: Array) -> Array:
    """Absolute differences of uint8."""
    found: Array = np.maximum(x, y) - np.minimum(x, y)
    return found


def left_of(target: Array, source: Array, clear: Array) -> Array:
    """Levels between a picture, uint8 (C, H, W), and what the other becomes, uint8 (H, W).

    Args:
        clear: pixels that say what levels become, bool (H, W).
    """
    found = np.zeros(clear.shape, np.uint8)
    step = max(1, max(clear.shape) // _SAMPLES)
    chosen = np.flatnonzero(clear[::step, ::step])
    for own, other in zip(target, source, strict=True):
        some = [one[::step, ::step].ravel().take(chosen) for one in (other, own)]
        low, high = _curve(*some)
        nearest = np.minimum(np.maximum(own, low.take(other)), high.take(other))
        np.maximum(found, apart(own, nearest), out=found)
    return found


def _curve(source: Array, target: Array) -> tuple[Array, Array]:
    """Between what levels each of 256 of the source becomes: the median of its bin; or anything
    between the medians of the next ones where its own has too few samples, as what is clipped has.
    """
    numbers = (source // _WIDTH).astype(np.int64) * 256 + target
    sums = np.bincount(numbers, minlength=_BINS * 256).reshape(_BINS, 256).cumsum(1)
    counts = sums[:, -1]
    known = counts >= _SUPPORT
    medians = np.zeros(_BINS + 2)
    medians[_BINS + 1] = 255
    medians[:_BINS][known] = (sums[known] <= counts[known, None] // 2).sum(1)
    places = np.arange(_BINS)
    before = np.maximum.accumulate(np.where(known, places, -1))
    after = np.minimum.accumulate(np.where(known, places, _BINS + 1)[::-1])[::-1]
    ends = np.stack([medians[np.where(before < 0, _BINS, before)], medians[after]])
    bins, ahead = _between_centres()
    levels = ends[:, bins] + ahead * (ends[:, bins + 1] - ends[:, bins])
    low, high = np.sort(levels, axis=0).round().astype(np.uint8)
    return low, high


@cache
def _between_centres() -> tuple[Array, Array]:
    """Of each of 256 levels, the bin at whose centre or above it it is, (256,), and how far it is
    on the way to the next one's, 0 to 1.
    """
    place = ((np.arange(256) + 0.5) / _WIDTH - 0.5).clip(0, _BINS - 1)
    bins = np.minimum(place.astype(np.int64), _BINS - 2)
    return bins, place - bins
