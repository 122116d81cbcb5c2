"""`aecodec ae`: the classic autoencoders on one's own data."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from aecodec.errors import AecodecError, UnsupportedImageError
from aecodec.progress import is_watched
from aecodec.storage.atomic import refuse_to_overwrite, write_atomically
from aecodec.storage.folders import keep_inputs
from aecodec.workflows.datasets import SUFFIXES, to_bytes
from aecodec.workflows.estimators import (
    check_samples,
    fit_estimator,
    image_shape,
    load_fitted,
    one_line,
    png,
    read_as,
)

from . import anomalies
from .options import DataPath, Device, Force, Quiet, output_option
from .output import noting

app = typer.Typer(
    no_args_is_help=True, help="Classic autoencoders on images or rows of numbers of your own."
)

Kind = Literal[
    "autoencoder",
    "linear",
    "conv",
    "sparse",
    "denoising",
    "contractive",
    "variational",
    "concrete",
    "mdl",
]
# What sets the parameters that are not for --set.
_SETTERS = {
    "n_components": "--components",
    "max_epochs": "--epochs",
    "random_state": "--seed",
    "device": "--device",
    "verbose": "whether there is a terminal to show a bar on",
}
_WORDS = {"True": True, "False": False, "None": None}
_MOST = 2**31 - 1
_MAX_SEED = 2**32 - 1  # of scikit-learn


def _example(lines: str) -> str:
    return "[bold]Examples[/]\n" + lines


anomalies.add_to(app)


# ---- arguments -------------------------------------------------------------------------

_Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Written by `aecodec ae fit`.", show_default=False)
]
_Output = Annotated[Path, output_option("FILE", "Where to write.")]


def _size(text: str) -> tuple[int, int]:
    """(height, width) of "WIDTHxHEIGHT"."""
    from aecodec.images import check_size

    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter(f"{text!r} is not WIDTHxHEIGHT, such as 32x32")
    try:
        check_size(int(width), int(height))
    except UnsupportedImageError as error:
        raise typer.BadParameter(f"{text}: {error}") from None
    return int(height), int(width)


def _setting(text: str) -> tuple[str, Any]:
    """(name, value) of "NAME=VALUE", the value as JSON, True, False, None, or else as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    if name in _SETTERS:
        raise typer.BadParameter(f"{name} is set by {_SETTERS[name]}")
    if value in _WORDS:
        return name, _WORDS[value]
    try:
        parsed = json.loads(value)
    except ValueError:
        return name, value
    return name, tuple(parsed) if isinstance(parsed, list) else parsed


# ---- commands --------------------------------------------------------------------------


@app.command(
    epilog=_example(
        "  aecodec ae fit autoencoder data.csv -o model.safetensors --components 8\n"
        "  aecodec ae fit conv photos -o model.safetensors --size 32x32\n"
        "  aecodec ae fit sparse data.npy -o model.safetensors --set sparsity=l1"
    )
)
def fit(
    kind: Annotated[
        Kind, typer.Argument(metavar="KIND", help=f"One of {', '.join(get_args(Kind))}.")
    ],
    data: DataPath,
    output: _Output,
    components: Annotated[
        int | None,
        typer.Option(
            "--components",
            metavar="N",
            min=1,
            max=_MOST,
            help="Size of the code.",
            show_default="the kind's own",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Passes through the data.", show_default="the kind's own"
        ),
    ] = None,
    size: Annotated[
        Any,
        typer.Option(
            parser=_size,
            metavar="WIDTHxHEIGHT",
            help="Bring the images of a folder to this size.",
            show_default="as they are",
        ),
    ] = None,
    set_: Annotated[
        list[Any] | None,
        typer.Option(
            "--set",
            parser=_setting,
            metavar="NAME=VALUE",
            help="Any other parameter of the estimator, such as hidden_layers=[256,64]; repeat"
            " for more.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=_MAX_SEED, metavar="N", help="Of everything random.")
    ] = 0,
    device: Device = "auto",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train an autoencoder on images or rows of numbers, and save it."""
    refuse_to_overwrite(output, force)
    keep_inputs(output, data)
    if size and data.is_file():
        raise typer.BadParameter(f"{data} is not a folder of images", param_hint="--size")
    settings = dict(set_ or [])
    settings |= {"n_components": components} if components else {}
    settings |= {"max_epochs": epochs} if epochs else {}
    shown = not quiet and is_watched()
    settings |= {"random_state": seed, "device": device, "verbose": shown}
    with noting():
        model, found = fit_estimator(kind, data, size=size, settings=settings)
    error = float(model.reconstruction_error(found.rows).mean())
    from aecodec.autoencoders.files import dumps

    write_atomically(output, dumps(model), overwrite=force)
    samples, features = found.rows.shape
    print(f"{output}  {samples} x {features} -> {model.n_components}  error {error:.4g}")


@app.command(epilog=_example("  aecodec ae transform model.safetensors data.csv -o codes.csv"))
def transform(
    model: _Model,
    data: DataPath,
    output: _Output,
    force: Force = False,
) -> None:
    """Write the codes of data, to .npy, .npz, .csv or .parquet."""
    suffix = _suffix(output, SUFFIXES)
    refuse_to_overwrite(output, force)
    keep_inputs(output, model, data)
    estimator = load_fitted(model)
    with noting():
        found = read_as(estimator, data)
    with one_line(data):
        codes = estimator.transform(found.rows)
    names = [str(name) for name in estimator.get_feature_names_out()]
    write_atomically(output, to_bytes(codes, suffix, names), overwrite=force)
    print(f"{output}  {codes.shape[0]} x {codes.shape[1]}")


@app.command(epilog=_example("  aecodec ae reconstruct model.safetensors photos -o restored"))
def reconstruct(
    model: _Model,
    data: DataPath,
    output: Annotated[
        Path, output_option("FILE|DIR", "A file; for a folder of images a folder, of .png files.")
    ],
    force: Force = False,
) -> None:
    """Encode and decode data: what the model makes of them."""
    suffix = ".png" if data.is_dir() else _suffix(output, SUFFIXES)
    estimator = load_fitted(model)
    with noting():
        found = read_as(estimator, data)
    if data.is_dir():
        targets = [(output / name).with_suffix(".png") for name in found.names]
        if len(set(targets)) < len(targets):
            raise AecodecError(f"{data}: images that differ only in their suffix")
    else:
        targets = [output]
    read_files = [data / name for name in found.names] if data.is_dir() else [data]
    for target in targets:
        refuse_to_overwrite(target, force)
        keep_inputs(target, model, *read_files)
    with one_line(data):
        rows = estimator.reconstruct(found.rows)
    if data.is_dir():
        for target, row in zip(targets, rows, strict=True):
            assert found.image_shape is not None  # as of every folder
            write_atomically(target, png(row[None], found.image_shape), overwrite=force)
    else:
        columns = found.columns or [f"feature{number}" for number in range(rows.shape[1])]
        write_atomically(output, to_bytes(rows, suffix, columns), overwrite=force)
    error = float(((rows - found.rows) ** 2).mean())
    print(f"{output}  {len(rows)} samples  mean squared error {error:.4g}")


@app.command(epilog=_example("  aecodec ae sample model.safetensors -n 64 -o samples.png"))
def sample(
    model: _Model,
    output: Annotated[
        Path,
        output_option(
            "FILE", "A .png picture of all if they are images, or .npy, .npz, .csv, .parquet."
        ),
    ],
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", min=1, max=_MOST, help="How many.")
    ] = 64,
    seed: Annotated[
        int, typer.Option(min=0, max=_MAX_SEED, metavar="N", help="Other numbers, other samples.")
    ] = 0,
    force: Force = False,
) -> None:
    """Draw new data from a variational autoencoder."""
    suffix = _suffix(output, (".png", *SUFFIXES))
    refuse_to_overwrite(output, force)
    keep_inputs(output, model)
    estimator = load_fitted(model)
    check_samples(estimator, model)
    shape = image_shape(estimator, model) if suffix == ".png" else None
    rows = estimator.sample(count, random_state=seed)
    if shape:
        written = png(rows, shape)
    else:
        written = to_bytes(rows, suffix, [f"feature{n}" for n in range(rows.shape[1])])
    write_atomically(output, written, overwrite=force)
    print(f"{output}  {count} samples")


@app.command(epilog=_example("  aecodec ae plot-codes model.safetensors data.csv -o map.png"))
def plot_codes(
    model: _Model,
    data: DataPath,
    output: _Output,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A class per sample, one a line, to colour by.", show_default=False
        ),
    ] = None,
    method: Annotated[
        Literal["pca", "tsne"], typer.Option(help="How codes become two-dimensional.")
    ] = "pca",
    force: Force = False,
) -> None:
    """Draw a map of the codes of data, to .png, .svg or .pdf."""
    if output.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise typer.BadParameter(f"{output} is not .png, .svg or .pdf", param_hint="--output")
    refuse_to_overwrite(output, force)
    keep_inputs(output, model, data, *([labels] if labels else []))
    estimator = load_fitted(model)
    with noting():
        found = read_as(estimator, data)
    classes = _read_labels(labels, len(found.rows)) if labels else None
    from aecodec.autoencoders import embed_plot

    with one_line(data):
        ax = embed_plot(estimator, found.rows, classes, method=method, random_state=0)
    buffer = io.BytesIO()
    figure: Any = ax.figure
    figure.savefig(buffer, format=output.suffix[1:].lower(), dpi=120)
    write_atomically(output, buffer.getvalue(), overwrite=force)
    print(output)


def _read_labels(path: Path, count: int) -> list[str]:
    try:
        labels = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise AecodecError(f"{path}: not text in UTF-8, with a class a line") from None
    if len(labels) != count:
        raise AecodecError(f"{path}: {len(labels)} lines for {count} samples")
    return labels


# ---- shared ----------------------------------------------------------------------------


def _suffix(output: Path, allowed: Sequence[str]) -> str:
    suffix = output.suffix.lower()
    if suffix not in allowed:
        raise typer.BadParameter(
            f"{output} is not one of {', '.join(allowed)}", param_hint="--output"
        )
    return suffix
