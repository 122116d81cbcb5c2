"""`aecodec ae`: the classic autoencoders on one's own data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from aecodec.errors import UnsupportedImageError
from aecodec.progress import is_watched
from aecodec.workflows.estimators import (
    fit_file,
    plot_codes_file,
    reconstruct_files,
    sample_file,
    transform_file,
)

from .anomalies import anomalies
from .options import DataPath, Device, Force, Quiet, examples, optional, output_option
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


app.command(
    epilog=examples(
        "aecodec ae anomalies model.safetensors photos --normal good-photos",
        "aecodec ae anomalies codec photos --picture strangest.png",
    )
)(anomalies)


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
    epilog=examples(
        "aecodec ae fit autoencoder data.csv -o model.safetensors --components 8",
        "aecodec ae fit conv photos -o model.safetensors --size 32x32",
        "aecodec ae fit sparse data.npy -o model.safetensors --set sparsity=l1",
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
        optional("N", "Size of the code.", "the kind's own", "--components", min=1, max=_MOST),
    ] = None,
    epochs: Annotated[
        int | None, optional("N", "Passes through the data.", "the kind's own", min=1)
    ] = None,
    size: Annotated[
        Any,
        optional(
            "WIDTHxHEIGHT",
            "Bring the images of a folder to this size.",
            "as they are",
            parser=_size,
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
    if size and data.is_file():
        raise typer.BadParameter(f"{data} is not a folder of images", param_hint="--size")
    settings = dict(set_ or [])
    settings |= {"n_components": components} if components else {}
    settings |= {"max_epochs": epochs} if epochs else {}
    settings |= {"random_state": seed, "device": device, "verbose": not quiet and is_watched()}
    with noting():
        done = fit_file(kind, data, output, size=size, settings=settings, overwrite=force)
    shape = f"{done['samples']} x {done['features']} -> {done['components']}"
    print(f"{output}  {shape}  error {done['error']:.4g}")


@app.command(epilog=examples("aecodec ae transform model.safetensors data.csv -o codes.csv"))
def transform(model: _Model, data: DataPath, output: _Output, force: Force = False) -> None:
    """Write the codes of data, to .npy, .npz, .csv or .parquet."""
    with noting():
        samples, components = transform_file(model, data, output, overwrite=force)
    print(f"{output}  {samples} x {components}")


@app.command(epilog=examples("aecodec ae reconstruct model.safetensors photos -o restored"))
def reconstruct(
    model: _Model,
    data: DataPath,
    output: Annotated[
        Path, output_option("FILE|DIR", "A file; for a folder of images a folder, of .png files.")
    ],
    force: Force = False,
) -> None:
    """Encode and decode data: what the model makes of them."""
    with noting():
        samples, error = reconstruct_files(model, data, output, overwrite=force)
    print(f"{output}  {samples} samples  mean squared error {error:.4g}")


@app.command(epilog=examples("aecodec ae sample model.safetensors -n 64 -o samples.png"))
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
    sample_file(model, output, count, seed, overwrite=force)
    print(f"{output}  {count} samples")


@app.command(epilog=examples("aecodec ae plot-codes model.safetensors data.csv -o map.png"))
def plot_codes(
    model: _Model,
    data: DataPath,
    output: _Output,
    labels: Annotated[
        Path | None, optional("FILE", "A class per sample, one a line, to colour by.")
    ] = None,
    method: Annotated[
        Literal["pca", "tsne"], typer.Option(help="How codes become two-dimensional.")
    ] = "pca",
    force: Force = False,
) -> None:
    """Draw a map of the codes of data, to .png, .svg or .pdf."""
    with noting():
        plot_codes_file(model, data, output, labels=labels, method=method, overwrite=force)
    print(output)
