"""Filters of rows and columns by matrices whose weights are near the diagonal."""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS = 16  # of a matrix, that are worked on together

Band = tuple[Tensor, int, int]
"""Some rows of a matrix, between the first and the last column that they need."""


def bands(kernel: Tensor) -> list[Band]:
    """A matrix (R, S) in pieces, from the top to the bottom."""
    found = []
    for rows in kernel.split(_ROWS):
        used = rows.any(0).nonzero()[:, 0]
        low, high = int(used[0]), int(used[-1]) + 1
        found.append((rows[:, low:high].contiguous(), low, high))
    return found


def filtered(pictures: Tensor, kernel: list[Band]) -> Tensor:
    """Pictures (..., S, S), filtered down and across: (..., R, R)."""
    across = torch.cat([pictures[..., low:high] @ rows.T for rows, low, high in kernel], -1)
    return torch.cat([rows @ across[..., low:high, :] for rows, low, high in kernel], -2)
