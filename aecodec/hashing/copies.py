"""Very small grey copies of pictures, by which pictures are compared first.

An index keeps one of each picture, made of its thumbnail; what it lacks is made when it is needed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 32
"""Pixels a side of the copies."""

_TOGETHER = 64  # thumbnails, by one thread

Copies = npt.NDArray[np.uint8]
CopiesOf = Callable[[Sequence[int]], dict[int, bytes]]
"""Copies by the ids of images, as far as there are: 1,024 bytes each, row by row."""


def small_copy(image: Image.Image) -> Copies:
    """Grey levels, uint8 (32, 32), of a picture, which is squashed to a square."""
    square = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(square)


def stacked(copies: Iterable[bytes]) -> Copies:
    """uint8 (N, 32, 32) of N copies."""
    return np.frombuffer(b"".join(copies), np.uint8).reshape(-1, SIDE, SIDE)


def copy_of(thumbnail: bytes) -> bytes:
    """The small copy of a WebP file."""
    return small_copy(Image.open(io.BytesIO(thumbnail), formats=["WEBP"])).tobytes()


def made_of(thumbnails: Sequence[bytes]) -> list[bytes]:
    """The same of many, by all cores."""
    parts = [thumbnails[n : n + _TOGETHER] for n in range(0, len(thumbnails), _TOGETHER)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [copy for part in pool.map(_made_of, parts) for copy in part]


def _made_of(thumbnails: Sequence[bytes]) -> list[bytes]:
    return [copy_of(thumbnail) for thumbnail in thumbnails]
