"""The pictures of a benchmark, as every codec is given them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from aecodec.errors import UnsupportedImageError
from aecodec.images import find_photos, open_pixels


def list_photos(folder: Path, limit: int | None = None) -> list[Path]:
    """The image files below a folder, sorted by name; at most `limit` of them.

    Raises:
        UnsupportedImageError: when there are none.
    """
    return find_photos([folder])[:limit]


def load_photo(path: Path) -> Image.Image:
    """One photo, upright, in 8-bit RGB without alpha.

    It carries no metadata: some codecs would store an ICC profile or EXIF and others not.

    Raises:
        UnsupportedImageError: when it cannot be read or has 16 bits a sample, which JPEG
            and most of the others could not keep.
    """
    pixels = open_pixels(path)
    if pixels.mode == "I;16":
        raise UnsupportedImageError(f"{path}: only 8-bit photos can be compared")
    return pixels.convert("RGB")


def is_kodak(photos: Sequence[Path]) -> bool:
    """Whether these are the 24 pictures of the Kodak set, by their usual names."""
    return sorted(p.stem for p in photos) == [f"kodim{n:02d}" for n in range(1, 25)]
