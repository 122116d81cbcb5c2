"""Which cells of a picture look drawn rather than photographed, from a sample of its pixels.

It must cost next to nothing: every photograph pays for it. One row in eight is looked at.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.images.cells import CELL, Cells, cell_areas, cell_grid

_EVERY = 8  # rows
_FOLLOWS = 0.5  # share of pixels that their neighbours tell, from which on a cell is not natural
_FLAT = 0.98  # or has nothing in it
# In levels of 255: mean step between neighbours that no photograph has; mean step where the
# neighbours do not tell a pixel that a smooth part of a photograph does not have.
_WILD, _SHARP = 40.0, 10.0
# Noise without a picture: in most cells steps of so many levels, and means that differ by less
# than this share of them.
_RESTLESS, _UNIFORM = 3.0, 0.3
# Levels that a pixel is above or below its neighbours; mean square of these over all pixels.
_ALONE, _IMPULSES = 60, 200
# Steps of colours for each one of light, in all and in a cell: photographs have 0.5 (1.73 at most
# of 132), a camera's noise up to 2.7, and networks trained on photographs fail where it is more.
_VIVID, _VIVID_CELL = 2.7, 1.2
# Noise of each pixel is as different two pixels away as one, a camera's 1.5 times. What is so much
# more different is no noise, and vivid with fewer steps.
_SMOOTH, _VERY_SMOOTH, _VIVID_SMOOTH = 1.25, 1.82, 1.8
# What a pixel that its neighbours do not tell costs in a lossless file, of the entropy of such.
_CODED = 0.6
# Text has so many squared steps for each bit of a lossless file, and stands on a ground: so many
# cells are flat. Of 659 photographs three have text by that.
_LEGIBLE, _GROUND = 600, 0.1
# Colours, bits of a pixel in a lossless file, and pixels a side of the piece that is tried: grey
# photographs have few colours, too, but take more bits.
_FEW, _EASY, _PIECE = 1024, 2.5, 512
_UNSEEN = 16.0  # bits of a colour that occurs once


@dataclass(frozen=True)
class DrawnCells:
    """What a sample tells of each cell of a picture or of a part of it, all bool (rows, columns).

    Attributes:
        flat: nothing is to be seen in them.
        drawn: sharp edges on flat ground, or more restless than any photograph.
        repeating: most of their pixels are told by their neighbours: there is no noise on them.
        vivid: their colours change more than their light, in a picture where that is so throughout.
        natural: neither drawn nor repeating nor vivid.
        writing: drawn ones that are cheap to keep for how sharp they are, as text is.
        bits: about what each costs in a lossless file of the drawn ones; float32.
    """

    flat: Cells
    drawn: Cells
    repeating: Cells
    vivid: Cells
    natural: Cells
    writing: Cells
    bits: npt.NDArray[np.float32]

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
    width, height = pixels.size
    rows = np.arange(_EVERY // 2, max(height, _EVERY // 2 + 1), _EVERY)
    above, here = _rows(pixels, len(rows), -1), _rows(pixels, len(rows), 0)
    left, above_left, second = here.copy(), above.copy(), here.copy()
    left[:, 1:], above_left[:, 1:], second[:, 2:] = here[:, :-1], above[:, :-1], here[:, :-2]
    follows = (here == above) | (here == left) | (here == second)
    follows |= here == left + above - above_left
    follows[:, 0] = here[:, 0] == above[:, 0]
    step = _steps(here, pixels.mode)
    grid = cell_grid(width, height)
    share = _by_cell(rows, follows, grid)
    steps, jumps = _by_cell(rows, step, grid), _by_cell(rows, step * ~follows, grid)
    flat, wild = share >= _FLAT, steps > _WILD
    if np.median(steps) > _RESTLESS:
        levels = _levels(here, pixels.mode)
        if _is_noise(levels, rows, steps):
            wild = np.ones_like(wild)
        elif np.median(share) < _FOLLOWS:  # and so no text
            alone = _alone(levels, _levels(above, pixels.mode))
            if alone.mean() > _IMPULSES:
                wild |= _by_cell(rows, alone, grid) > _IMPULSES
    sharp = jumps > _SHARP * (1 - share)
    drawn = ((share >= _FOLLOWS) & ~flat & sharp) | wild
    chosen = ~follows & drawn[rows // CELL].repeat(CELL, 1)[:, :width]
    surprising = here[chosen]
    bits_of_pixel = _CODED * _entropy(surprising) * (1 - share)
    contrast = _by_cell(rows, np.square(step), grid)
    writing = drawn & (contrast > _LEGIBLE * bits_of_pixel) & (flat.mean() > _GROUND)
    bits = (bits_of_pixel * cell_areas(width, height)).astype(np.float32)
    repeating = share >= _FOLLOWS
    vivid = _vivid(rows, here, grid) if pixels.mode == "RGB" else np.zeros_like(drawn)
    natural = ~(repeating | drawn | vivid)
    return DrawnCells(flat & ~wild, drawn, repeating, vivid, natural, writing, bits)


def has_palette(pixels: Image.Image) -> bool:
    """Whether a picture of mode "RGB" has few colours, and a piece of it is easy to keep."""
    if pixels.mode != "RGB" or pixels.getcolors(_FEW) is None:
        return False
    width, height = (min(side, _PIECE) for side in pixels.size)
    left, top = (pixels.width - width) // 2, (pixels.height - height) // 2
    piece, file = pixels.crop((left, top, left + width, top + height)), io.BytesIO()
    piece.save(file, "WEBP", lossless=True, exif=b"", xmp=b"", icc_profile=b"")
    return 8 * file.tell() < _EASY * width * height


def _vivid(
    rows: npt.NDArray[np.int64], here: npt.NDArray[np.uint32], grid: tuple[int, int]
) -> Cells:
    """As `DrawnCells` has it, of colours."""
    planes = _planes(here, "RGB")[0]
    colours = planes[0] - planes[1], planes[2] - planes[1]
    light = planes[0] + 2 * planes[1] + planes[2]
    near, far = (_apart(colours[0], by) + _apart(colours[1], by) for by in (1, 2))
    colour = _by_cell(rows, near, grid)
    steps = 1 + _by_cell(rows, _apart(light, 1), grid) / 4
    vivid: Cells = colour > _VIVID_CELL * steps
    smooth = far.mean() / max(1, near.mean())
    most = _VIVID_SMOOTH if smooth > _VERY_SMOOTH else _VIVID
    everywhere = smooth > _SMOOTH and colour.mean() > most * steps.mean()
    return vivid if everywhere else np.zeros_like(vivid)


def _apart(
    plane: npt.NDArray[np.signedinteger[Any]], by: int
) -> npt.NDArray[np.signedinteger[Any]]:
    """How far each value of rows is from the one so many to its left."""
    found = np.zeros_like(plane)
    found[:, by:] = np.abs(plane[:, by:] - plane[:, :-by])
    return found


def _is_noise(
    levels: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    steps: npt.NDArray[np.float32],
) -> bool:
    """Whether the cells have the same mean, as far as independent pixels can tell: no picture."""
    if steps.size < 4:
        return False
    spread = _by_cell(rows, levels, (steps.shape[0], steps.shape[1])).std()
    return bool(spread < _UNIFORM * np.median(steps))


def _alone(
    levels: npt.NDArray[np.float32], above: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Square of how far each pixel is above or below those around it, if it is far."""
    found = np.zeros_like(levels)
    if levels.shape[1] > 2:
        inner = levels[:, 1:-1]
        around = levels[:, :-2], levels[:, 2:], above[:, 1:-1]
        highest = np.maximum(np.maximum(around[0], around[1]), around[2])
        lowest = np.minimum(np.minimum(around[0], around[1]), around[2])
        least = np.maximum(inner - highest, lowest - inner)
        np.square(least, where=least > _ALONE, out=found[:, 1:-1])
    return found


def _rows(pixels: Image.Image, count: int, shift: int) -> npt.NDArray[np.uint32]:
    """So many rows, every eighth, shifted by some: each pixel as one number, (count, width).

    Of colours the numbers add up as the colours do, but for carries.
    """
    size, top = (pixels.width, count), shift
    if pixels.height <= _EVERY // 2:  # too low: its last row
        top = pixels.height - 1 - _EVERY // 2 + shift
    # At 8 y + 4: the middle of the output's pixel, whose row is its whole part.
    way = (1, 0, 0, 0, _EVERY, max(top, -_EVERY // 2))
    sample = pixels.transform(size, Image.Transform.AFFINE, way, Image.Resampling.NEAREST)
    if pixels.mode == "RGB":
        values = np.asarray(sample.convert("RGBX"))
        return values.view(np.uint32)[..., 0]
    return np.asarray(sample).astype(np.uint32)


def _steps(here: npt.NDArray[np.uint32], mode: str) -> npt.NDArray[np.float32]:
    """How far each pixel is from the one to its left, mean of the colours: (rows, width)."""
    planes, unit = _planes(here, mode)
    steps = np.zeros(here.shape, np.float32)
    for plane in planes:
        steps += _apart(plane, 1)
    return steps * np.float32(unit)


def _levels(here: npt.NDArray[np.uint32], mode: str) -> npt.NDArray[np.float32]:
    """Mean of the colours of sampled rows, of 255: (rows, width)."""
    planes, unit = _planes(here, mode)
    levels = np.zeros(here.shape, np.float32)
    for plane in planes:
        levels += plane
    return levels * np.float32(unit)


def _planes(
    here: npt.NDArray[np.uint32], mode: str
) -> tuple[list[npt.NDArray[np.signedinteger[Any]]], float]:
    """Each colour (rows, width) of sampled rows, and by what their sum gives a mean level."""
    if mode == "RGB":
        colours = here.view(np.uint8).reshape(*here.shape, 4)
        return [colours[..., channel].astype(np.int16) for channel in range(3)], 1 / 3
    return [here.astype(np.int32)], 1 / 257 if mode == "I;16" else 1


def _by_cell(
    rows: npt.NDArray[np.int64], values: npt.NDArray[np.generic], grid: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Mean of the sampled values (rows, width) in each cell."""
    starts = np.arange(0, values.shape[1], CELL)
    sums = np.add.reduceat(values.astype(np.float32), starts, axis=1)
    first = np.flatnonzero(np.diff(rows // CELL, prepend=-1))
    counts = np.diff([*first, len(rows)])[:, None] * np.diff([*starts, values.shape[1]])[None]
    means: npt.NDArray[np.float32] = np.add.reduceat(sums, first, axis=0) / counts
    # A last row of cells too low for a sample is as the one above.
    return means if len(means) == grid[0] else np.concatenate([means, means[-1:]])


def _entropy(colours: npt.NDArray[np.uint32]) -> float:
    """Bits of each of some colours (N,), by how often they occur; at least one.

    Colours that occur once stand for all that the sample did not meet.
    """
    counts = np.unique(colours, return_counts=True)[1]
    if len(counts) < 2:
        return 1.0
    p = counts / counts.sum()
    single = float((counts == 1).sum() / counts.sum())
    return max(1.0, float(-(p * np.log2(p)).sum()) * (1 - single) + _UNSEEN * single)
