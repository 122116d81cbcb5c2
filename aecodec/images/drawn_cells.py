"""Which cells of a picture look drawn rather than photographed, from a sample of its pixels.

It must cost next to nothing: every photograph pays for it. One row in eight is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.images.cells import CELL, Cells, cell_grid

_EVERY = 8  # rows
_FOLLOWS = 0.5  # share of pixels that their neighbours tell, from which on a cell is not natural
_FLAT = 0.98  # or has nothing in it
# In levels of 255: mean step between neighbours that no photograph has; mean step where the
# neighbours do not tell a pixel that a smooth part of a photograph does not have.
_WILD, _SHARP = 40.0, 10.0
# What a pixel that its neighbours do not tell costs in a lossless file, of the entropy of such.
_CODED = 0.6
_UNSEEN = 16.0  # bits of a colour that occurs once


@dataclass(frozen=True)
class DrawnCells:
    """What a sample tells of each cell of a picture or of a part of it, all bool (rows, columns).

    Attributes:
        flat: nothing is to be seen in them.
        drawn: sharp edges on flat ground, or more restless than any photograph.
        repeating: most of their pixels are told by their neighbours: there is no noise on them.
        natural: neither drawn nor repeating.
        bits: about what the drawn ones cost together in a lossless file.
    """

    flat: Cells
    drawn: Cells
    repeating: Cells
    natural: Cells
    bits: float

    @property
    def exact(self) -> Cells:
        """Those worth keeping exactly if that is cheap."""
        return self.drawn | self.flat

    @property
    def busy(self) -> float:
        """Of the cells with something in them, the share that is drawn."""
        return float(self.drawn.sum() / max(1, (~self.flat).sum()))


def find_drawn(pixels: Image.Image) -> DrawnCells:
    """Classify the cells of pixels of mode "RGB", "L" or "I;16".

    A drawn picture repeats itself: most of its pixels are those to the left, above, two to the
    left, or what the three neighbours extrapolate to. Sensors and lenses leave such pixels only
    where they saturate, and in smooth parts, where the others differ little.
    """
    values = np.asarray(pixels)
    height, width = values.shape[:2]
    rows = np.arange(min(_EVERY // 2, height - 1), height, _EVERY)
    above, here = _packed(values[np.maximum(rows - 1, 0)]), _packed(values[rows])
    left, above_left, second = here.copy(), above.copy(), here.copy()
    left[:, 1:], above_left[:, 1:], second[:, 2:] = here[:, :-1], above[:, :-1], here[:, :-2]
    follows = (here == above) | (here == left) | (here == second)
    follows |= here == left + above - above_left
    follows[:, 0] = here[:, 0] == above[:, 0]
    step = _steps(values[rows]) / (257 if pixels.mode == "I;16" else 1)
    grid = cell_grid(width, height)
    share = _by_cell(rows, follows, grid)
    steps, jumps = _by_cell(rows, step, grid), _by_cell(rows, step * ~follows, grid)
    flat, wild = share >= _FLAT, steps > _WILD
    sharp = jumps > _SHARP * (1 - share)
    drawn = ((share >= _FOLLOWS) & ~flat & sharp) | wild
    chosen = ~follows & drawn[rows // CELL].repeat(CELL, 1)[:, :width]
    surprising = here[chosen]
    bits = _CODED * _EVERY * len(surprising) * _entropy(surprising)
    repeating = share >= _FOLLOWS
    return DrawnCells(flat & ~wild, drawn, repeating, ~repeating & ~drawn, bits)


def _packed(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Colours (rows, width, 3), or grey (rows, width), as one number each that adds up as they do."""
    if values.ndim == 2:
        return values.astype(np.int64)
    wide = values.astype(np.int64)
    return (wide[..., 0] << 40) + (wide[..., 1] << 20) + wide[..., 2]


def _steps(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """How far each pixel is from the one to its left, mean of the colours: (rows, width)."""
    wide = values.astype(np.float32)
    steps = np.zeros_like(wide)
    np.abs(wide[:, 1:] - wide[:, :-1], out=steps[:, 1:])
    return steps if steps.ndim == 2 else (steps[..., 0] + steps[..., 1] + steps[..., 2]) / 3


def _by_cell(
    rows: npt.NDArray[np.int64], values: npt.NDArray[np.generic], grid: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Mean of the sampled values (rows, width) in each cell."""
    starts = np.arange(0, values.shape[1], CELL)
    sums = np.add.reduceat(values.astype(np.float64), starts, axis=1)
    counts = np.diff([*starts, values.shape[1]])
    total, seen = np.zeros(grid), np.zeros(grid)
    np.add.at(total, rows // CELL, sums)
    np.add.at(seen, rows // CELL, counts[None])
    # A last row of cells too low for a sample is as the one above.
    if len(total) > 1 and not seen[-1].any():
        total[-1], seen[-1] = total[-2], seen[-2]
    return total / seen


def _entropy(colours: npt.NDArray[np.int64]) -> float:
    """Bits of each of some colours (N,), by how often they occur; at least one.

    Colours that occur once stand for all that the sample did not meet.
    """
    counts = np.unique(colours, return_counts=True)[1]
    if len(counts) < 2:
        return 1.0
    p = counts / counts.sum()
    single = float((counts == 1).sum() / counts.sum())
    return max(1.0, float(-(p * np.log2(p)).sum()) * (1 - single) + _UNSEEN * single)
