"""Autoencoders fitted to data sets, and data put through them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecodec.errors import AecodecError, UsageError
from aecodec.workflows.datasets import Data, Shape, read

if TYPE_CHECKING:
    from aecodec.autoencoders.base import BaseAutoencoder


def fit_estimator(
    kind: str,
    data: Path,
    *,
    size: tuple[int, int] | None = None,
    settings: Mapping[str, Any],
) -> tuple[BaseAutoencoder, Data]:
    """An autoencoder fitted to a data set, and the data as they were read.

    Args:
        kind: one of `aecodec.autoencoders.family.KINDS`.
        data: as of `datasets.read`.
        size: (height, width) that images of a folder are brought to.
        settings: parameters of the estimator.

    Raises:
        UsageError: the estimator has no such parameter, or not of that value.
        AecodecError, OSError: the data cannot be read, or do not fit.
    """
    from aecodec import autoencoders  # noqa: F401  (all kinds)
    from aecodec.autoencoders.family import KINDS

    model: BaseAutoencoder = KINDS[kind]()
    unknown = settings.keys() - model.get_params().keys()
    if unknown:
        known = ", ".join(sorted(model.get_params()))
        raise UsageError(f"{kind} has no {', '.join(sorted(unknown))}; it has {known}")
    found = read(data, size=size, advice="use --size to bring all to one size")
    if found.image_shape and "image_shape" in model.get_params():
        settings = {"image_shape": found.image_shape, **settings}
    try:
        model.set_params(**settings).check_parameters(found.rows.shape[1])
    except ValueError as wrong:
        raise UsageError(str(wrong)) from None
    with one_line(data):
        model.fit(found.rows)
    model.set_params(device="auto", verbose=False)
    if found.image_shape:
        model.image_shape_ = found.image_shape
    return model, found


def load_fitted(path: Path) -> Any:
    """The saved autoencoder, also from within a saved detector.

    Raises:
        CorruptFileError: not such a file, or damaged.
        OSError: it cannot be read at all.
    """
    from aecodec.autoencoders import load

    loaded = load(path)
    return getattr(loaded, "autoencoder_", loaded)


def image_shape(estimator: Any, model: Path) -> Shape:
    """Height, width and channels of what it was fitted to.

    Raises:
        AecodecError: that were no images, or none that can be drawn.
    """
    shape: Shape | None = getattr(estimator, "image_shape_", None)
    if shape is None:
        raise AecodecError(f"{model}: not fitted to images, so there is nothing to draw")
    check_drawable(shape, model)
    return shape


def check_drawable(shape: Shape, source: Path) -> None:
    """Raise AecodecError unless images of that shape can be drawn."""
    if shape[2] not in (1, 3, 4):
        raise AecodecError(
            f"{source}: images of {shape[2]} channels (the last of their dimensions) cannot be"
            " drawn, only those of 1, 3 or 4"
        )


def check_samples(estimator: Any, model: Path) -> None:
    """Raise AecodecError unless it can draw samples."""
    if not hasattr(estimator, "sample"):
        raise AecodecError(f"{model}: only a variational autoencoder can draw samples")


def read_for(estimator: Any, data: Path, at_most: int | None = None) -> Data:
    """As `datasets.read`, with images brought to the shape that the estimator was fitted to."""
    return read(data, image_shape=getattr(estimator, "image_shape_", None), at_most=at_most)


@contextmanager
def one_line(data: Path) -> Iterator[None]:
    """What scikit-learn says of data that do not fit, as an error for people."""
    try:
        yield
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"{data}: {reason}") from None


def read_as(estimator: Any, data: Path) -> Data:
    """Data as a fitted estimator, or the codec's measure, takes them."""
    return estimator.read(data) if hasattr(estimator, "read") else read_for(estimator, data)


def png(rows: Any, shape: Shape, columns: int | None = None) -> bytes:
    """Rows of pixels as one picture of images side by side."""
    from PIL import Image

    from aecodec.autoencoders.plots import image_grid

    buffer = io.BytesIO()
    Image.fromarray(image_grid(rows, shape, columns)).save(buffer, format="png")
    return buffer.getvalue()
