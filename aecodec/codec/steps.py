"""The order in which latents are coded: four steps, each a quarter of them.

Channels fall into four groups and positions into four parities; each step codes, at
every position, one group, so that later steps see both their neighbours and the other
groups in place (Li et al., "Neural video compression with diverse contexts", 2023).
A step is kept densely at half the resolution: (B, M, h/2, w/2), its channels in the
order of the latents'. All heights and widths are even. Arrays and tensors will do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aecodec.nn.arrays import Array, namespace

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
