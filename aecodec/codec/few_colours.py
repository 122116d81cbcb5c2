"""Drawn cells in fewer colours: they look the same, and a lossless file of them is half as large.

Edges of text and lines are smoothed with hundreds of shades, of which the eye tells a few dozen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from aecodec.codec.exact import pack_exact
from aecodec.images.cells import Cells, combine, pixels_of

_COUNTS = (256, 128, 64, 32, 16)
_OFTEN = 4096  # pixels of a colour that count; more take time and hardly change a palette

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
    palettes = _Palettes(kept)
    for colours in _COUNTS:
        if len(palettes.colours) <= colours:  # it has no more than these
            continue
        fewer = combine(palettes.reduced(colours), black, cells)
        off = np.abs(np.asarray(fewer, dtype=np.int16) - before)
        error = float(np.square(off, dtype=np.float32).sum()) / len(pixels.getbands())
        if off.max(initial=0) > most_off or error > allowed * count:
            break
        payload = pack_exact(tile, fewer, cells)
        cost = 8 * len(payload) + bits_per_error(quality) * error
        best = min(best, Packed(payload, True, cost), key=lambda p: p.cost)
    return best


class _Palettes:
    """Pixels in fewer colours, spread so that none is far off."""

    def __init__(self, pixels: Image.Image) -> None:
        self.mode, self.size = pixels.mode, pixels.size
        values = np.asarray(pixels.convert("RGB").convert("RGBX")).view(np.uint32)
        distinct, self.places, self.counts = np.unique(
            values, return_inverse=True, return_counts=True
        )
        self.colours = distinct.view(np.uint8).reshape(-1, 4)[:, :3]
        often = np.minimum(self.counts, _OFTEN)
        self.starts = np.cumsum(often) - often
        self.sample = Image.fromarray(self.colours.repeat(often, axis=0)[None])

    def reduced(self, count: int) -> Image.Image:
        """In so many."""
        method = Image.Quantize.MAXCOVERAGE
        found = self.sample.quantize(count, method, kmeans=3, dither=Image.Dither.NONE)
        groups = np.asarray(found)[0, self.starts]
        totals = np.maximum(np.bincount(groups, self.counts, count), 1)
        means = [np.bincount(groups, self.counts * c, count) / totals for c in self.colours.T]
        palette = np.stack(means, axis=1).round().astype(np.uint8)
        rgb = palette[groups][self.places].reshape(self.size[1], self.size[0], 3)
        return Image.fromarray(rgb).convert(self.mode)
