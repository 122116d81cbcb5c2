"""`aecodec anomalies`: data ranked by how strange they are to a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aecodec.errors import AecodecError
from aecodec.files import refuse_to_overwrite, write_atomically

from .arrays import Data
from .fitted import PANEL, DataPath, check_drawable, one_line, png, read_as
from .inputs import keep_inputs
from .options import AsJson, Force, say, tell

if TYPE_CHECKING:
    from aecodec.autoencoders import AnomalyDetector
    from aecodec.autoencoders.fitting import Array

_CODEC = "codec"
_CONTAMINATION = 0.05
_STRANGEST = 10
_UNITS = {
    "reconstruction": "mean squared error",
    "relative": "error relative to the sample",
    "bits": "bits",
}


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    examples = (
        "  aecodec anomalies model.safetensors photos --normal good-photos\n"
        "  aecodec anomalies codec photos --picture strangest.png"
    )
    app.command(rich_help_panel=PANEL, epilog=f"[bold]Examples[/]\n{examples}")(anomalies)


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
    data: DataPath,
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
    keep_inputs(picture, model, data, *([normal] if normal else []))
    loaded = _measure_or_model(model)
    estimator = getattr(loaded, "autoencoder_", loaded)
    if estimator is loaded:
        detector = _detector(estimator, scoring, contamination or _CONTAMINATION, model)
    elif normal or scoring or contamination is not None:
        raise typer.BadParameter(
            f"{model} is a detector with its own threshold, contamination and scoring;"
            " leave out --normal, --contamination and --scoring"
        )
    else:
        detector = loaded
    found = read_as(estimator, data)
    if picture:
        keep_inputs(picture, *(data / name for name in found.names))
        _check_picture(estimator, data, found)
    if detector is not loaded:
        with one_line(normal or data):
            detector.fit((read_as(estimator, normal) if normal else found).rows)
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
        tell(f"{error:<10.4g}  {'anomaly' if error > threshold else '       '}  {name}")
    strange = sum(error > threshold for _, error in ranking)
    print(f"{strange} of {len(ranking)} above {threshold:.4g} ({unit})")


def _check_picture(estimator: Any, data: Path, found: Data) -> None:
    """Raise AecodecError unless `_error_picture` can draw these data."""
    if hasattr(estimator, "tiles"):
        return
    if found.image_shape is None:
        raise AecodecError(f"{data}: --picture needs images")
    check_drawable(found.image_shape, data)


def _error_picture(estimator: Any, data: Path, found: Data, errors: Array) -> bytes:
    """The strangest images; below them, by an autoencoder, reconstructions and absolute errors."""
    import numpy as np

    strangest = errors.argsort()[::-1][:_STRANGEST]
    if hasattr(estimator, "tiles"):
        rows, shape = estimator.tiles(data, strangest.tolist())
        return png(rows, shape, len(rows))
    assert found.image_shape is not None  # `_check_picture` has looked
    rows = found.rows[strangest]
    restored = estimator.reconstruct(rows)
    parts = np.concatenate([rows, restored, np.abs(rows - restored)])
    return png(parts, found.image_shape, len(rows))
