"""Data ranked by how strange they are to a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecodec.errors import AecodecError, UsageError
from aecodec.workflows.datasets import Data
from aecodec.workflows.estimators import check_drawable, one_line, png, read_as

if TYPE_CHECKING:
    from aecodec.autoencoders import AnomalyDetector
    from aecodec.autoencoders.fitting import Array

CODEC = "codec"
"""In place of a model: images are strange that take the codec many bits."""

CONTAMINATION = 0.05
_STRANGEST = 10


class AnomalySearch:
    """A model, or a detector with a threshold of its own, to rank data by.

    Args:
        model: written by `aecodec ae fit`, or a saved AnomalyDetector, which is taken as it is; or
            `CODEC`.
        scoring: "reconstruction", "relative" or "bits"; None: bits where there are.
        contamination: share of normal data to be called strange; None: `CONTAMINATION`.
        own_threshold: there are no data to set the threshold by; a detector needs none.

    Attributes:
        detector: it.
        complete: whether it has its threshold already.

    Raises:
        UsageError: a detector has all of this already.
        AecodecError: there is no such model, or it has no such scoring.
    """

    def __init__(
        self,
        model: Path,
        scoring: str | None = None,
        contamination: float | None = None,
        *,
        own_threshold: bool = True,
    ) -> None:
        loaded = _measure_or_model(model)
        self.estimator = getattr(loaded, "autoencoder_", loaded)
        self.complete = self.estimator is not loaded
        self.detector: AnomalyDetector
        if not self.complete:
            contamination = contamination or CONTAMINATION
            self.detector = _detector(self.estimator, scoring, contamination, model)
        elif not own_threshold or scoring or contamination is not None:
            raise UsageError(
                f"{model} is a detector with its own threshold, contamination and scoring;"
                " leave out --normal, --contamination and --scoring"
            )
        else:
            self.detector = loaded

    def read(self, data: Path) -> Data:
        """Data as the model takes them; as `datasets.read`."""
        return read_as(self.estimator, data)

    def set_threshold(self, normal: Data, source: Path) -> None:
        """By data known to be normal; `source` is for errors."""
        with one_line(source):
            self.detector.fit(normal.rows)

    def errors(self, found: Data, source: Path) -> Array:
        """How strange each sample is, float (n,): the larger, the stranger."""
        with one_line(source):
            return -self.detector.score_samples(found.rows)

    def check_picture(self, data: Path, found: Data) -> None:
        """Raise AecodecError unless `picture` can draw these data."""
        if hasattr(self.estimator, "tiles"):
            return
        if found.image_shape is None:
            raise AecodecError(f"{data}: --picture needs images")
        check_drawable(found.image_shape, data)

    def picture(self, data: Path, found: Data, errors: Array) -> bytes:
        """A PNG of the strangest images; with an autoencoder, reconstructions and errors below."""
        import numpy as np

        strangest = errors.argsort()[::-1][:_STRANGEST]
        if hasattr(self.estimator, "tiles"):
            rows, shape = self.estimator.tiles(data, strangest.tolist())
            return png(rows, shape, len(rows))
        assert found.image_shape is not None  # `check_picture` has looked
        rows = found.rows[strangest]
        restored = self.estimator.reconstruct(rows)
        parts = np.concatenate([rows, restored, np.abs(rows - restored)])
        return png(parts, found.image_shape, len(rows))

    def ranking(self, names: list[str], errors: Array) -> dict[str, Any]:
        """The samples, the strangest first, and the threshold, ready for JSON."""
        threshold = -self.detector.offset_
        high, low = self.detector.offset_interval_
        interval = [-low, -high]
        return {
            "scoring": self.detector.scoring,
            "contamination": self.detector.contamination,
            "threshold": threshold,
            "threshold_interval": [v if abs(v) < float("inf") else None for v in interval],
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
