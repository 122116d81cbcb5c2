"""Rounding that counts what a symbol costs: rate-distortion optimised quantisation."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from aecodec.codec.scales import LOG_SCALE_STEP, SCALE_LEVELS, SCALE_MIN
from aecodec.nn.arrays import Array, FloatArray, lookup, namespace

# What a squared error of one quantiser step is worth, in bits; chosen on held-out photos
# (docs/lab/codec.md).
ERROR_BITS = 24.0


@lru_cache(maxsize=1)
def shrinkage() -> FloatArray:
    """How much a magnitude shrinks before it is rounded, at each scale index: (64,), in [0, 0.5].

    Where 0 costs d bits less than 1, the two cost the same at 1/2 + d / (2 w), if a squared
    error of one step is worth w bits.
    """
    saved = []
    for index in range(SCALE_LEVELS):
        inverse = 1 / (SCALE_MIN * math.exp(index * LOG_SCALE_STEP) * math.sqrt(2))
        tails = [0.5 * math.erfc(edge * inverse) for edge in (-0.5, 0.5, 1.5)]
        zero, one = (max(tails[k] - tails[k + 1], 1e-9) for k in (0, 1))
        saved.append(math.log2(zero / one))
    return np.clip(np.array(saved) / (2 * ERROR_BITS), None, 0.5).astype(np.float32)


def rdoq_round(values: Array, index: Array, masking: Array | None = None) -> Array:
    """Values rounded, towards zero where that saves more bits than its error is worth.

    Args:
        values: in quantiser steps; an array or a tensor.
        index: scale indices, of a shape that broadcasts to that of `values`.
        masking: of each value, how many times as much as usual it may shrink; 1 everywhere if
            missing.
    """
    xp = namespace(values)
    by = lookup(shrinkage(), xp.clip(xp.round(index), 0, SCALE_LEVELS - 1))
    half = 0.5 - (by if masking is None else xp.clip(masking * by, 0, 0.5))
    rounded: Array = xp.copysign(xp.floor(abs(values) + half), values)
    return rounded
