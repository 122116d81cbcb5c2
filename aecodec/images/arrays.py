"""numpy arrays as Pillow images."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from aecodec.errors import UnsupportedImageError, warn_caller


def image_of_array(array: Any) -> Image.Image:
    """A Pillow image of an array's pixels.

    Args:
        array: uint8 or uint16, (H, W) or (H, W, channels) with 1 to 4 channels: grey, grey and
            alpha, RGB, RGBA. Colours of 16 bits become 8 bits, with a warning.

    Raises:
        UnsupportedImageError: another dtype or shape.
    """
    pixels = np.asarray(array)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2] if pixels.ndim == 3 else 0
    if not 1 <= channels <= 4 or pixels.dtype.kind != "u" or pixels.dtype.itemsize > 2:
        raise UnsupportedImageError(
            f"an array of {pixels.dtype} {pixels.shape} is no image; give uint8 or uint16,"
            " height x width or height x width x 1 to 4"
        )
    if 0 in pixels.shape:
        raise UnsupportedImageError("the image is empty")
    if pixels.dtype.itemsize == 2:
        if channels == 1:
            return Image.fromarray(np.ascontiguousarray(pixels, dtype="<u2"))
        warn_caller("16-bit colours were converted to 8 bits")
        pixels = (pixels >> 8).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels))
