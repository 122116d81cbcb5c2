"""Pictures that repeat themselves, as a wall of codes does: one fits on another in many places.

Small copies have lost what tells such pictures apart, and leave the pattern, which is alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np
import torch
from torch import Tensor

from aecodec.hashing.verify.align import outlines
from aecodec.hashing.verify.decide import Verdict
from aecodec.hashing.verify.places import small_grey

PATTERNS = "they repeat themselves, and a part of one is like any other"
"""Why they are not the same."""

HUES = "they repeat themselves in other hues"
"""The same of one pattern in other colours."""

SIDE = 64
"""Pixels a side of the copies in which repetition shows."""

_NEAREST = 4  # pixels of these: what is nearer is alike anyway
# Correlation with itself, shifted: of 88 photographs (400 pixels a side) the most is 0.77, and half
# have 0.27; of walls of codes that were called the same the least is 0.88.
_REPEATED = 0.8
_COLOURED, _HUE = 0.08, 0.9  # least distance from grey, of [0, 1]; and cosine between hues
_ALL = 0.07  # of the area, by which one may be larger than the other where both show all


def unless_repeated(
    pictures: Tensor, verdicts: Sequence[Verdict], final: bool = False
) -> list[Verdict]:
    """Verdicts, but where pictures repeat themselves and one shows only a part of the other, any
    part would do: they are not the same. Where both show all they may be, which none is sure of,
    but not in other hues.

    Args:
        pictures: the first and the second of pairs, RGB squares (2, N, 3, S, S).
        verdicts: on the pairs.
        final: nobody looks any closer.
    """
    found = list(verdicts)
    rows = [n for n, verdict in enumerate(verdicts) if verdict.same and verdict.maps is not None]
    if rows:
        chosen = small_grey(pictures[0].index_select(0, torch.tensor(rows)), SIDE)
        for n in compress(rows, repeat_themselves(chosen)):
            if not _is_of_all(found[n]):
                found[n] = replace(found[n], same=False, reason=PATTERNS, sure=True)
            elif _differ_in_hue(pictures[0][n], pictures[1][n]):
                found[n] = replace(found[n], same=False, reason=HUES, sure=True)
            elif not final:
                found[n] = replace(found[n], sure=False)
    return found


def _differ_in_hue(first: Tensor, second: Tensor) -> bool:
    """Whether RGB pictures (3, S, S) both have colours on average, and of other hues."""
    means = [one.mean((1, 2)) for one in (first, second)]
    a, b = (mean - mean.mean() for mean in means)
    sizes = float(a.norm()), float(b.norm())
    return min(sizes) > _COLOURED and float(a @ b) < _HUE * sizes[0] * sizes[1]


def _is_of_all(verdict: Verdict) -> bool:
    assert verdict.maps is not None
    (xx, xy, _), (yx, yy, _) = verdict.maps
    return abs(abs(xx * yy - xy * yx) - 1) < _ALL


def repeat_themselves(pictures: Tensor) -> list[bool]:
    """Of grey squares (N, 1, SIDE, SIDE)."""
    shapes = outlines(pictures)[:, 0]
    shapes = shapes - shapes.mean((1, 2), keepdim=True)
    size = 2 * SIDE  # so that nothing comes in again on the other side
    spectra = torch.fft.rfft2(shapes, (size, size))
    products = torch.fft.irfft2(spectra.abs().square(), (size, size)).numpy()
    apart = np.minimum(np.arange(size), size - np.arange(size))
    overlap = np.outer(SIDE - apart, SIDE - apart).clip(1)
    power = shapes.square().mean((1, 2)).numpy() + 1e-9
    far = np.maximum(apart[:, None], apart)
    there = (far >= _NEAREST) & (far <= SIDE // 2)
    greatest = (products[:, there] / overlap[there]).max(1) / power
    found: list[bool] = (greatest > _REPEATED).tolist()
    return found
