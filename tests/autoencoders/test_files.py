"""Saved estimators come back as they were, and damaged files are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from aecodec.autoencoders import (
    AnomalyDetector,
    Autoencoder,
    ContractiveAutoencoder,
    ConvAutoencoder,
    LinearAutoencoder,
    MDLAutoencoder,
    load,
)
from aecodec.autoencoders.files import dumps
from aecodec.errors import AecodecError, CorruptFileError
from tests.autoencoders.conftest import Array
from tests.autoencoders.test_sklearn_api import AUTOENCODERS


@pytest.mark.parametrize("model", AUTOENCODERS, ids=repr)
@pytest.mark.parametrize("scale", [1, -16])
def test_there_and_back(model: Any, scale: int, digits: Array, tmp_path: Path) -> None:
    X = scale * digits[:100]
    model = clone(model).set_params(random_state=0).fit(X)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is type(model)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    np.testing.assert_array_equal(again.reconstruct(X), model.reconstruct(X))
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    public = {key for key in vars(model) if key.endswith("_")}
    assert {key for key in vars(again) if key.endswith("_")} == public
    for key in public - {"network_"}:
        assert getattr(again, key) == getattr(model, key), key
    if hasattr(again, "partial_fit"):
        again.partial_fit(X)


def test_a_detector_and_its_feature_names_come_back(digits: Array, tmp_path: Path) -> None:
    frame = pd.DataFrame(digits[:200], columns=[f"pixel {n}" for n in range(64)])
    model = AnomalyDetector(
        autoencoder=MDLAutoencoder(4, max_epochs=2), scoring="bits", random_state=0
    ).fit(frame)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    assert again.offset_interval_ == model.offset_interval_
    assert list(again.feature_names_in_) == list(frame.columns)
    refitted = clone(again).set_params(validation_fraction=0).fit(frame)
    np.testing.assert_array_equal(refitted.score_samples(frame), again.score_samples(frame))


def test_the_file_is_weights_and_json(digits: Array, tmp_path: Path) -> None:
    Autoencoder(2, max_epochs=1).fit(digits[:50]).save(tmp_path / "model")
    with safe_open(tmp_path / "model", framework="np") as file:
        (text,) = file.metadata().values()
    header = json.loads(text)
    assert header["class"] == "Autoencoder"
    assert header["params"]["n_components"] == 2


def test_what_is_no_such_file_is_told(digits: Array, tmp_path: Path) -> None:
    path = tmp_path / "model"
    with pytest.raises(FileNotFoundError):
        load(path)
    data = dumps(Autoencoder(2, max_epochs=1).fit(digits[:50]))
    for damaged in (
        b"",
        b"hello",
        data[:-5],
        data[:100],
        data.replace(b"Autoencoder", b"Automobiles"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(CorruptFileError, match="model"):
            load(path)


@pytest.mark.parametrize(
    ("model", "later"),
    [
        (Autoencoder(2), {"hidden_layers": (16,), "activation": "tanh", "dropout": 0.3}),
        (Autoencoder(2, dropout=0.3), {"n_components": 5, "dropout": 0}),
        (LinearAutoencoder(2), {"tied": False}),
        (ConvAutoencoder(2, channels=(2,)), {"channels": (3, 3), "image_shape": (16, 4)}),
        (ContractiveAutoencoder(2), {"code_activation": "tanh"}),
    ],
    ids=repr,
)
def test_it_is_the_fitted_network_that_is_saved(
    model: Any, later: dict[str, Any], digits: Array, tmp_path: Path
) -> None:
    X = digits[:50]
    model = clone(model).set_params(max_epochs=1).fit(X).set_params(**later)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.reconstruct(X), model.reconstruct(X))
    assert not {name: again.get_params()[name] for name in later}.items() & later.items()


def test_large_data_come_back_as_exactly(digits: Array, tmp_path: Path) -> None:
    X = digits[:50] + 1.7e9
    model = LinearAutoencoder(4, solver="svd").fit(X)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").reconstruct(X), model.reconstruct(X))


class Distance(BaseEstimator):  # type: ignore[misc]
    """Somebody's own: what `AnomalyDetector` asks for and no more."""

    def fit(self, X: Array, y: Any = None) -> Distance:
        self.mean_ = X.mean(0)
        return self

    def description_length(self, X: Array) -> Array:
        return np.square(X - self.mean_).sum(1)


def test_what_cannot_be_saved_is_told(digits: Array, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not fitted"):
        Autoencoder().save(tmp_path / "model")
    model = Autoencoder(2, max_epochs=1).fit(digits[:50])
    detector = AnomalyDetector(autoencoder=FrozenEstimator(model), validation_fraction=0)
    detector.fit(digits[:50])
    detector.autoencoder_ = FrozenEstimator(PCA(2).fit(digits))
    with pytest.raises(AecodecError, match="PCA"):
        detector.save(tmp_path / "model")
    detector = AnomalyDetector(autoencoder=Distance(), scoring="bits", random_state=0)
    with pytest.raises(AecodecError, match="Distance cannot be saved"):
        detector.fit(digits[:50]).save(tmp_path / "model")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="model") as caught:
        model.save(tmp_path / "file" / "model")
    assert caught.value.filename == str(tmp_path / "file" / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
