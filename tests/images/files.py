"""Image files in memory, taken apart and written."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

from PIL import Image

from aecodec import images


def taken_apart(data: bytes | Image.Image) -> tuple[images.Picture, list[str]]:
    """The picture of a file, and the notes."""
    image = Image.open(io.BytesIO(data)) if isinstance(data, bytes) else data
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = images.Picture.from_image(image)
    return picture, [str(warning.message) for warning in caught]


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def written(image: Image.Image, format: str) -> tuple[bytes, list[str]]:
    """As `images.save_image` writes it, and the notes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        images.save_image(image, buffer, format)
    return buffer.getvalue(), [str(warning.message) for warning in caught]


def chunk(kind: bytes, payload: bytes) -> bytes:
    """Of a PNG file."""
    return (
        struct.pack(">I", len(payload))
        + kind
        + payload
        + struct.pack(">I", zlib.crc32(kind + payload))
    )
