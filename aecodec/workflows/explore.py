"""What a variational autoencoder makes of images: new ones, ways between them, their codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.workflows.estimators import check_samples, image_shape, load_fitted, one_line, read_for

Array = npt.NDArray[Any]

_ZOOM = 5
_WIDTH = 1000  # of a grid in pixels, if its images are not larger than that themselves
_STEPS = 10
_EPOCHS = 60


@dataclass(frozen=True)
class Explorer:
    """A fitted variational autoencoder with images to put through it.

    Attributes:
        model: the estimator.
        data: (n, features) in [0, 1].
        labels: (n,), or None.
        shape: of an image: height, width, channels.
    """

    model: Any
    data: Array
    labels: Array | None
    shape: tuple[int, int, int]

    def samples(self, count: int, seed: int) -> Image.Image:
        """New images in a grid."""
        return self._grid(self.model.sample(count, random_state=seed))

    def between(self, first: int, second: int) -> Image.Image:
        """Ten images on the way from one image of the data to another, in a row.

        Args:
            first, second: row numbers; larger ones are of the last.
        """
        a, b = (self.data[min(number, len(self.data) - 1)] for number in (first, second))
        return self._grid(self.model.interpolate(a, b, _STEPS), columns=_STEPS)

    def codes(self) -> Any:
        """The 2-D map of codes, a matplotlib figure."""
        from aecodec.autoencoders import embed_plot

        return embed_plot(self.model, self.data, self.labels).figure

    def _grid(self, images: Array, columns: int | None = None) -> Image.Image:
        from aecodec.autoencoders.plots import image_grid

        grid = Image.fromarray(image_grid(images, self.shape, columns))
        zoom = max(1, min(_ZOOM, _WIDTH // grid.width))
        return grid.resize((grid.width * zoom, grid.height * zoom), Image.Resampling.NEAREST)


def explore_file(model: Path, data: Path | None = None, at_most: int | None = None) -> Explorer:
    """A variational autoencoder that `aecodec ae fit` wrote.

    Args:
        model: its file.
        data: a folder of images, or a file, as of `datasets.read`; None: no images.
        at_most: only the first so many images.

    Raises:
        AecodecError, OSError: they cannot be read, do not fit, or the model is of another kind.
    """
    estimator = load_fitted(model)
    check_samples(estimator, model)
    shape = image_shape(estimator, model)
    if data is None:
        return Explorer(estimator, np.empty((0, 0)), None, shape)
    rows = read_for(estimator, data, at_most).rows
    with one_line(data):
        estimator.transform(rows)
    return Explorer(estimator, rows, None, shape)


@lru_cache(maxsize=1)
def explore_digits() -> Explorer:
    """Codes of two numbers for the 1,797 digits of scikit-learn, trained when first asked for."""
    from sklearn.datasets import load_digits

    from aecodec.autoencoders import VariationalAutoencoder

    images, labels = load_digits(return_X_y=True)
    data = (images / 16).astype(np.float32)
    model = VariationalAutoencoder(
        n_components=2, hidden_layers=(128, 64), max_epochs=_EPOCHS, random_state=0
    )
    return Explorer(model.fit(data), data, labels, (8, 8, 1))
