"""Cells: a grid of small squares over a picture, from its upper left corner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

CELL = 32  # pixels a side; those at the right and lower border may be smaller

Cells = npt.NDArray[np.bool_]  # (rows, columns)


def cell_grid(width: int, height: int) -> tuple[int, int]:
    """(rows, columns) of cells in so many pixels."""
    return -(-height // CELL), -(-width // CELL)


def cell_areas(width: int, height: int) -> npt.NDArray[np.int64]:
    """Pixels of each cell in so many."""
    widths, heights = (np.diff([*range(0, n, CELL), n]) for n in (width, height))
    return heights[:, None] * widths[None]


def pixels_of(cells: Cells, shape: Sequence[int], side: int = CELL) -> Cells:
    """Which pixels of a picture (H, W, ...) are in these cells, of so many pixels a side."""
    return cells.repeat(side, 0).repeat(side, 1)[: shape[0], : shape[1]]


def combine(inside: Image.Image, outside: Image.Image, cells: Cells) -> Image.Image:
    """One picture where cells are true, another of its mode and size elsewhere.

    Not by Pillow's masks, which 16-bit grey does not have.
    """
    a, b = np.asarray(inside), np.asarray(outside)
    mask = pixels_of(cells, a.shape)
    return Image.fromarray(np.where(mask if a.ndim == 2 else mask[..., None], a, b))
