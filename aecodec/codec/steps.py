"""The order in which latents are coded: four steps, each a quarter of them.

Channels fall into four groups and positions into four parities; each step codes, at
every position, one group, so that later steps see both their neighbours and the other
groups in place (Li et al., "Neural video compression with diverse contexts", 2023).
A step is kept as a dense tensor at half the resolution: (B, M, h/2, w/2), its channels
in the order of the latents'. All heights and widths are even.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEPS = 4
GROUPS = STEPS

# Step t codes group g at the t ^ g th of these positions of a 2x2 cell.
_CELL = ((0, 0), (1, 1), (0, 1), (1, 0))


def _cells(x: Tensor) -> Tensor:
    """(B, C, h, w) -> a view (B, h/2, 2, w/2, 2, C), rows of channels contiguous."""
    b, c, h, w = x.shape
    return x.permute(0, 2, 3, 1).reshape(b, h // 2, 2, w // 2, 2, c)


def select(x: Tensor, step: int) -> Tensor:
    """For each group its features (B, C, h, w) at the step's positions: (B, 4C, h/2, w/2)."""
    cells = _cells(x)
    parts = []
    for group in range(GROUPS):
        row, column = _CELL[step ^ group]
        parts.append(cells[:, :, row, :, column])
    return torch.cat(parts, dim=-1).permute(0, 3, 1, 2)


def pack(y: Tensor) -> list[Tensor]:
    """Latents (B, M, h, w) -> the four steps, each (B, M, h/2, w/2)."""
    cells = _cells(y).unflatten(-1, (GROUPS, -1))
    steps = []
    for step in range(STEPS):
        places = [_CELL[step ^ group] for group in range(GROUPS)]
        parts = [cells[:, :, row, :, column, g] for g, (row, column) in enumerate(places)]
        steps.append(torch.cat(parts, dim=-1).permute(0, 3, 1, 2))
    return steps


def place(x: Tensor, values: Tensor, step: int) -> Tensor:
    """x with the values of a step, (B, M, h/2, w/2), in its last M channels, (B, C, h, w).

    In place, unless a gradient may need the x of before.
    """
    x = x.clone() if torch.is_grad_enabled() else x
    channels = x[:, -values.shape[1] :].unflatten(1, (GROUPS, -1))
    for group, part in enumerate(values.unflatten(1, (GROUPS, -1)).unbind(1)):
        row, column = _CELL[step ^ group]
        channels[:, group, :, row::2, column::2] = part
    return x
