"""Autoencoders fitted to data sets, and data put through them, from files to files."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aecodec.errors import AecodecError, UsageError, warn_caller
from aecodec.storage.atomic import refuse_to_overwrite, write_atomically
from aecodec.workflows.datasets import SUFFIXES, Data, Shape, read, read_labels, to_bytes

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
    if found.columns:
        model.columns_ = found.columns
    return model, found


def fit_file(
    kind: str,
    data: Path,
    output: Path,
    *,
    size: tuple[int, int] | None = None,
    settings: Mapping[str, Any],
    overwrite: bool = False,
) -> dict[str, Any]:
    """Fit an autoencoder to a data set, and save it.

    Args:
        kind, data, size, settings: as of `fit_estimator`.
        output: the file to write.
        overwrite: replace an existing one.

    Returns:
        samples, features, components, and error: the mean of `reconstruction_error`.

    Raises:
        FileExistsError: the output exists, and `overwrite` is false.
        UsageError, AecodecError, OSError: as of `fit_estimator`.
    """
    refuse_to_overwrite(output, overwrite, data)
    model, found = fit_estimator(kind, data, size=size, settings=settings)
    error = float(model.reconstruction_error(found.rows).mean())
    from aecodec.autoencoders.files import dumps

    write_atomically(output, dumps(model), overwrite=overwrite)
    samples, features = found.rows.shape
    components = model.n_components
    return {"samples": samples, "features": features, "components": components, "error": error}


def transform_file(
    model: Path, data: Path, output: Path, *, overwrite: bool = False
) -> tuple[int, int]:
    """Write the codes of data, to a file of one of `SUFFIXES`.

    Args:
        model: written by `fit_file`.
        data: as of `datasets.read`.
        output, overwrite: as of `fit_file`.

    Returns:
        Samples, and numbers in the code of each.

    Raises:
        FileExistsError: the output exists, and `overwrite` is false.
        UsageError: it has another suffix.
        AecodecError, OSError: model or data cannot be read, or do not fit.
    """
    suffix = _suffix(output, SUFFIXES)
    refuse_to_overwrite(output, overwrite, model, data)
    estimator = load_fitted(model)
    found = read_as(estimator, data)
    with one_line(data):
        codes = estimator.transform(found.rows)
    names = [str(name) for name in estimator.get_feature_names_out()]
    write_atomically(output, to_bytes(codes, suffix, names), overwrite=overwrite)
    samples, components = codes.shape
    return samples, components


def reconstruct_files(
    model: Path, data: Path, output: Path, *, overwrite: bool = False
) -> tuple[int, float]:
    """Write what a model makes of data: to a file, or the images of a folder to .png files.

    Args:
        model, data, overwrite: as of `transform_file`.
        output: a file of one of `SUFFIXES`; for a folder of images, a folder.

    Returns:
        Samples, and the mean squared error.

    Raises:
        FileExistsError, UsageError, AecodecError, OSError: as of `transform_file`.
    """
    suffix = "" if data.is_dir() else _suffix(output, SUFFIXES)
    estimator = load_fitted(model)
    found = read_as(estimator, data)
    sources, targets = [data], [output]
    if data.is_dir():
        sources = [data / name for name in found.names]
        targets = [(output / name).with_suffix(".png") for name in found.names]
        if len(set(targets)) < len(targets):
            raise AecodecError(f"{data}: images that differ only in their suffix")
    for target in targets:
        refuse_to_overwrite(target, overwrite, model, *sources)
    with one_line(data):
        rows = estimator.reconstruct(found.rows)
    if data.is_dir():
        assert found.image_shape is not None  # as of every folder
        for target, row in zip(targets, rows, strict=True):
            write_atomically(target, png(row[None], found.image_shape), overwrite=overwrite)
    else:
        columns = found.columns or _numbered(rows)
        write_atomically(output, to_bytes(rows, suffix, columns), overwrite=overwrite)
    return len(rows), float(((rows - found.rows) ** 2).mean())


def sample_file(
    model: Path, output: Path, count: int, seed: int, *, overwrite: bool = False
) -> None:
    """Write new data that a variational autoencoder draws: a .png of images, or rows.

    Args:
        model: written by `fit_file`.
        output: a file of one of `SUFFIXES`, or .png.
        count: how many.
        seed: other numbers, other samples.
        overwrite: as of `fit_file`.

    Raises:
        FileExistsError, UsageError, OSError: as of `transform_file`.
        AecodecError: the model draws no samples, or none that are images.
    """
    suffix = _suffix(output, (".png", *SUFFIXES))
    refuse_to_overwrite(output, overwrite, model)
    estimator = load_fitted(model)
    check_samples(estimator, model)
    shape = image_shape(estimator, model) if suffix == ".png" else None
    rows = estimator.sample(count, random_state=seed)
    data = png(rows, shape) if shape else to_bytes(rows, suffix, _numbered(rows))
    write_atomically(output, data, overwrite=overwrite)


def plot_codes_file(
    model: Path,
    data: Path,
    output: Path,
    *,
    labels: Path | None = None,
    method: Literal["pca", "tsne"] = "pca",
    overwrite: bool = False,
) -> None:
    """Draw a map of the codes of data, to .png, .svg or .pdf.

    Args:
        model, data, overwrite: as of `transform_file`.
        output: the file.
        labels: a text file with a class a line, to colour by; None: one colour.
        method: how codes become two-dimensional.

    Raises:
        FileExistsError, UsageError, AecodecError, OSError: as of `transform_file`.
    """
    suffix = _suffix(output, (".png", ".svg", ".pdf"))
    refuse_to_overwrite(output, overwrite, model, data, *([labels] if labels else []))
    estimator = load_fitted(model)
    found = read_as(estimator, data)
    classes = read_labels(labels, len(found.rows)) if labels else None
    from aecodec.autoencoders import embed_plot

    with one_line(data):
        ax = embed_plot(estimator, found.rows, classes, method=method, random_state=0)
    buffer = io.BytesIO()
    figure: Any = ax.figure
    figure.savefig(buffer, format=suffix.removeprefix("."), dpi=120)
    write_atomically(output, buffer.getvalue(), overwrite=overwrite)


def _suffix(output: Path, allowed: Collection[str]) -> str:
    suffix = output.suffix.lower()
    if suffix not in allowed:
        raise UsageError(f"{output} is not one of {', '.join(allowed)}")
    return suffix


def _numbered(rows: Any) -> list[str]:
    """Names of columns that have none."""
    return [f"feature{number}" for number in range(rows.shape[1])]


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
    """As `datasets.read`, with images and columns brought to what the estimator was fitted to.

    That is images to their shape, and columns with names to their order.

    Raises:
        AecodecError, OSError: as `datasets.read`; or a column is missing.
    """
    found = read(data, image_shape=getattr(estimator, "image_shape_", None), at_most=at_most)
    names = getattr(estimator, "columns_", None)
    if names is None:
        names = getattr(estimator, "feature_names_in_", None)
    return found if names is None else _in_order(found, [str(name) for name in names], data)


def _in_order(found: Data, names: list[str], data: Path) -> Data:
    """The columns of these names; those of data without names as they are."""
    if found.columns is None:
        warn_caller(
            f"{data}: columns without names are taken in the order in which the model has them"
        )
        return found
    if missing := [name for name in names if name not in found.columns]:
        raise AecodecError(
            f"{data}: no column {', '.join(map(repr, missing))}, to which the model was fitted"
        )
    if more := [name for name in found.columns if name not in names]:
        warn_caller(
            f"{data}: left out, as the model does not know them: {', '.join(map(repr, more))}"
        )
    rows = found.rows[:, [found.columns.index(name) for name in names]]
    return replace(found, rows=rows, columns=names)


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
