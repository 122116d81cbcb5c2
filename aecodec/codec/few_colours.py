"""Drawn cells in fewer colours: they look the same, and a lossless file of them is half as large.

Edges of text and lines are smoothed with hundreds of shades, of which the eye tells a few dozen.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.codec.exact import pack_exact
from aecodec.images.cells import Cells, combine, pixels_of

_COUNTS = (16, 32, 64, 128, 256)
_FINE = 70  # quality from which on many colours are tried first
# Pixels of a colour, and colours, that count; more take time and hardly change a palette.
_OFTEN, _COLOURS = 4096, 16384

# Against quality: how far off a colour may be, in levels of 255; the least PSNR in dB.
_QUALITIES = (1, 20, 50, 90, 100)
_STRICT = (64, 48, 32, 12, 6), (27.0, 30.5, 34.5, 42.5, 46.0)
# Below quality _FINE, where no palette is as good: a little more than drawn pictures keep.
_LOOSE = (128, 96, 64, 24, 12), (22.0, 25.0, 29.0, 37.0, 40.0)
# Bits that a squared error of 1 in a pixel is worth at qualities 1 and 100: three times as many as
# to the training of the networks. Errors in text and lines are more visible than in photographs.
_BITS_LOW, _BITS_HIGH = 0.0009, 1.5


class Packed(NamedTuple):
    """Cells as an exact chunk's payload.

    Attributes:
        payload: of the chunk.
        reduced: whether they have fewer colours than they had.
        error: squared, mean of the channels, summed over the pixels; levels of 255.
        cost: bits, and what the errors are worth in bits.
    """

    payload: bytes
    reduced: bool
    error: float
    cost: float


def bits_per_error(quality: int) -> float:
    """What a squared error of 1 (on the scale of 0 to 255) in a drawn pixel is worth."""
    return float(_BITS_LOW * (_BITS_HIGH / _BITS_LOW) ** ((quality - 1) / 99))


def pack_cheapest(
    tile: int, pixels: Image.Image, cells: Cells, quality: int, reduce_below: float
) -> Packed:
    """Cells of a tile as they are, or in fewer colours where that costs less.

    Args:
        tile: its number, row by row.
        pixels: the tile, of mode "RGB", "L" or "I;16"; 16-bit grey stays as it is.
        cells: which of its cells to keep.
        quality: 1 to 100.
        reduce_below: bits; fewer colours are tried only if the cells as they are take fewer.
    """
    payload = pack_exact(tile, pixels, cells)
    best = Packed(payload, False, 0, 8 * len(payload))
    if best.cost >= reduce_below or pixels.mode == "I;16":
        return best
    black = Image.new(pixels.mode, pixels.size)
    kept = combine(pixels, black, cells)
    before = np.asarray(kept, dtype=np.int16)
    count = int(pixels_of(cells, before.shape).sum())
    palettes = _Palettes(kept)

    def tried(colours: int, most_off: float, least_psnr: float) -> Packed | None:
        """With so many colours, if none is too far off."""
        fewer = combine(palettes.reduced(colours), black, cells)
        off = np.abs(np.asarray(fewer, dtype=np.int16) - before)
        error = float(np.square(off, dtype=np.float32).sum()) / len(pixels.getbands())
        if off.max(initial=0) > most_off or error > 255**2 / 10 ** (least_psnr / 10) * count:
            return None
        payload = pack_exact(tile, fewer, cells)
        return Packed(payload, True, error, 8 * len(payload) + bits_per_error(quality) * error)

    is_fine, last = quality >= _FINE, math.inf
    for limits in [_STRICT] if is_fine else [_STRICT, _LOOSE]:
        most_off, least_psnr = (float(np.interp(quality, _QUALITIES, limit)) for limit in limits)
        for colours in reversed(_COUNTS) if is_fine else _COUNTS:
            if len(palettes.colours) <= colours:  # it has no more than these
                continue
            packed = tried(colours, most_off, least_psnr)
            if packed is None:
                if is_fine:
                    break
                continue
            best = min(best, packed, key=lambda p: p.cost)
            if packed.cost > last:  # those that follow cost more still, as a rule
                break
            last = packed.cost
        if last < math.inf:
            break
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
        shades, self.shade_of = _shades(distinct)
        often = np.minimum(np.bincount(self.shade_of, self.counts).astype(np.int64), _OFTEN)
        self.starts = np.cumsum(often) - often
        self.sample = Image.fromarray(self.colours[shades].repeat(often, axis=0)[None])

    def reduced(self, count: int) -> Image.Image:
        """In so many."""
        method = Image.Quantize.MAXCOVERAGE
        found = self.sample.quantize(count, method, kmeans=3, dither=Image.Dither.NONE)
        groups = np.asarray(found)[0, self.starts][self.shade_of]
        totals = np.maximum(np.bincount(groups, self.counts, count), 1)
        means = [np.bincount(groups, self.counts * c, count) / totals for c in self.colours.T]
        palette = np.stack(means, axis=1).round().astype(np.uint8)
        rgb = palette[groups][self.places].reshape(self.size[1], self.size[0], 3)
        return Image.fromarray(rgb).convert(self.mode)


def _shades(colours: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Places of colours that stand for all, and which of these stands for each.

    Of many, those that differ in their last bits only are one.
    """
    last = 0
    while True:
        kept = np.uint32(0x01010101 * (0xFF >> last << last))
        _, shades, shade_of = np.unique(colours & kept, return_index=True, return_inverse=True)
        if len(shades) <= _COLOURS:
            return shades, shade_of
        last += 1
