"""The codec as a measure of strangeness."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.base import BaseEstimator

from aecodec.autoencoders.plots import image_grid
from aecodec.codec.codec import default_codec
from aecodec.errors import AecodecError
from aecodec.images import find_photos, open_pixels, to_8_bits
from aecodec.workflows.datasets import Data, Shape, read, relative_names

Array = npt.NDArray[Any]
_TILE = 128


class CodecBits(BaseEstimator):
    """The bits that the codec takes for an image, as `AnomalyDetector` asks for them.

    Its data are those that its own `read` gives.
    """

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> CodecBits:
        """Nothing to learn."""
        return self

    def description_length(self, X: Array) -> Array:
        """Bits of each image: (n,)."""
        return X[:, 0]

    def read(self, path: Path) -> Data:
        """One number for each image: the bits of its .aec file at quality 50, without metadata.

        Raises:
            AecodecError: they are no images, or one cannot be read.
            OSError: it cannot be read at all.
        """
        names, picture = _pictures(path)
        bits = [
            8.0 * len(default_codec().compress(picture(number))) for number in range(len(names))
        ]
        return Data(np.array(bits)[:, None], names, None)

    def tiles(self, path: Path, numbers: Sequence[int]) -> tuple[Array, Shape]:
        """Some of the images, shrunk and framed to tiles of one size, as rows in [0, 1]."""
        _, picture = _pictures(path)
        small = []
        for number in numbers:
            with warnings.catch_warnings():  # `read` said the same of the same images
                warnings.simplefilter("ignore", UserWarning)
                image = to_8_bits(picture(number)).convert("RGB")
            image.thumbnail((_TILE, _TILE))
            small.append(image)
        width, height = (max(image.size[axis] for image in small) for axis in (0, 1))
        rows = np.full((len(small), height, width, 3), 0.5, dtype=np.float32)
        for row, image in zip(rows, small, strict=True):
            row[: image.height, : image.width] = np.asarray(image, dtype=np.float32) / 255
        return rows.reshape(len(rows), -1), (height, width, 3)


def _pictures(path: Path) -> tuple[list[str], Callable[[int], Image.Image]]:
    """Names of images, and what opens the one of a number: not all need fit into memory."""
    if path.is_dir():
        files = sorted(find_photos([path]))
        return relative_names(files, path), lambda n: open_pixels(files[n])
    found = read(path)
    shape = found.image_shape
    if shape is None or shape[2] not in (1, 3, 4):
        raise AecodecError(f"{path}: the codec needs images of 1, 3 or 4 channels")
    if not ((found.rows >= 0) & (found.rows <= 1)).all():
        raise AecodecError(f"{path}: pixels must be unsigned bytes, or numbers from 0 to 1")
    return found.names, lambda n: Image.fromarray(image_grid(found.rows[n : n + 1], shape))
