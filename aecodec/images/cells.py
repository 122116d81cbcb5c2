"""Cells: a grid of small squares over a picture, from its upper left corner."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

CELL = 32  # pixels a side; those at the right and lower border may be smaller

Cells = npt.NDArray[np.bool_]  # (rows, columns)


def cell_grid(width: int, height: int) -> tuple[int, int]:
    """(rows, columns) of cells in so many pixels."""
    return -(-height // CELL), -(-width // CELL)


def combine(inside: Image.Image, outside: Image.Image, cells: Cells) -> Image.Image:
    """One picture where cells are true, another of its mode and size elsewhere.

    Not by Pillow's masks, which 16-bit grey does not have.
    """
    a, b = np.asarray(inside), np.asarray(outside)
    mask = cells.repeat(CELL, 0).repeat(CELL, 1)[: a.shape[0], : a.shape[1]]
    return Image.fromarray(np.where(mask if a.ndim == 2 else mask[..., None], a, b))
