"""Image in, cleaner image out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image

from aecodec.denoising import weights as weight_files
from aecodec.denoising.config import STRIDE
from aecodec.denoising.impulses import Kind, missing_values, recognise
from aecodec.images import Picture
from aecodec.images.cells import combine
from aecodec.images.drawn_cells import DrawnCells, find_drawn, has_palette
from aecodec.nn.arrays import FloatArray
from aecodec.nn.pixels import read_area, write_tile
from aecodec.nn.runtime import choose_runtime
from aecodec.nn.tiling import Area, windows
from aecodec.weights import find_weights

TILE = 96
"""Side of a tile in positions of 8 pixels: 768 pixels. Twice that takes a third longer: caches."""

_SEEN = 4
"""Positions around a tile that are looked at. The network reaches 12, but on photos with noise of
50 what lies beyond changes the outermost pixels of a tile by 0.03 levels of 255, and by 0.3 through
the estimated levels. Missing values are filled from as far as it can reach."""

NOISE_KINDS = ("auto", *get_args(Kind))
_REPEATING, _NATURAL = 0.5, 0.1  # of the cells: more and fewer than that are drawn alone
_SAMPLE = 256  # pixels a side of what a large image's noise is judged by
_SAMPLES = 4  # of these in a row, and in a column


@dataclass(frozen=True)
class Diagnosis:
    """What is taken to be wrong with an image.

    Attributes:
        kind: of the noise. "gaussian" stands for all noise that moves values a little.
        sigma: standard deviation of that part, on the scale of 0..255, the same everywhere;
            None: as the model estimates it of each part.
        least: where it is estimated, it is at least this; None: the median of what is estimated.
        white: whether it is white: each value's noise its own; None: as the model finds it.
    """

    kind: Kind
    sigma: float | None = None
    least: float | None = None
    white: bool | None = None


@dataclass(frozen=True)
class Found:
    """What was wrong with an image.

    Attributes:
        kind: as of `Diagnosis`.
        sigma: as it was given, or the median of what the model estimated.
    """

    kind: Kind
    sigma: float


class Denoiser:
    """A denoiser with its weights loaded, for repeated use.

    Args:
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        weights: a weight file, or the name of one that ships; "denoise-cpu" by default.
        runtime: "auto" (`aecodec.nn.runtime.choose_runtime`), "onnx" or "torch".

    Raises:
        AecodecError: no such device or runtime, not a weight file, or none ships with this build.
    """

    def __init__(
        self, device: str = "auto", weights: str | Path | None = None, runtime: str = "auto"
    ) -> None:
        path = find_weights(weights or weight_files.DEFAULT_MODEL, "denoise")
        loaded = weight_files.load(path, choose_runtime(device, runtime))
        self._margin, self._networks = loaded.config.margin, loaded.networks

    def denoise(
        self,
        image: Image.Image,
        sigma: float | None = None,
        *,
        noise: Literal["auto", "gaussian", "salt-and-pepper", "masking"] = "auto",
        strength: float = 1.0,
    ) -> Image.Image:
        """Denoise a Pillow image.

        Where most pixels repeat their neighbours, as in text, charts and saturated skies, there is
        no noise, and the image stays as it is; all of it if that is so nearly everywhere, or if it
        has few colours, as dithering has.

        Args:
            image: any mode and size that `aecodec.images.Picture.from_image` takes. Alpha is kept
                as it is, and so are EXIF, XMP and ICC profile; orientation is applied.
            sigma: standard deviation of the noise on the scale of 0..255, trained for up
                to 75, the same everywhere; None: the model finds out how much there is where.
            noise: what kind it is, or "auto": recognised from the image.
            strength: factor on the noise level, told or found, 0 to 2; 0 leaves the image
                as it is.

        Returns:
            An image of the same size, of the mode that `Picture.from_image` gives.

        Raises:
            UnsupportedImageError: empty, too large, or an unusual mode.
            ValueError: an argument out of range.
        """
        return self.denoise_picture(Picture.from_image(image), sigma, noise, strength)[0].to_image()

    def denoise_picture(
        self, picture: Picture, sigma: float | None, noise: str, strength: float
    ) -> tuple[Picture, Found]:
        """As `denoise`, for an image taken apart; and what was found to be wrong with it."""
        _check(sigma, noise, strength)
        sample = _sample(picture.pixels)
        diagnosis = diagnose(sample, sigma, noise)
        drawn = find_drawn(picture.pixels) if diagnosis.kind == "gaussian" else None
        if strength > 0 and not (drawn and _is_drawn(picture.pixels, drawn)):
            diagnosis = self._seen(sample, diagnosis)
            pixels, level = self._pixels(picture.pixels, diagnosis, strength)
            if drawn:  # no two pixels with noise of their own are the same
                pixels = combine(picture.pixels, pixels, drawn.repeating)
        else:
            pixels, level = picture.pixels.copy(), 0.0  # it may be the caller's own image
        found = Found(diagnosis.kind, level if sigma is None else sigma)
        return Picture(pixels, picture.alpha, picture.metadata), found

    def restore(self, x: FloatArray, diagnosis: Diagnosis) -> FloatArray:
        """Denoise a float image that need not be clipped, as the literature has them.

        Args:
            x: float32 (1, 3, H, W), around [0, 1]; H and W multiples of 8.
            diagnosis: what is wrong with it.

        Returns:
            The same shape, not clipped.
        """
        return self._restore(x, diagnosis, 1.0)[0]

    def _restore(
        self, x: FloatArray, diagnosis: Diagnosis, strength: float
    ) -> tuple[FloatArray, FloatArray]:
        """Denoised, and the noise level in the model's scale: a number, or a map of 1/8 size."""
        missing, white = missing_values(x, diagnosis.kind), diagnosis.white
        if diagnosis.sigma is None:
            level = self._networks.estimate(x, missing)
            least = diagnosis.least
            level = np.maximum(level, np.median(level) if least is None else least / 255)
        else:
            level = np.full((1, 1, 1, 1), diagnosis.sigma / 255, np.float32)
        if white is None:
            white = missing is not None or self._networks.whiteness_logit(x) > 0
        restored = self._networks.denoise(x, np.float32(strength) * level, missing, white)
        if _is_grey(x):  # it must not gain a tint
            restored = np.broadcast_to(restored.mean(1, keepdims=True), x.shape)
        return restored, level

    def _seen(self, sample: FloatArray, diagnosis: Diagnosis) -> Diagnosis:
        """With what a sample says of the whole image: the median of the levels, and the kind.

        Fine texture hides noise from the estimator, so that it finds too little there.
        """
        kind = diagnosis.kind
        height, width = (side // STRIDE * STRIDE for side in sample.shape[2:])
        if not height or not width:
            return replace(diagnosis, least=0.0, white=kind != "gaussian")
        pieces = [piece[None, :, :height, :width] for piece in sample]
        if kind != "gaussian":
            diagnosis = replace(diagnosis, white=True)
        else:
            logits = [self._networks.whiteness_logit(x) for x in pieces]
            diagnosis = replace(diagnosis, white=float(np.mean(logits)) > 0)
        if diagnosis.sigma is None:
            levels = [self._networks.estimate(x, missing_values(x, kind)) for x in pieces]
            median = np.median(np.concatenate([level.ravel() for level in levels]))
            diagnosis = replace(diagnosis, least=255 * float(median))
        return diagnosis

    def _pixels(
        self, pixels: Image.Image, diagnosis: Diagnosis, strength: float
    ) -> tuple[Image.Image, float]:
        """Denoised, and the median of the noise levels on the scale of 0..255."""
        image = Image.new(pixels.mode, pixels.size)
        rows, columns = -(-pixels.height // STRIDE), -(-pixels.width // STRIDE)
        margin = self._margin
        if diagnosis.kind == "gaussian":
            margin = min(margin, _SEEN)
        levels = []
        for window in windows(rows, columns, TILE, margin):
            # Reflected: a repeated edge would show the network a pattern in the noise.
            x = read_area(pixels, window.outer, STRIDE, beyond="reflect")
            restored, level = self._restore(x, diagnosis, strength)
            write_tile(image, window, restored, STRIDE)
            levels.append(window.inside.of(level) if diagnosis.sigma is None else level)
        return image, 255 * float(np.median(np.concatenate([level.ravel() for level in levels])))


def diagnose(x: FloatArray, sigma: float | None, noise: str) -> Diagnosis:
    """What is wrong with an image, as far as the caller does not know it.

    Args:
        x: noisy images (B, C, H, W), around [0, 1], taken together.
        sigma: on the scale of 0..255, or None.
        noise: one of `NOISE_KINDS`.
    """
    kind: Kind = recognise(x) if noise == "auto" else noise  # type: ignore[assignment]
    return Diagnosis(kind, sigma)


def _is_drawn(pixels: Image.Image, found: DrawnCells) -> bool:
    """Whether there is no noise in all of an image: what does not repeat itself is drawn, too."""
    mostly = found.repeating.mean() > _REPEATING and found.natural.mean() < _NATURAL
    return bool(mostly) or has_palette(pixels)


def _is_grey(x: FloatArray) -> bool:
    return bool((x == x[:, :1]).all())


def _sample(pixels: Image.Image) -> FloatArray:
    """The image, or, of a large one, pieces spread evenly: (B, C, H, W) in [0, 1]."""
    side = _SAMPLE * _SAMPLES
    if pixels.width * pixels.height <= side**2:
        areas = [Area(slice(0, pixels.height), slice(0, pixels.width))]
    else:
        rows, columns = _spread(pixels.height), _spread(pixels.width)
        areas = [Area(row, column) for row in rows for column in columns]
    return np.concatenate([read_area(pixels, area, 1) for area in areas])


def _spread(length: int) -> list[slice]:
    """Up to `_SAMPLES` pieces of `_SAMPLE` pixels, evenly over a side."""
    size = min(_SAMPLE, length)
    count = min(_SAMPLES, length // size)
    gap = (length - count * size) / count
    starts = (round((i + 0.5) * gap + i * size) for i in range(count))
    return [slice(start, start + size) for start in starts]


def _check(sigma: float | None, noise: str, strength: float) -> None:
    if sigma is not None and not (math.isfinite(sigma) and 0 <= sigma <= 255):
        raise ValueError(f"sigma must be from 0 to 255, not {sigma!r}")
    if noise not in NOISE_KINDS:
        raise ValueError(f"noise must be one of {', '.join(NOISE_KINDS)}, not {noise!r}")
    if not 0 <= strength <= 2:
        raise ValueError(f"strength must be from 0 to 2, not {strength!r}")
