"""What of a picture the network codes and what is kept exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.codec.container import Box
from aecodec.codec.exact import fill_cells, lossless_size
from aecodec.codec.few_colours import Packed
from aecodec.codec.tile import Tile
from aecodec.images.cells import CELL, Cells, cell_areas, cell_grid, cell_mse, cell_variances

_TRIES = 3
# How far off the estimate of what drawn cells cost may be; of busy cells, what share is worth it.
_GAIN, _LEAST_BUSY = 2.0, 0.01
# Busy cells of which so many are drawn, which one photograph in a hundred has; where cells that
# may be a photograph's are fewer than the others, half as many.
_MOSTLY_DRAWN = 0.3
_LEAST_WRITING = 0.004  # of the cells; 3 of 659 photographs have as many
_MOSTLY_FLAT = 0.3  # of the cells: 2 % of photographs have so many with nothing in them
_HOPELESS = 8  # times what the network costs: fewer colours do not gain so much
_TINY = 256  # pixels, which are all kept: what is wrong with one of so few can be seen
_SMALL = 1 << 17  # pixels: of smaller pictures without a natural cell all are looked at
_WORTH = 8 * 48  # bits that exact pixels may cost more: of tiny pictures they are few

# Against quality. Bits per pixel that hardly any photograph reaches; the PSNR in dB that every
# cell keeps; the one that drawn cells together keep; the one that a tile keeps if most of it is
# drawn. Of 450 cells of photographs at each of three qualities the worst had 18.7, 23.1 and
# 24.9 dB at qualities 20, 50 and 90.
_QUALITIES = (1, 20, 50, 90, 100)
_MOST_BPP = (0.4, 0.8, 1.2, 3.2, 5.0)
_CELL_PSNR = (15.0, 17.0, 20.5, 24.5, 26.0)
_DRAWN_PSNR = (21.0, 24.5, 28.5, 36.5, 38.5)
_TILE_PSNR = (20.0, 24.2, 28.2, 36.2, 38.0)


class Coded(NamedTuple):
    """Payloads of a picture's chunks.

    Attributes:
        learned: of each tile; all empty if no pixel is left to the network.
        exact: of the tiles that have exact cells, in their order.
        reduced: of each of these, whether its colours became fewer.
        rest: the pixels that the network codes; smooth where cells are exact.
    """

    learned: list[bytes]
    exact: list[bytes]
    reduced: list[bool]
    rest: Image.Image


def keep_exactly(pixels: Image.Image, boxes: Sequence[Box]) -> Coded:
    """All pixels, bit for bit."""
    tiles = [Tile(number, box, pixels, 100) for number, box in enumerate(boxes)]
    for tile in tiles:
        tile.keep(np.ones_like(tile.cells), reduce_below=0)
    return _coded([b""] * len(tiles), tiles, pixels)


def choose(
    pixels: Image.Image,
    quality: int,
    boxes: Sequence[Box],
    encode: Callable[[Image.Image], list[bytes]],
    decode: Callable[[list[bytes], Box], Image.Image],
) -> Coded:
    """Code a picture, exactly where that is better or where the network fails.

    Photographs pay for a look at one row in eight only. What looks drawn, or costs more than a
    photograph does, is decoded again, and tried exactly and in fewer colours: what costs least
    counts, in bits and errors. A cell that comes out worse than its quality promises becomes exact,
    and so do the worst cells of a tile that is mostly drawn until all of it keeps the promise.

    Args:
        pixels: of mode "RGB", "L" or "I;16".
        quality: 1 to 100.
        boxes: of the tiles.
        encode: pixels to a payload for each tile.
        decode: those payloads to the pixels of a box.
    """
    if pixels.width * pixels.height <= _TINY:
        return keep_exactly(pixels, boxes)
    payloads = encode(pixels)
    tiles = []
    for number, (box, payload) in enumerate(zip(boxes, payloads, strict=True)):
        tile = Tile(number, box, pixels, quality, len(payload))
        if _is_suspect(tile):
            tiles.append(tile)
    if not tiles:
        return Coded(payloads, [], [], pixels)
    area = _around([tile.box for tile in tiles])
    for tile in tiles:
        tile.place = _within(tile.box, area)

    def code() -> list[bytes]:
        if is_exact():
            return [b""] * len(boxes)
        return encode(_filled(pixels, tiles))

    def is_exact() -> bool:
        return len(tiles) == len(boxes) and all(tile.cells.all() for tile in tiles)

    def look(payloads: list[bytes]) -> Image.Image:
        return decode(payloads, area)

    mixed, decoded = _choose_cheapest(tiles, payloads, code, look)
    for attempt in range(_TRIES):
        if is_exact():
            return _coded(mixed, tiles, pixels)
        looked_at = decoded or look(mixed)
        bad = [_failing(tile, looked_at) for tile in tiles]
        if not any(cells.any() for cells in bad):
            break
        for tile, cells in zip(tiles, bad, strict=True):
            if cells.any():
                if attempt == _TRIES - 1 and tile.is_mostly_drawn and not tile.is_photograph:
                    tile.keep_all()
                else:
                    tile.keep(tile.cells | cells, math.inf if tile.is_mostly_drawn else 0)
                    if not tile.leave_photograph():
                        _whole_if_cheaper(tile, len(mixed[tile.number]))
        mixed, decoded = code(), None
    return _coded(mixed, tiles, _filled(pixels, tiles))


def _coded(learned: list[bytes], tiles: Sequence[Tile], rest: Image.Image) -> Coded:
    exact = [tile.exact for tile in tiles if tile.cells.any()]
    payloads, reduced = [one.payload for one in exact], [one.reduced for one in exact]
    return Coded(learned, payloads, reduced, rest)


def _around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds some."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _within(box: Box, outer: Box) -> Box:
    """A box from the upper left corner of another."""
    left, top = outer[:2]
    return box[0] - left, box[1] - top, box[2] - left, box[3] - top


def _is_suspect(tile: Tile) -> bool:
    """Whether a tile may be better off exact, or may be damaged."""
    found, size, (width, height) = tile.found, tile.learned, tile.pixels.size
    if 8 * size > _at(_MOST_BPP, tile.quality) * width * height + 400:
        return True
    if found.vivid.any() or tile.has_palette:
        return True
    if not found.natural.any() or (tile.is_mostly_drawn and found.flat.mean() > _MOSTLY_FLAT):
        # A photograph so smooth is rare, and much smaller when the network codes it.
        every = np.ones_like(tile.cells)
        if width * height < _SMALL or lossless_size(tile.pixels, every) < _HOPELESS * size:
            return True
    if found.busy > (_MOSTLY_DRAWN / 2 if tile.is_mostly_drawn else _MOSTLY_DRAWN):
        return True
    if found.writing.mean() > _LEAST_WRITING:
        return True
    if found.busy < _LEAST_BUSY or found.bits[found.drawn].sum() > _GAIN * 8 * size * found.busy:
        return False
    # The estimate is rough, and a trial of some of these cells is quick.
    return lossless_size(tile.pixels, found.drawn) < size * found.busy * _GAIN


def _choose_cheapest(
    tiles: Sequence[Tile],
    payloads: list[bytes],
    code: Callable[[], list[bytes]],
    decode: Callable[[list[bytes]], Image.Image],
) -> tuple[list[bytes], Image.Image | None]:
    """Give each tile the exact cells that cost least.

    Returns:
        The payloads of the whole picture, and what they decode to if that is known.
    """
    decoded = decode(payloads)
    learned: list[float] = []
    wholes: list[Packed | None] = []
    for tile in tiles:
        tile.leave()
        learned.append(tile.cost(payloads[tile.number], decoded))
        wholes.append(None)
        if tile.is_mostly_drawn:
            tile.keep_all(_HOPELESS * learned[-1])
            if tile.exact.cost <= learned[-1] + _WORTH:
                if not tile.has_natural:
                    continue
                wholes[-1] = tile.exact
        tile.leave()
        if tile.found.drawn.any() and not tile.found.exact.all():
            worth = math.inf if tile.is_mostly_drawn else _HOPELESS * 8 * tile.learned
            tile.keep_drawn(worth, decoded)
            tile.leave_photograph()
        if wholes[-1] and not tile.cells.any():
            tile.cells, tile.exact = np.ones_like(tile.cells), wholes[-1]
    if not any(tile.cells.any() for tile in tiles):
        return payloads, decoded
    mixed = code()
    parted = [tile.cells.any() and not tile.cells.all() for tile in tiles]
    if not any(parted):
        return mixed, None
    decoded, changed = decode(mixed), False
    for tile, cost, whole, parts in zip(tiles, learned, wholes, parted, strict=True):
        if not parts:
            continue
        cost_of_parts = tile.cost(mixed[tile.number], decoded)
        if whole and whole.cost <= cost_of_parts + _WORTH:
            tile.cells, tile.exact = np.ones_like(tile.cells), whole
            changed = True
        elif cost_of_parts >= cost:
            tile.leave()
            changed = True
        elif not whole:
            changed |= _whole_if_cheaper(tile, len(mixed[tile.number]))
    return (code(), None) if changed else (mixed, decoded)


def _whole_if_cheaper(tile: Tile, learned: int) -> bool:
    """All of a tile exact, if that costs hardly more than what it has now and so many bytes: then
    true.
    """
    cells, parts = tile.cells, tile.exact
    most = parts.cost + 8 * learned + _WORTH
    every = np.ones_like(cells)
    if not tile.is_mostly_drawn and 8 * lossless_size(tile.pixels, every) > _GAIN * most:
        return False
    tile.keep_all()
    if tile.exact.cost > most:
        tile.cells, tile.exact = cells, parts
        return False
    return True


def _filled(pixels: Image.Image, tiles: Sequence[Tile]) -> Image.Image:
    """The picture with nothing to be coded in exact cells."""
    cells: Cells = np.zeros(cell_grid(*pixels.size), dtype=np.bool_)
    for tile in tiles:
        left, top = tile.box[0] // CELL, tile.box[1] // CELL
        rows, columns = tile.cells.shape
        cells[top : top + rows, left : left + columns] = tile.cells
    return fill_cells(pixels, cells)


def _failing(tile: Tile, decoded: Image.Image) -> Cells:
    """The cells of a tile that are not exact and fall short of what the quality promises."""
    found, quality = tile.found, tile.quality
    mse = cell_mse(tile.pixels, decoded.crop(tile.place))
    mse[tile.cells] = 0
    bad = mse > _mse(_at(_CELL_PSNR, quality))
    natural = found.natural
    if tile.is_photograph:  # where one colour would be better
        worse = mse > cell_variances(tile.pixels)
        if not tile.is_mostly_drawn:
            return bad & worse
        bad &= worse | ~natural
    elif natural.mean() <= 0.5:  # in a picture that is mostly drawn the few others count, too
        natural = np.zeros_like(natural)
    # Drawn cells keep theirs together: the worst go, until the others do.
    allowed = _mse(_at(_DRAWN_PSNR, quality)) * max(1, (~natural).sum())
    bad |= _worst(np.where(natural | bad, 0, mse), allowed)
    if tile.is_mostly_drawn:
        areas = np.where(natural, 0, cell_areas(*tile.pixels.size))
        allowed = _mse(_at(_TILE_PSNR, quality)) * areas.sum() - tile.exact.error
        bad |= _worst(np.where(bad, 0, mse * areas), allowed)
    return bad


def _worst(errors: npt.NDArray[np.float64], allowed: float) -> Cells:
    """The fewest cells without which the errors of the others add up to no more than allowed."""
    order = np.argsort(-errors, axis=None)
    left = errors.sum() - np.cumsum(np.append(0, errors.flat[order]))
    count = int(np.argmax(left <= max(allowed, 0) + 1e-9 * errors.sum()))
    worst: Cells = np.zeros(errors.shape, dtype=np.bool_)
    worst.flat[order[:count]] = True
    return worst & (errors > 0)


def _mse(psnr: float) -> float:
    return 255**2 / 10 ** (psnr / 10)


def _at(values: Sequence[float], quality: int) -> float:
    return float(np.interp(quality, _QUALITIES, values))
