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


def alone(cells: Cells) -> Cells:
    """Those of some cells (rows, columns) of which at most one of the eight around is another."""
    rows, columns = cells.shape
    padded = np.pad(cells, 1).astype(np.uint8)
    around = sum(padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3))
    found: Cells = cells & (around <= 2)
    return found


def cell_mse(a: Image.Image, b: Image.Image) -> npt.NDArray[np.float64]:
    """Mean squared error in each cell, on the scale of 0 to 255."""
    peak = 257 if a.mode == "I;16" else 1
    x, y = (np.asarray(image, dtype=np.float32) for image in (a, b))
    return _means(np.square((x - y) / peak))


def cell_variances(pixels: Image.Image) -> npt.NDArray[np.float64]:
    """Variance in each cell, mean of the channels, on the scale of 0 to 255."""
    x = np.asarray(pixels, dtype=np.float32) / (257 if pixels.mode == "I;16" else 1)
    planes = np.moveaxis(x.reshape(*x.shape[:2], -1), 2, 0)
    variances = [_means(np.square(plane)) - _means(plane) ** 2 for plane in planes]
    return np.mean(variances, axis=0, dtype=np.float64)


def _means(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Mean of each cell, and of the channels."""
    if values.ndim == 3:
        values = values.mean(axis=2)
    rows = np.add.reduceat(values, np.arange(0, len(values), CELL), axis=0)
    sums = np.add.reduceat(rows, np.arange(0, values.shape[1], CELL), axis=1)
    return (sums / cell_areas(*values.shape[::-1])).astype(np.float64)
