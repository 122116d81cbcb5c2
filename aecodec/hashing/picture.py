"""An image file as the hash sees it: a small square; and as a gallery shows it: a thumbnail."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.images import Picture, open_reduced

THUMBNAIL = 128
"""Longer side of a stored thumbnail in pixels."""

_DECODED = 256  # a JPEG may be decoded at a fraction of its size, down to this
_SMALL_RANGE = 0.25  # of what 16 bits hold; less than this is stretched


@dataclass(frozen=True)
class Preview:
    """What is kept of an image once it is decoded.

    Attributes:
        width, height: of the image, upright, in pixels.
        image: RGB, at most so many pixels a side as was asked for, its aspect ratio kept.
    """

    width: int
    height: int
    image: Image.Image

    def to_square(self, side: int) -> npt.NDArray[np.uint8]:
        """Squashed to a square: uint8 (side, side, 3)."""
        return np.asarray(self.image.resize((side, side), Image.Resampling.BOX))

    def thumbnail(self) -> bytes:
        """A small WebP file."""
        image = self.image.copy()
        image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        buffer = io.BytesIO()
        image.save(buffer, format="WEBP", quality=60, method=2)
        return buffer.getvalue()


def read_preview(path: str | os.PathLike[str]) -> Preview:
    """Decode an image file, upright and small.

    Raises:
        UnsupportedImageError: not an image that Pillow can read, damaged, or too large.
        OSError: the file cannot be read at all.
    """
    image, (width, height) = open_reduced(path, _DECODED)
    small = preview_of(image)
    # The reduced copy tells which way up the image is; its size is only nearly in proportion.
    turned = (small.width > small.height) != (width > height) and image.width != image.height
    return Preview(height, width, small.image) if turned else Preview(width, height, small.image)


def preview_of(image: Image.Image, longest: int = _DECODED) -> Preview:
    """The same for an image in memory, of any mode that `Picture.from_image` takes.

    Alpha lies over white, or over black where that shows more: a white logo has no outline on
    white. Grey of 16 bits that uses little of its range, as measurements do, is stretched to all
    of it.
    """
    picture = Picture.from_image(image, warn=False)  # its notes do not matter here
    pixels = picture.pixels
    width, height = pixels.size
    scale = min(1, longest / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    pixels = _eight_bit(_shrink(pixels, size))
    if picture.alpha is not None:
        pixels = _grounded(pixels, _shrink(picture.alpha, size))
    return Preview(width, height, pixels)


def _grounded(pixels: Image.Image, alpha: Image.Image) -> Image.Image:
    """Over white; over black if there is at least twice as much to be seen."""
    shown = []
    for ground in ("white", "black"):
        over = Image.composite(pixels, Image.new("RGB", pixels.size, ground), alpha)
        shown.append((float(np.asarray(over).reshape(-1, 3).std(0).max()), over))
    (on_white, white), (on_black, black) = shown
    return black if on_black > 2 * on_white else white


def _shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    if image.mode == "I;16":  # which Pillow does not average
        image = Image.fromarray(np.asarray(image).astype(np.float32))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=3.0)


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "F"):
        levels = np.asarray(image, dtype=np.float32) / 65535
        low, high = (float(level) for level in np.quantile(levels, (0.001, 0.999)))
        if 0 < high - low < _SMALL_RANGE:
            levels = (levels - low) / (high - low)
        image = Image.fromarray((levels * 255).round().clip(0, 255).astype(np.uint8))
    return image.convert("RGB")
