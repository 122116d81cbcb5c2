"""How hyper-latents z are coded: in the order of `aecodec.codec.steps`, each step by what is known.

Neighbours and other channels tell what to expect: a mean in whole quarters and a scale index, both
from integers alone, as all that an entropy decoder depends on. Symbols are whole numbers, as z is;
what is left of a mean has probability tables of its own, those of its mirror image if it is
negative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aecodec.codec.entropy import IndexArray, Int32Array
from aecodec.codec.scales import SCALE_LEVELS
from aecodec.codec.steps import (
    GROUPS,
    STEPS,
    flat,
    inside,
    pack,
    pad_to_multiple,
    place,
    scatter,
    unflat,
)
from aecodec.nn.arrays import AnyArray, Array, FloatArray, namespace

QUARTERS = 4  # of a step of z, in a mean
SCALES = 48  # z has no larger ones
PARTS = (0, 1, 2)  # quarters that may be left of a mean, in the order of their tables
FIRST = SCALE_LEVELS  # of these tables: those of the latents come before
KNOWN_ACTIVATION = 32  # one, in the steps of `aecodec.nn.integer`
_PER_STEP = 8  # of an activation for each step of z
_LARGEST = 1 << 10

Expect = Callable[[FloatArray], tuple[FloatArray, IndexArray]]
"""From `activations` to means, in quarters, and scale indices, both (1, N, h, w)."""


@dataclass(frozen=True)
class Expected:
    """Of some hyper-latents: what their symbols stand for, and the tables of these."""

    whole: Int32Array
    sign: Int32Array
    tables: IndexArray

    def symbols(self, z: FloatArray) -> Int32Array:
        return self.sign * (z.astype(np.int32) - self.whole)

    def values(self, symbols: Int32Array) -> Int32Array:
        return self.whole + self.sign * np.clip(symbols, -_LARGEST, _LARGEST)


def expected(mean: AnyArray, index: AnyArray) -> Expected:
    """What a mean, in quarters, and a scale index say."""
    whole = np.floor((mean + 1) / QUARTERS)
    part = mean - QUARTERS * whole
    tables = FIRST + SCALES * abs(part) + np.minimum(index, SCALES - 1)
    sign = np.where(part < 0, -1, 1)
    return Expected(whole.astype(np.int32), sign.astype(np.int32), tables.astype(np.uint8))


def activations(z: Array, known: Array) -> Array:
    """What is known, as integers in [0, 255] for the network: (B, 2N + 4, h, w).

    Args:
        z: (B, N, h, w), zero where it is not known; an array or a tensor.
        known: 1 where the groups of channels are known, else 0, (B, 4, h, w).
    """
    xp = namespace(z)
    up, down = (xp.clip(sign * _PER_STEP * z, 0, 255) for sign in (1, -1))
    found: Array = xp.concatenate([up, down, KNOWN_ACTIVATION * known], 1)
    return found


def walk(
    shape: Sequence[int], expect: Expect, code: Callable[[int, AnyArray, Expected], AnyArray]
) -> FloatArray:
    """Hyper-latents of a shape (1, N, h, w).

    Args:
        shape: theirs.
        expect: of the network, at a quality.
        code: (step, where among its flat hyper-latents, what to expect there) -> their values.
    """
    _, channels, height, width = shape
    even = (1, channels, height + height % 2, width + width % 2)
    z = np.zeros(even, np.float32)
    known = np.zeros((1, GROUPS, *even[2:]), np.float32)
    real, groups = inside(channels, height, width), inside(GROUPS, height, width)
    for step in range(STEPS):
        mean, index = (pack(found)[step] for found in expect(activations(z, known)))
        every = np.ones(mean.size, np.bool_) if real is None else flat(real[step])
        where = np.flatnonzero(every)
        values = code(step, where, expected(flat(mean)[where], flat(index)[where]))
        z = place(z, unflat(scatter(values, where, mean.size), mean.shape), step)
        quarter = (1, GROUPS, *mean.shape[2:])
        known = place(known, np.ones(quarter, np.float32) if groups is None else groups[step], step)
    return z[:, :, :height, :width]


def writer(
    z: FloatArray, add: Callable[[Int32Array, IndexArray], None]
) -> Callable[[int, AnyArray, Expected], AnyArray]:
    """For `walk`: give the symbols of z, whole numbers, and their tables to `add`."""
    steps = pack(pad_to_multiple(z, 2))

    def code(step: int, where: AnyArray, at: Expected) -> AnyArray:
        values = flat(steps[step])[where]
        add(at.symbols(values), at.tables)
        return values

    return code


def reader(
    take: Callable[[IndexArray], Int32Array],
) -> Callable[[int, AnyArray, Expected], AnyArray]:
    """For `walk`: `take` a symbol from each table."""
    return lambda step, where, at: at.values(take(at.tables))
