"""Fit a picture's filter (`wiener.py`) to all that is decoded of it, or to samples.

To all is best, and takes as long as decoding. Weights for squared error have it so. For others,
samples of large photographs are enough to gain most of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

from aecodec.codec import wiener
from aecodec.codec.choice import Coded
from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.decoding import Learned, inner_pixels, outer_pixels
from aecodec.codec.inference import InferenceModel
from aecodec.nn.arrays import FloatArray
from aecodec.nn.pixels import read_area

_LARGE = 1 << 19  # pixels: of smaller pictures samples that suffice would take too long
# Samples of a tile: one in each quarter, of so much of a side; latents around it that count for
# what is seen of them, and the least side.
_SHARE, _AROUND, _LEAST = 0.28, 2, 4
# Of a picture, rows that are looked at together, and from one such band to the next; how many times
# as much as samples it may be changed by what was fitted to these.
_BAND, _APART, _UNLIKE = 8, 64, 5.0


def fitted_to_all(
    model: InferenceModel, coded: Coded, quality: int, tile: int
) -> wiener.Weights | None:
    """The filter of a picture, RGB, that takes its squared error down."""
    pixels = coded.rest
    learned = Learned(coded.learned, pixels.mode, pixels.size, quality, tile)
    fit = wiener.Fit()
    for window, x in outer_pixels(model, learned, (0, 0, *pixels.size)):
        original = read_area(pixels, window.inner, LATENT_STRIDE)[0]
        top, left = window.top * LATENT_STRIDE, window.left * LATENT_STRIDE
        height = min(original.shape[1], pixels.height - top)
        width = min(original.shape[2], pixels.width - left)
        rows, columns = inner_pixels(window)
        inside = (
            slice(rows.start, rows.start + height),
            slice(columns.start, columns.start + width),
        )
        fit.add(x, original[:, :height, :width], inside)
    return fit.best(model.config.rd_lambda(quality))


class Samples:
    """Of tiles on their way, by their payloads: a tile may be coded more than once."""

    def __init__(self, model: InferenceModel, quality: int) -> None:
        self._model, self._quality = model, quality
        self._fits: dict[bytes, tuple[wiener.Fit, wiener.Fit]] = {}

    @staticmethod
    def of(model: InferenceModel, pixels: Image.Image, quality: int) -> Samples | None:
        """None where the picture is too small for samples."""
        large = pixels.width * pixels.height >= _LARGE and pixels.mode == "RGB"
        return Samples(model, quality) if large else None

    def add(self, payload: bytes, latents: FloatArray, pixels: FloatArray) -> None:
        """A tile, the latents (1, M, h, w) that it will be decoded to, and its pixels
        (1, 3, 16h, 16w) in [-0.5, 0.5].
        """
        fit, as_they_are = wiener.Fit(), wiener.Fit()
        for rows, columns in _sampled(*latents.shape[2:]):
            around = [slice(s.start - _AROUND, s.stop + _AROUND) for s in (rows, columns)]
            seen = np.ascontiguousarray(latents[:, :, around[0], around[1]])
            decoded = self._model.synthesise(seen, self._quality)[0] + np.float32(0.5)
            there = [
                slice(s.start * LATENT_STRIDE, s.stop * LATENT_STRIDE) for s in (rows, columns)
            ]
            original = pixels[0, :, there[0], there[1]] + np.float32(0.5)
            border = _AROUND * LATENT_STRIDE
            inside = tuple(slice(border, border + side) for side in original.shape[1:])
            fit.add(decoded, original, (inside[0], inside[1]))
            as_they_are.add(original, original, (slice(None), slice(None)))
        self._fits[payload] = fit, as_they_are

    def best(self, payloads: Iterable[bytes], pixels: Image.Image) -> wiener.Weights | None:
        """The filter of a picture with these payloads; None where it is unlike its samples, too."""
        fit, samples = wiener.Fit(), wiener.Fit()
        for payload in payloads:
            own, as_they_are = self._fits[payload]
            fit.join(own)
            samples.join(as_they_are)
        lambda_ = self._model.config.rd_lambda(self._quality)
        weights = fit.best(lambda_, pixels.width * pixels.height)
        if weights is None or _bands(pixels).change(weights) > _UNLIKE * samples.change(weights):
            return None
        return weights


def _bands(pixels: Image.Image) -> wiener.Fit:
    """Some rows of the whole picture as they are."""
    fit = wiener.Fit()
    for top in range(0, pixels.height - _BAND, _APART):
        band = np.asarray(pixels.crop((0, top, pixels.width, top + _BAND)), dtype=np.float32)
        x = band.transpose(2, 0, 1) / 255
        inner = slice(wiener.REACH, -wiener.REACH)
        fit.add(x, x[:, inner], (inner, slice(None)))
    return fit


def _sampled(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of latents of the middle of each quarter."""
    sides = [round(_SHARE * side / 2) for side in (height, width)]
    if min(sides) < _LEAST:
        return
    for row in (0, 1):
        for column in (0, 1):
            middles = height * (2 * row + 1) // 4, width * (2 * column + 1) // 4
            rows, columns = (
                slice(middle - side // 2, middle - side // 2 + side)
                for middle, side in zip(middles, sides, strict=True)
            )
            yield rows, columns
