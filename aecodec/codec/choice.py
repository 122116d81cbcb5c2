"""What of a picture the network codes and what is kept exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.codec.container import Box
from aecodec.codec.exact import fill_cells, pack_exact
from aecodec.images.cells import CELL, Cells, cell_grid
from aecodec.images.drawn_cells import DrawnCells, find_drawn

_TRIES = 3
# How far off the estimate of what drawn cells cost may be; of busy cells, what share is worth it.
_GAIN, _LEAST_BUSY = 2.0, 0.01
_MOSTLY_DRAWN = 0.3  # which one photograph in a hundred is
_WORTH = 48  # bytes that exact pixels may take more: of tiny pictures they are few

# Against quality. Bits per pixel that hardly any photograph reaches; the PSNR in dB that every
# cell keeps; the one that drawn cells together keep. Of 450 cells of photographs at each of
# three qualities the worst had 18.7, 23.1 and 24.9 dB at qualities 20, 50 and 90.
_QUALITIES = (1, 20, 50, 90, 100)
_MOST_BPP = (0.4, 0.8, 1.2, 3.2, 5.0)
_CELL_PSNR = (15.0, 17.0, 20.5, 24.5, 26.0)
_DRAWN_PSNR = (21.0, 24.5, 28.5, 36.5, 38.5)


class Coded(NamedTuple):
    """Payloads of a picture's chunks.

    Attributes:
        learned: of each tile; all empty if no pixel is left to the network.
        exact: of the tiles that have exact cells, in their order.
        rest: the pixels that the network codes; smooth where cells are exact.
    """

    learned: list[bytes]
    exact: list[bytes]
    rest: Image.Image


class Tile:
    """A tile on the way to what is best for it."""

    def __init__(self, number: int, box: Box, pixels: Image.Image) -> None:
        self.number, self.box = number, box
        self.pixels = pixels.crop(box)
        self.cells: Cells = np.zeros(cell_grid(*self.pixels.size), dtype=np.bool_)
        self.exact = b""

    def keep(self, cells: Cells) -> None:
        """Have these cells exact."""
        self.cells = cells
        self.exact = pack_exact(self.number, self.pixels, cells) if cells.any() else b""


def keep_exactly(pixels: Image.Image, boxes: Sequence[Box]) -> Coded:
    """All pixels, bit for bit."""
    tiles = [Tile(number, box, pixels) for number, box in enumerate(boxes)]
    for tile in tiles:
        tile.keep(np.ones_like(tile.cells))
    return Coded([b""] * len(tiles), [tile.exact for tile in tiles], pixels)


def choose(
    pixels: Image.Image,
    quality: int,
    boxes: Sequence[Box],
    encode: Callable[[Image.Image], list[bytes]],
    decode: Callable[[list[bytes]], Image.Image],
) -> Coded:
    """Code a picture, exactly where that is smaller or where the network fails.

    Photographs pay for a look at one row in eight only. What looks drawn, or costs more than a
    photograph does, is tried exactly, and decoded again: a cell that comes out worse than its
    quality promises becomes exact.

    Args:
        pixels: of mode "RGB", "L" or "I;16".
        quality: 1 to 100.
        boxes: of the tiles.
        encode: pixels to a payload for each tile.
        decode: those payloads to pixels.
    """
    payloads = encode(pixels)
    suspects = []
    for number, (box, payload) in enumerate(zip(boxes, payloads, strict=True)):
        tile = Tile(number, box, pixels)
        found = find_drawn(tile.pixels)
        if _is_suspect(tile, found, len(payload), quality):
            suspects.append((tile, found))
    if not suspects:
        return Coded(payloads, [], pixels)
    mixed = _choose_smaller(pixels, suspects, payloads, encode)
    tiles = [tile for tile, _ in suspects]
    for attempt in range(_TRIES):
        if len(tiles) == len(boxes) and all(tile.cells.all() for tile in tiles):
            return Coded([b""] * len(boxes), [tile.exact for tile in tiles], pixels)
        decoded = decode(mixed)
        bad = [_failing(tile, found, decoded, quality) for tile, found in suspects]
        if not any(cells.any() for cells in bad):
            break
        for tile, cells in zip(tiles, bad, strict=True):
            if cells.any():
                last = attempt == _TRIES - 1
                tile.keep(np.ones_like(cells) if last else tile.cells | cells)
                if not tile.cells.all():
                    _whole_if_smaller(tile, len(mixed[tile.number]))
        mixed = encode(_filled(pixels, tiles))
    if len(tiles) == len(boxes) and all(tile.cells.all() for tile in tiles):
        mixed = [b""] * len(boxes)
    exact = [tile.exact for tile in tiles if tile.exact]
    return Coded(mixed, exact, _filled(pixels, tiles))


def _is_suspect(tile: Tile, found: DrawnCells, size: int, quality: int) -> bool:
    """Whether a tile whose payload has so many bytes may be better off exact, or may be damaged."""
    width, height = tile.pixels.size
    if 8 * size > _at(_MOST_BPP, quality) * width * height + 400 or not found.natural.any():
        return True
    if found.busy > _MOSTLY_DRAWN:
        return True
    if found.busy < _LEAST_BUSY or found.bits > _GAIN * 8 * size * found.busy:
        return False
    # The estimate is rough, and the trial of these cells alone is quick.
    tile.keep(found.exact)
    return len(tile.exact) < size * found.busy * _GAIN


def _choose_smaller(
    pixels: Image.Image,
    suspects: Sequence[tuple[Tile, DrawnCells]],
    payloads: list[bytes],
    encode: Callable[[Image.Image], list[bytes]],
) -> list[bytes]:
    """Give each tile the exact cells that make it smallest; the payloads of the whole picture."""
    for tile, found in suspects:
        if found.natural.mean() < 0.5:
            tile.keep(np.zeros_like(tile.cells))
            _whole_if_smaller(tile, len(payloads[tile.number]))
        if not tile.cells.any() and found.drawn.any():
            tile.keep(found.exact)
    tiles = [tile for tile, _ in suspects]
    mixed = encode(_filled(pixels, tiles)) if any(tile.cells.any() for tile in tiles) else payloads
    worse = [
        tile
        for tile in tiles
        if not tile.cells.all()
        and len(mixed[tile.number]) + len(tile.exact) >= len(payloads[tile.number])
    ]
    changed = [tile for tile in worse if tile.cells.any()]
    for tile in changed:
        tile.keep(np.zeros_like(tile.cells))
    for tile in tiles:
        if tile.cells.any() and not tile.cells.all():
            _whole_if_smaller(tile, len(mixed[tile.number]))
    return encode(_filled(pixels, tiles)) if changed else mixed


def _whole_if_smaller(tile: Tile, learned: int) -> None:
    """All of a tile exact, if that takes hardly more bytes than what it has now and its payload."""
    whole = pack_exact(tile.number, tile.pixels, np.ones_like(tile.cells))
    if len(whole) <= len(tile.exact) + learned + _WORTH:
        tile.cells, tile.exact = np.ones_like(tile.cells), whole


def _filled(pixels: Image.Image, tiles: Sequence[Tile]) -> Image.Image:
    """The picture with nothing to be coded in exact cells."""
    cells: Cells = np.zeros(cell_grid(*pixels.size), dtype=np.bool_)
    for tile in tiles:
        left, top = tile.box[0] // CELL, tile.box[1] // CELL
        rows, columns = tile.cells.shape
        cells[top : top + rows, left : left + columns] = tile.cells
    return fill_cells(pixels, cells)


def _failing(tile: Tile, found: DrawnCells, decoded: Image.Image, quality: int) -> Cells:
    """The cells of a tile that are not exact and fall short of what the quality promises."""
    mse = _cell_mse(tile.pixels, decoded.crop(tile.box))
    mse[tile.cells] = 0
    bad = mse > _mse(_at(_CELL_PSNR, quality))
    # Drawn cells keep theirs together: the worst go, until the others do.
    # In a picture that is mostly drawn the few others count, too.
    natural = found.natural if found.natural.mean() > 0.5 else np.zeros_like(found.natural)
    counted = np.where(natural | bad, 0, mse)
    order = np.argsort(-counted, axis=None)
    errors = counted.sum() - np.cumsum(np.append(0, counted.flat[order]))
    allowed = _mse(_at(_DRAWN_PSNR, quality)) * max(1, (~natural).sum())
    count = int(np.argmax(errors <= allowed + 1e-9))
    bad.flat[order[:count]] = True
    return bad


def _cell_mse(a: Image.Image, b: Image.Image) -> npt.NDArray[np.float64]:
    """Mean squared error in each cell, on the scale of 0 to 255."""
    peak = 257 if a.mode == "I;16" else 1
    x, y = (np.asarray(image, dtype=np.float32) for image in (a, b))
    error = np.square((x - y) / peak)
    if error.ndim == 3:
        error = error.mean(axis=2)
    rows = np.add.reduceat(error, np.arange(0, len(error), CELL), axis=0)
    sums = np.add.reduceat(rows, np.arange(0, error.shape[1], CELL), axis=1)
    heights, widths = (np.diff([*range(0, n, CELL), n]) for n in error.shape)
    return (sums / (heights[:, None] * widths[None])).astype(np.float64)


def _mse(psnr: float) -> float:
    return 255**2 / 10 ** (psnr / 10)


def _at(values: Sequence[float], quality: int) -> float:
    return float(np.interp(quality, _QUALITIES, values))
