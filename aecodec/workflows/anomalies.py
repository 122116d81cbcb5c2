"""Data ranked by how strange they are to a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecodec.errors import AecodecError, UsageError
from aecodec.storage.atomic import refuse_to_overwrite, write_atomically
from aecodec.workflows.datasets import Data
from aecodec.workflows.estimators import check_drawable, one_line, png, read_as

if TYPE_CHECKING:
    from aecodec.autoencoders import AnomalyDetector
    from aecodec.autoencoders.fitting import Array

CODEC = "codec"
"""In place of a model: images are strange that take the codec many bits."""

CONTAMINATION = 0.05
_STRANGEST = 10


def rank_anomalies(
    model: Path,
    data: Path,
    *,
    normal: Path | None = None,
    scoring: str | None = None,
    contamination: float | None = None,
    picture: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Rank data by how strange they are to a model, and say which are beyond a threshold.

    The threshold is the quantile of the errors of normal data that leaves out the share
    `contamination`.

    Args:
        model: written by `fit_file`, or a saved AnomalyDetector, which is taken as it is; or
            `CODEC`.
        data: as of `datasets.read`.
        normal: normal data that the model has not seen; None: the data themselves.
        scoring: "reconstruction", "relative" or "bits"; None: bits where there are.
        contamination: share of normal data to be called strange; None: `CONTAMINATION`.
        picture: a .png file to draw the strangest images to; with an autoencoder, their
            reconstructions and errors, too.
        overwrite: replace an existing picture.

    Returns:
        Ready for JSON: scoring, contamination, threshold, threshold_interval, threshold_from (what
        it was set by: "data", "normal" or "detector"), and samples, the strangest first, each with
        name, error and whether it is an anomaly.

    Raises:
        FileExistsError: the picture exists, and `overwrite` is false.
        UsageError: a detector has a threshold of its own, and is given what sets one; or the
            picture is not to be .png.
        AecodecError, OSError: model or data cannot be read, do not fit, or are no images.
    """
    if picture and picture.suffix.lower() != ".png":
        raise UsageError(f"{picture} is not .png")
    refuse_to_overwrite(picture, overwrite, model, data, *([normal] if normal else []))
    loaded = _measure_or_model(model)
    estimator = getattr(loaded, "autoencoder_", loaded)
    detector, complete = loaded, estimator is not loaded
    if not complete:
        detector = _detector(estimator, scoring, contamination or CONTAMINATION, model)
    elif normal or scoring or contamination is not None:
        raise UsageError(
            f"{model} is a detector with its own threshold, contamination and scoring;"
            " leave out --normal, --contamination and --scoring"
        )
    found = read_as(estimator, data)
    if picture:
        refuse_to_overwrite(picture, overwrite, *(data / name for name in found.names))
        _check_picture(estimator, data, found)
    if not complete:
        known = read_as(estimator, normal) if normal else found
        with one_line(normal or data):
            detector.fit(known.rows)
    with one_line(data):
        errors = -detector.score_samples(found.rows)
    if picture:
        drawn = _picture(estimator, data, found, errors)
        write_atomically(picture, drawn, overwrite=overwrite)
    set_by = "detector" if complete else "normal" if normal else "data"
    return {"threshold_from": set_by, **_ranking(detector, found.names, errors)}


def _check_picture(estimator: Any, data: Path, found: Data) -> None:
    """Raise AecodecError unless `_picture` can draw these data."""
    if hasattr(estimator, "tiles"):
        return
    if found.image_shape is None:
        raise AecodecError(f"{data}: --picture needs images")
    check_drawable(found.image_shape, data)


def _picture(estimator: Any, data: Path, found: Data, errors: Array) -> bytes:
    """A PNG of the strangest images; with an autoencoder, reconstructions and errors below."""
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


def _ranking(detector: AnomalyDetector, names: list[str], errors: Array) -> dict[str, Any]:
    threshold = -detector.offset_
    high, low = detector.offset_interval_
    return {
        "scoring": detector.scoring,
        "contamination": detector.contamination,
        "threshold": threshold,
        "threshold_interval": [v if abs(v) < float("inf") else None for v in (-low, -high)],
        "samples": [
            {
                "name": names[i],
                "error": float(errors[i]),
                "anomaly": bool(errors[i] > threshold),
            }
            for i in errors.argsort()[::-1]
        ],
    }


def _measure_or_model(model: Path) -> Any:
    """The codec's bits, or what was saved: an autoencoder, or a detector around one."""
    if str(model) == CODEC:
        from aecodec.workflows.codec_bits import CodecBits

        return CodecBits()
    from aecodec.autoencoders import load

    return load(model)


def _detector(
    estimator: Any, scoring: str | None, contamination: float, model: Path
) -> AnomalyDetector:
    """An outlier detector around a fitted model; its threshold is yet to be set."""
    from sklearn.frozen import FrozenEstimator

    from aecodec.autoencoders import AnomalyDetector

    has_bits = hasattr(estimator, "description_length")
    chosen: Any = scoring or ("bits" if has_bits else "reconstruction")
    if chosen == "bits" and not has_bits:
        raise AecodecError(f"{model}: --scoring bits needs a model of kind mdl, or {CODEC}")
    if chosen != "bits" and not hasattr(estimator, "reconstruction_error"):
        raise AecodecError(f"the {CODEC} has --scoring bits only")
    return AnomalyDetector(
        autoencoder=FrozenEstimator(estimator),
        contamination=contamination,
        scoring=chosen,
        validation_fraction=0,
    )
