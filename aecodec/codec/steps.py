"""The order in which latents are coded: four steps, each a quarter of them.

Channels fall into four groups and positions into four parities; each step codes, at
every position, one group, so that later steps see both their neighbours and the other
groups in place (Li et al., "Neural video compression with diverse contexts", 2023).
A step is kept densely at half the resolution: (B, M, h/2, w/2), its channels in the
order of the latents'. All heights and widths are even. Arrays and tensors will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from aecodec.nn.arrays import AnyArray, Array, FloatArray, namespace

STEPS = 4
GROUPS = STEPS

# Step t codes group g at the t ^ g th of these positions of a 2x2 cell.
_CELL = ((0, 0), (1, 1), (0, 1), (1, 0))


def parities(step: int) -> list[tuple[int, int]]:
    """(row, column) in a 2x2 cell at which a step codes each group."""
    return [_CELL[step ^ group] for group in range(GROUPS)]


def _cells(x: Any) -> Any:
    """(B, C, h, w) -> a view (B, h/2, 2, w/2, 2, C), rows of channels contiguous."""
    b, c, h, w = x.shape
    return namespace(x).moveaxis(x, 1, -1).reshape(b, h // 2, 2, w // 2, 2, c)


def select(x: Array, step: int) -> Array:
    """For each group its features (B, C, h, w) at the step's positions: (B, 4C, h/2, w/2)."""
    cells, xp = _cells(x), namespace(x)
    parts = [cells[:, :, row, :, column] for row, column in parities(step)]
    found: Array = xp.moveaxis(xp.concatenate(parts, -1), -1, 1)
    return found


def pack(y: Array) -> list[Array]:
    """Latents (B, M, h, w) -> the four steps, each (B, M, h/2, w/2)."""
    cells, xp = _cells(y), namespace(y)
    cells = cells.reshape(*cells.shape[:-1], GROUPS, -1)
    steps = []
    for step in range(STEPS):
        parts = [
            cells[:, :, row, :, column, group] for group, (row, column) in enumerate(parities(step))
        ]
        steps.append(xp.moveaxis(xp.concatenate(parts, -1), -1, 1))
    return steps


def place(x: Array, values: Array, step: int) -> Array:
    """x with the values of a step, (B, M, h/2, w/2), in its last M channels, (B, C, h, w).

    In place, unless a gradient may need the x of before.
    """
    xp, channels = namespace(x), values.shape[1]
    if xp is not np and xp.is_grad_enabled():
        x = xp.clone(x)
    split = (len(x), GROUPS, channels // GROUPS)
    groups = x[:, -channels:].reshape(*split, *x.shape[2:])  # a view, as an axis is but split
    parts = values.reshape(*split, *values.shape[2:])
    for group, (row, column) in enumerate(parities(step)):
        groups[:, group, :, row::2, column::2] = parts[:, group]
    return x


def flat(x: AnyArray) -> AnyArray:
    """(1, C, h, w) -> (h * w * C,): the order in which symbols are coded."""
    return x.transpose(0, 2, 3, 1).reshape(-1)


def unflat(values: npt.NDArray[np.int32], shape: Sequence[int]) -> FloatArray:
    """The inverse of `flat`, in float32."""
    batch, channels, height, width = shape
    rows = values.astype(np.float32).reshape(batch, height, width, channels)
    return rows.transpose(0, 3, 1, 2)


def scatter(
    values: npt.NDArray[np.int32], where: npt.NDArray[np.intp], length: int
) -> npt.NDArray[np.int32]:
    """Values at some of `length` places, zero at the others."""
    full = np.zeros(length, dtype=np.int32)
    full[where] = values
    return full


def inside(channels: int, height: int, width: int) -> list[AnyArray] | None:
    """Of each step, which of its places (1, C, h/2, w/2) are the image's; None: all, as sizes are
    even.
    """
    if height % 2 == width % 2 == 0:
        return None
    ones = np.ones((1, channels, height, width), dtype=np.bool_)
    return pack(pad_to_multiple(ones, 2, "constant"))


def pad_to_multiple(y: AnyArray, size: int, mode: Any = "edge") -> AnyArray:
    """Rows and columns added until there are multiples of `size`: the last ones, or zeros."""
    height, width = y.shape[2:]
    if height % size == width % size == 0:
        return y  # np.pad would copy
    return np.pad(y, ((0, 0), (0, 0), (0, -height % size), (0, -width % size)), mode=mode)
