"""Drawn cells in fewer colours: they look the same, and a lossless file of them is half as large.

Edges of text and lines are smoothed with hundreds of shades, of which the eye tells a few dozen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from aecodec.codec.exact import pack_exact
from aecodec.images.cells import Cells, combine, pixels_of

_COUNTS = (16, 32, 64, 128, 256)
_NEAR_ENOUGH = 0.01  # more colours cannot win where errors cost this share of the bits

# Against quality: how far off a colour may be, in levels of 255; the least PSNR in dB.
_QUALITIES = (1, 20, 50, 90, 100)
_MOST_OFF = (64, 48, 32, 12, 6)
_LEAST_PSNR = (27.0, 30.5, 34.5, 42.5, 46.0)
# Bits that a squared error of 1 in a pixel is worth at qualities 1 and 100: three times as many as
# to the training of the networks. Errors in text and lines are more visible than in photographs.
_BITS_LOW, _BITS_HIGH = 0.0009, 1.5


class Packed(NamedTuple):
    """Cells as an exact chunk's payload.

    Attributes:
        payload: of the chunk.
        reduced: whether they have fewer colours than they had.
        cost: bits, and what the errors are worth in bits.
    """

    payload: bytes
    reduced: bool
    cost: float


def bits_per_error(quality: int) -> float:
    """What a squared error of 1 (on the scale of 0 to 255) in a drawn pixel is worth."""
    return float(_BITS_LOW * (_BITS_HIGH / _BITS_LOW) ** ((quality - 1) / 99))


def pack_cheapest(
    tile: int, pixels: Image.Image, cells: Cells, quality: int, reduce: bool = True
) -> Packed:
    """Cells of a tile as they are, or in fewer colours where that costs less.

    Args:
        tile: its number, row by row.
        pixels: the tile, of mode "RGB", "L" or "I;16"; 16-bit grey stays as it is.
        cells: which of its cells to keep.
        quality: 1 to 100.
        reduce: whether fewer colours are tried at all.
    """
    payload = pack_exact(tile, pixels, cells)
    best = Packed(payload, False, 8 * len(payload))
    if not reduce or pixels.mode == "I;16":
        return best
    black = Image.new(pixels.mode, pixels.size)
    kept = combine(pixels, black, cells)
    before = np.asarray(kept, dtype=np.int16)
    count = int(pixels_of(cells, before.shape).sum())
    allowed = 255**2 / 10 ** (float(np.interp(quality, _QUALITIES, _LEAST_PSNR)) / 10)
    most_off = float(np.interp(quality, _QUALITIES, _MOST_OFF))
    for colours in _COUNTS:
        fewer = combine(_reduce(kept, colours), black, cells)
        off = np.abs(np.asarray(fewer, dtype=np.int16) - before)
        error = float(np.square(off, dtype=np.float32).sum()) / len(pixels.getbands())
        if off.max(initial=0) > most_off or error > allowed * count:
            continue
        if error == 0:  # it has no more than these
            break
        payload = pack_exact(tile, fewer, cells)
        lost = bits_per_error(quality) * error
        best = min(best, Packed(payload, True, 8 * len(payload) + lost), key=lambda p: p.cost)
        if lost < _NEAR_ENOUGH * 8 * len(payload):
            break
    return best


def _reduce(pixels: Image.Image, colours: int) -> Image.Image:
    """In so many colours, spread so that none is far off."""
    method = Image.Quantize.MAXCOVERAGE
    palette = pixels.convert("RGB").quantize(colours, method, kmeans=3, dither=Image.Dither.NONE)
    return palette.convert("RGB").convert(pixels.mode)
