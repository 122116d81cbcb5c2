"""`aecodec fit`, `transform`, `reconstruct`, `sample`, `anomalies` and `plot-codes`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aecodec.errors import AecodecError

from .arrays import SUFFIXES, Data, read, to_bytes
from .files import refuse_to_overwrite, write_atomically
from .fitted import check_samples, image_shape, load_fitted, one_line, read_for
from .options import AsJson, Device, Force, say

if TYPE_CHECKING:
    from aecodec.autoencoders import AnomalyDetector
    from aecodec.autoencoders.base import Array, BaseAutoencoder

KINDS = {
    "autoencoder": "Autoencoder",
    "linear": "LinearAutoencoder",
    "conv": "ConvAutoencoder",
    "sparse": "SparseAutoencoder",
    "denoising": "DenoisingAutoencoder",
    "contractive": "ContractiveAutoencoder",
    "variational": "VariationalAutoencoder",
    "concrete": "ConcreteAutoencoder",
    "mdl": "MDLAutoencoder",
}
_Kind = Literal[
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
_PANEL = "Autoencoders on your own data"
_CODEC = "codec"
_UNITS = {
    "reconstruction": "mean squared error",
    "relative": "error relative to the sample",
    "bits": "bits",
}


def add_to(app: typer.Typer) -> None:
    """Add this family's commands to the application."""
    for function, examples in (
        (
            fit,
            "  aecodec fit autoencoder data.csv -o model.safetensors --components 8\n"
            "  aecodec fit conv photos -o model.safetensors --size 32x32\n"
            "  aecodec fit sparse data.npy -o model.safetensors --set sparsity=l1",
        ),
        (transform, "  aecodec transform model.safetensors data.csv -o codes.csv"),
        (reconstruct, "  aecodec reconstruct model.safetensors photos -o restored"),
        (sample, "  aecodec sample model.safetensors -n 64 -o samples.png"),
        (
            anomalies,
            "  aecodec anomalies model.safetensors photos --normal good-photos\n"
            "  aecodec anomalies codec photos --picture strangest.png",
        ),
        (plot_codes, "  aecodec plot-codes model.safetensors data.csv -o map.png"),
    ):
        app.command(rich_help_panel=_PANEL, epilog=f"[bold]Examples[/]\n{examples}")(function)


# ---- arguments -------------------------------------------------------------------------

_FORMATS = "A folder of images, or .npy, .npz, .csv, .parquet."
_DataPath = Annotated[Path, typer.Argument(metavar="DATA", help=_FORMATS, show_default=False)]
_Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Written by `aecodec fit`.", show_default=False)
]
_Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write.", show_default=False)
]


def _size(text: str) -> tuple[int, int]:
    """(height, width) of "WIDTHxHEIGHT"."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) * int(height)):
        raise typer.BadParameter(f"{text!r} is not WIDTHxHEIGHT, such as 32x32")
    return int(height), int(width)


def _setting(text: str) -> tuple[str, Any]:
    """(name, value) of "NAME=VALUE", the value as JSON or else as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    try:
        parsed = json.loads(value)
    except ValueError:
        return name, value
    return name, tuple(parsed) if isinstance(parsed, list) else parsed


# ---- commands --------------------------------------------------------------------------


def fit(
    kind: Annotated[_Kind, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    data: _DataPath,
    output: _Output,
    components: Annotated[
        int | None,
        typer.Option(
            "--components", "-n", min=1, help="Size of the code.", show_default="the kind's own"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes through the data.", show_default="the kind's own"),
    ] = None,
    size: Annotated[
        Any,
        typer.Option(
            parser=_size,
            metavar="WIDTHxHEIGHT",
            help="Bring images to this size.",
            show_default="as they are",
        ),
    ] = None,
    set_: Annotated[
        list[Any] | None,
        typer.Option(
            "--set",
            parser=_setting,
            metavar="NAME=VALUE",
            help="Any parameter of the estimator, such as hidden_layers=[256,64]; repeat for more.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Train an autoencoder on images or rows of numbers, and save it."""
    refuse_to_overwrite(output, force)
    settings = dict(set_ or [])
    settings |= {"n_components": components} if components else {}
    settings |= {"max_epochs": epochs} if epochs else {}
    found = read(data, size=size)
    from aecodec import autoencoders

    model: BaseAutoencoder = getattr(autoencoders, KINDS[kind])()
    if kind == "conv" and found.image_shape:
        settings.setdefault("image_shape", found.image_shape)
    unknown = settings.keys() - model.get_params().keys()
    if unknown:
        known = ", ".join(sorted(model.get_params()))
        raise typer.BadParameter(f"{kind} has no {', '.join(sorted(unknown))}; it has {known}")
    settings |= {"random_state": seed, "device": device, "verbose": sys.stderr.isatty()}
    with one_line(data):
        model.set_params(**settings).fit(found.rows)
        error = float(model.reconstruction_error(found.rows).mean())
    model.set_params(device="auto", verbose=False)
    if found.image_shape:
        model.image_shape_ = found.image_shape
    from aecodec.autoencoders.files import dumps

    write_atomically(output, dumps(model), overwrite=force)
    samples, features = found.rows.shape
    print(f"{output}  {samples} x {features} -> {model.n_components}  error {error:.4g}")


def transform(
    model: _Model,
    data: _DataPath,
    output: _Output,
    force: Force = False,
) -> None:
    """Write the codes of data, to .npy, .npz, .csv or .parquet."""
    suffix = _table_suffix(output)
    refuse_to_overwrite(output, force)
    estimator = load_fitted(model)
    found = read_for(estimator, data)
    with one_line(data):
        codes = estimator.transform(found.rows)
    names = [str(name) for name in estimator.get_feature_names_out()]
    write_atomically(output, to_bytes(codes, suffix, names), overwrite=force)
    print(f"{output}  {codes.shape[0]} x {codes.shape[1]}")


def reconstruct(
    model: _Model,
    data: _DataPath,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR",
            help="A file; for a folder of images a folder, of .png files.",
            show_default=False,
        ),
    ],
    force: Force = False,
) -> None:
    """Encode and decode data: what the model makes of them."""
    suffix = ".png" if data.is_dir() else _table_suffix(output)
    estimator = load_fitted(model)
    found = read_for(estimator, data)
    if data.is_dir():
        targets = [(output / name).with_suffix(".png") for name in found.names]
        if len(set(targets)) < len(targets):
            raise AecodecError(f"{data}: images that differ only in their suffix")
    else:
        targets = [output]
    for target in targets:
        refuse_to_overwrite(target, force)
    with one_line(data):
        rows = estimator.reconstruct(found.rows)
    if data.is_dir():
        for target, row in zip(targets, rows, strict=True):
            write_atomically(target, _png(row[None], found.image_shape), overwrite=force)
    else:
        columns = [f"feature{number}" for number in range(rows.shape[1])]
        write_atomically(output, to_bytes(rows, suffix, columns), overwrite=force)
    error = float(((rows - found.rows) ** 2).mean())
    print(f"{output}  {len(rows)} samples  mean squared error {error:.4g}")


def sample(
    model: _Model,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .png picture of all if they are images, or .npy, .npz, .csv, .parquet.",
            show_default=False,
        ),
    ],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Other numbers, other samples.")] = 0,
    force: Force = False,
) -> None:
    """Draw new data from a variational autoencoder."""
    suffix = ".png" if output.suffix.lower() == ".png" else _table_suffix(output)
    refuse_to_overwrite(output, force)
    estimator = load_fitted(model)
    check_samples(estimator, model)
    rows = estimator.sample(count, random_state=seed)
    if suffix == ".png":
        written = _png(rows, image_shape(estimator, model))
    else:
        written = to_bytes(rows, suffix, [f"feature{n}" for n in range(rows.shape[1])])
    write_atomically(output, written, overwrite=force)
    print(f"{output}  {count} samples")


def anomalies(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help=f"Written by `aecodec fit`; or the word {_CODEC}: images are strange that"
            " take it many bits.",
            show_default=False,
        ),
    ],
    data: _DataPath,
    normal: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Data known to be normal and not used in fit, to set the threshold by.",
            show_default="the data themselves",
        ),
    ] = None,
    contamination: Annotated[
        float, typer.Option(min=1e-6, max=0.5, help="Share of normal data to be called strange.")
    ] = 0.05,
    scoring: Annotated[
        Literal["reconstruction", "relative", "bits"] | None,
        typer.Option(
            help="Error of the reconstruction, the same relative to the sample's own size, or"
            " description length (mdl, codec).",
            show_default="bits where there are",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Draw the strangest images, their reconstructions and errors.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    force: Force = False,
) -> None:
    """Rank data by how strange they are to a model, and say which are beyond a threshold.

    The threshold is the quantile of the errors of normal data that leaves out the share
    given by --contamination.
    """
    if picture:
        refuse_to_overwrite(picture, force)
    if str(model) == _CODEC:
        from .codec_bits import CodecBits

        estimator: Any = CodecBits()
        found = read(data)
        estimator.image_shape_ = found.image_shape
    else:
        estimator = load_fitted(model)
        found = read_for(estimator, data)
    detector = _detector(estimator, scoring, contamination, model)
    reference = read_for(estimator, normal) if normal else found
    with one_line(normal or data):
        detector.fit(reference.rows)
    with one_line(data):
        errors = -detector.score_samples(found.rows)
    if picture:
        write_atomically(picture, _error_picture(estimator, found, errors), overwrite=force)
    if not as_json and normal is None:
        say("note: the threshold is that of these data themselves; see --normal")
    _print_ranking(found.names, errors, detector, as_json)


def _detector(estimator: Any, scoring: Any, contamination: float, model: Path) -> AnomalyDetector:
    """An outlier detector around a fitted model; its threshold is yet to be set."""
    from sklearn.frozen import FrozenEstimator

    from aecodec.autoencoders import AnomalyDetector

    has_bits = hasattr(estimator, "description_length")
    scoring = scoring or ("bits" if has_bits else "reconstruction")
    if scoring == "bits" and not has_bits:
        raise AecodecError(f"{model}: --scoring bits needs a model of kind mdl, or {_CODEC}")
    if scoring != "bits" and not hasattr(estimator, "reconstruction_error"):
        raise AecodecError(f"the {_CODEC} has --scoring bits only")
    return AnomalyDetector(
        autoencoder=FrozenEstimator(estimator),
        contamination=contamination,
        scoring=scoring,
        validation_fraction=0,
    )


def _print_ranking(
    names: list[str], errors: Array, detector: AnomalyDetector, as_json: bool
) -> None:
    threshold = -detector.offset_
    ranking = [(names[i], float(errors[i])) for i in errors.argsort()[::-1]]
    if as_json:
        high, low = detector.offset_interval_
        interval = [-low, -high]
        report = {
            "scoring": detector.scoring,
            "contamination": detector.contamination,
            "threshold": threshold,
            "threshold_interval": [v if abs(v) < float("inf") else None for v in interval],
            "samples": [
                {"name": name, "error": error, "anomaly": error > threshold}
                for name, error in ranking
            ],
        }
        print(json.dumps(report, indent=2))
        return
    unit = _UNITS[detector.scoring]
    for name, error in ranking:
        print(f"{error:<10.4g}  {'anomaly' if error > threshold else '       '}  {name}")
    strange = sum(error > threshold for _, error in ranking)
    print(f"{strange} of {len(ranking)} above {threshold:.4g} ({unit})")


def plot_codes(
    model: _Model,
    data: _DataPath,
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
    estimator = load_fitted(model)
    found = read_for(estimator, data)
    classes = labels.read_text(encoding="utf-8").splitlines() if labels else None
    if classes is not None and len(classes) != len(found.rows):
        raise AecodecError(f"{labels}: {len(classes)} lines for {len(found.rows)} samples")
    from aecodec.autoencoders import embed_plot

    with one_line(data):
        ax = embed_plot(estimator, found.rows, classes, method=method, random_state=0)
    buffer = io.BytesIO()
    figure: Any = ax.figure
    figure.savefig(buffer, format=output.suffix[1:].lower(), dpi=120)
    write_atomically(output, buffer.getvalue(), overwrite=force)
    print(output)


# ---- shared ----------------------------------------------------------------------------


def _table_suffix(output: Path) -> str:
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise typer.BadParameter(
            f"{output} is not one of {', '.join(SUFFIXES)}", param_hint="--output"
        )
    return suffix


def _png(rows: Any, shape: tuple[int, int, int] | None) -> bytes:
    from PIL import Image

    from aecodec.autoencoders.plots import image_grid

    assert shape is not None
    buffer = io.BytesIO()
    Image.fromarray(image_grid(rows, shape)).save(buffer, format="png")
    return buffer.getvalue()


def _error_picture(estimator: Any, found: Data, errors: Array, count: int = 10) -> bytes:
    """The strangest images; below them reconstructions and absolute errors if there are any."""
    import numpy as np

    if found.image_shape is None:
        raise AecodecError("--picture needs images")
    rows = found.rows[errors.argsort()[::-1][:count]]
    parts = [rows]
    if hasattr(estimator, "reconstruct"):
        restored = estimator.reconstruct(rows)
        parts += [restored, np.abs(rows - restored)]
    from PIL import Image

    from aecodec.autoencoders.plots import image_grid

    buffer = io.BytesIO()
    grid = image_grid(np.concatenate(parts), found.image_shape, columns=len(rows))
    Image.fromarray(grid).save(buffer, format="png")
    return buffer.getvalue()
