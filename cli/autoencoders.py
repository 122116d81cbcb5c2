"""`aecodec fit`, `transform`, `reconstruct`, `sample`, `anomalies` and `plot-codes`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aecodec.errors import AecodecError

from .arrays import SUFFIXES, Data, Shape, read, to_bytes
from .files import refuse_to_overwrite, write_atomically
from .fitted import (
    check_drawable,
    check_samples,
    image_shape,
    load_fitted,
    one_line,
    read_for,
)
from .options import AsJson, Device, Force, noting, say

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
_CONTAMINATION = 0.05
# What sets the parameters that are not for --set.
_SETTERS = {
    "n_components": "--components",
    "max_epochs": "--epochs",
    "random_state": "--seed",
    "device": "--device",
    "verbose": "whether there is a terminal to show a bar on",
}
_WORDS = {"True": True, "False": False, "None": None}
_STRANGEST = 10
_MAX_SEED = 2**32 - 1  # of scikit-learn
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
    seed: Annotated[int, typer.Option(min=0, max=_MAX_SEED, help="Of everything random.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Train an autoencoder on images or rows of numbers, and save it."""
    refuse_to_overwrite(output, force)
    if size and data.is_file():
        raise typer.BadParameter(f"{data} is not a folder of images", param_hint="--size")
    settings = dict(set_ or [])
    settings |= {"n_components": components} if components else {}
    settings |= {"max_epochs": epochs} if epochs else {}
    with noting():
        found = read(data, size=size, advice="use --size to bring all to one size")
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
    found = _read_for(estimator, data)
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
    found = _read_for(estimator, data)
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
            assert found.image_shape is not None  # as of every folder
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
    seed: Annotated[
        int, typer.Option(min=0, max=_MAX_SEED, help="Other numbers, other samples.")
    ] = 0,
    force: Force = False,
) -> None:
    """Draw new data from a variational autoencoder."""
    suffix = ".png" if output.suffix.lower() == ".png" else _table_suffix(output)
    refuse_to_overwrite(output, force)
    estimator = load_fitted(model)
    check_samples(estimator, model)
    shape = image_shape(estimator, model) if suffix == ".png" else None
    rows = estimator.sample(count, random_state=seed)
    if shape:
        written = _png(rows, shape)
    else:
        written = to_bytes(rows, suffix, [f"feature{n}" for n in range(rows.shape[1])])
    write_atomically(output, written, overwrite=force)
    print(f"{output}  {count} samples")


def anomalies(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="Written by `aecodec fit`, or a saved AnomalyDetector, which is taken as it is;"
            f" or the word {_CODEC}: images are strange that take it many bits.",
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
        float | None,
        typer.Option(
            min=1e-6,
            max=0.5,
            help="Share of normal data to be called strange.",
            show_default=str(_CONTAMINATION),
        ),
    ] = None,
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
    if picture and picture.suffix.lower() != ".png":
        raise typer.BadParameter(f"{picture} is not .png", param_hint="--picture")
    refuse_to_overwrite(picture, force)
    loaded = _measure_or_model(model)
    estimator = getattr(loaded, "autoencoder_", loaded)
    found = _read_for(estimator, data)
    if estimator is not loaded:
        if normal or scoring or contamination is not None:
            raise typer.BadParameter(
                f"{model} is a detector with its own threshold, contamination and scoring;"
                " leave out --normal, --contamination and --scoring"
            )
        detector = loaded
    else:
        detector = _detector(estimator, scoring, contamination or _CONTAMINATION, model)
        with one_line(normal or data):
            detector.fit((_read_for(estimator, normal) if normal else found).rows)
    with one_line(data):
        errors = -detector.score_samples(found.rows)
    if picture:
        write_atomically(picture, _error_picture(estimator, data, found, errors), overwrite=force)
    if not as_json and normal is None and detector is not loaded:
        say("note: the threshold is that of these data themselves; see --normal")
    _print_ranking(found.names, errors, detector, as_json)


def _measure_or_model(model: Path) -> Any:
    """The codec's bits, or what was saved: an autoencoder, or a detector around one."""
    if str(model) == _CODEC:
        from .codec_bits import CodecBits

        return CodecBits()
    from aecodec.autoencoders import load

    return load(model)


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
    found = _read_for(estimator, data)
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


def _table_suffix(output: Path) -> str:
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise typer.BadParameter(
            f"{output} is not one of {', '.join(SUFFIXES)}", param_hint="--output"
        )
    return suffix


def _read_for(estimator: Any, data: Path) -> Data:
    """Data as a fitted estimator, or the codec's measure, takes them."""
    with noting():
        return estimator.read(data) if hasattr(estimator, "read") else read_for(estimator, data)


def _png(rows: Any, shape: Shape, columns: int | None = None) -> bytes:
    from PIL import Image

    from aecodec.autoencoders.plots import image_grid

    buffer = io.BytesIO()
    Image.fromarray(image_grid(rows, shape, columns)).save(buffer, format="png")
    return buffer.getvalue()


def _error_picture(estimator: Any, data: Path, found: Data, errors: Array) -> bytes:
    """The strangest images; below them, by an autoencoder, reconstructions and absolute errors."""
    import numpy as np

    strangest = errors.argsort()[::-1][:_STRANGEST]
    if not hasattr(estimator, "reconstruct"):
        rows, shape = estimator.tiles(data, strangest.tolist())
        return _png(rows, shape, len(rows))
    if found.image_shape is None:
        raise AecodecError("--picture needs images")
    check_drawable(found.image_shape, data)
    rows = found.rows[strangest]
    restored = estimator.reconstruct(rows)
    parts = np.concatenate([rows, restored, np.abs(rows - restored)])
    return _png(parts, found.image_shape, len(rows))
