"""The codec as a measure of strangeness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.base import BaseEstimator

import aecodec
from aecodec.autoencoders.plots import image_grid
from aecodec.errors import AecodecError


class CodecBits(BaseEstimator):
    """The bits that the codec takes for an image, as `AnomalyDetector` asks for them.

    Attributes:
        image_shape_: (height, width, channels) of the rows; set it before use.
    """

    image_shape_: tuple[int, int, int] | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> CodecBits:
        """Nothing to learn."""
        return self

    def description_length(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Bits of each image's .aec file at quality 50: (n,)."""
        if self.image_shape_ is None:
            raise AecodecError("the codec needs images, not rows of numbers")
        pictures = [Image.fromarray(image_grid(row[None], self.image_shape_)) for row in X]
        return np.array([8.0 * len(aecodec.compress(picture)) for picture in pictures])
