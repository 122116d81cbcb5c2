"""The contract of scikit-learn, by its own checks and by how estimators are used together."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from aecodec.autoencoders import (
    AnomalyDetector,
    Autoencoder,
    ConcreteAutoencoder,
    ContractiveAutoencoder,
    ConvAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    MDLAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from aecodec.errors import AecodecError
from tests.autoencoders.conftest import Array

QUICK: dict[str, Any] = {"n_components": 2, "max_epochs": 3, "device": "cpu"}

ESTIMATORS = [
    Autoencoder(**QUICK, hidden_layers=(8,)),
    Autoencoder(
        **QUICK,
        hidden_layers=(8,),
        activation="sigmoid",
        pretraining="rbm",
        pretraining_epochs=1,
    ),
    ConcreteAutoencoder(**QUICK, hidden_layers=(8,)),
    ContractiveAutoencoder(**QUICK),
    ContractiveAutoencoder(**QUICK, hidden_layers=(8,)),
    ConvAutoencoder(**QUICK, channels=(2, 3)),
    DenoisingAutoencoder(**QUICK, hidden_layers=(8,)),
    LinearAutoencoder(**QUICK),
    LinearAutoencoder(**QUICK, solver="svd"),
    MDLAutoencoder(**QUICK, hidden_layers=(8,)),
    SparseAutoencoder(**QUICK, k=1),
    SparseAutoencoder(**QUICK, sparsity="l1"),
    VariationalAutoencoder(**QUICK, hidden_layers=(8,)),
    AnomalyDetector(autoencoder=Autoencoder(**QUICK, hidden_layers=(8,))),
    AnomalyDetector(autoencoder=Autoencoder(**QUICK, hidden_layers=(8,)), validation_fraction=0),
]

HELD_OUT = "the threshold is a quantile of held-out errors, not of those of the data fitted"


def expected_failures(estimator: Any) -> dict[str, str]:
    if isinstance(estimator, AnomalyDetector) and estimator.validation_fraction:
        return {"check_outliers_train": HELD_OUT, "check_outliers_fit_predict": HELD_OUT}
    return {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


AUTOENCODERS = [e for e in ESTIMATORS if not isinstance(e, AnomalyDetector)]
each_autoencoder = pytest.mark.parametrize("model", AUTOENCODERS, ids=repr)


@each_autoencoder
def test_dtypes_are_kept(model: Any, digits: Array) -> None:
    X = digits[:100]
    model = clone(model).fit(X.astype(np.float32))
    for dtype in (np.float32, np.float64):
        codes = model.transform(X.astype(dtype))
        assert codes.dtype == dtype
        assert model.inverse_transform(codes).dtype == dtype
        assert model.reconstruct(X.astype(dtype)).dtype == dtype
    assert all(p.dtype == torch.float32 for p in model.network_.parameters())
    assert np.allclose(
        model.reconstruct(X), model.inverse_transform(model.transform(X)), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        model.reconstruct(X.astype(np.float32)), model.reconstruct(X), atol=2e-2
    )


def test_codes_of_another_size_are_refused(digits: Array) -> None:
    """Of data that do not fit, scikit-learn's own checks see to it."""
    with pytest.raises(ValueError, match="codes have 2 columns, not 5"):
        Autoencoder(2, max_epochs=1).fit(digits[:50]).inverse_transform(np.zeros((3, 5)))


@each_autoencoder
def test_the_same_seed_gives_the_same_model_and_global_states_are_left_alone(
    model: Any, digits: Array
) -> None:
    X = digits[:100]
    torch.manual_seed(7)
    np.random.seed(7)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(7)
    np.random.seed(7)
    models = [clone(model).set_params(random_state=3, dropout=0.1).fit(X) for _ in range(2)]
    assert (torch.rand(1), np.random.rand()) == expected
    np.testing.assert_array_equal(models[0].transform(X), models[1].transform(X))


def test_pipeline_grid_search_and_pickle(digits: Array) -> None:
    pipeline = make_pipeline(StandardScaler(), Autoencoder(4, max_epochs=15, random_state=0))
    search = GridSearchCV(pipeline, {"autoencoder__n_components": [1, 8]}, cv=3)
    search.fit(digits[:300])
    assert search.best_params_ == {"autoencoder__n_components": 8}
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(
        again.transform(digits[:5]), search.best_estimator_.transform(digits[:5])
    )


def test_data_frames_and_feature_names(digits: Array) -> None:
    frame = pd.DataFrame(digits[:80], columns=[f"pixel {n}" for n in range(64)])
    model = Autoencoder(3, max_epochs=2, random_state=0).set_output(transform="pandas")
    codes = model.fit_transform(frame)
    assert list(codes.columns) == [f"autoencoder{n}" for n in range(3)]
    selector = ConcreteAutoencoder(5, max_epochs=2, random_state=0).set_output(transform="pandas")
    chosen = selector.fit_transform(frame)
    assert list(chosen.columns) == list(selector.get_feature_names_out())
    pd.testing.assert_frame_equal(chosen, frame[chosen.columns])
    assert set(chosen.columns) < set(frame.columns)


def test_partial_fit_on_chunks_comes_close_to_fit(digits: Array) -> None:
    whole = Autoencoder(8, max_epochs=20, random_state=0).fit(digits)
    chunked = Autoencoder(8, max_epochs=20, random_state=0)
    for _ in range(20):
        for chunk in np.array_split(digits, 4):
            chunked.partial_fit(chunk)
    error = chunked.reconstruction_error(digits).mean()
    assert error < 1.3 * whole.reconstruction_error(digits).mean()
    assert chunked.n_iter_ == len(chunked.loss_curve_) == 80
    with pytest.raises(ValueError, match="features"):
        chunked.partial_fit(digits[:, :10])


def test_what_was_fitted_stays_what_it_is_until_fitted_again(digits: Array) -> None:
    X = digits[:50]
    with pytest.raises(NotFittedError):
        Autoencoder(4).get_feature_names_out()
    model = VariationalAutoencoder(4, max_epochs=2, early_stopping=True, random_state=0).fit(X)
    model.set_params(n_components=9)
    assert list(model.get_feature_names_out()) == [f"variationalautoencoder{n}" for n in range(4)]
    assert model.transform(X).shape == (50, 4)
    assert model.sample(3).shape == (3, 64)
    model.set_params(early_stopping=False).fit(X)
    assert model.transform(X).shape == (50, 9)
    assert not hasattr(model, "validation_loss_curve_")


@each_autoencoder
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_failure_leaves_an_estimator_as_it_was(
    model: Any, method: str, digits: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = digits[:100]
    model = clone(model).set_params(random_state=0, dropout=0.5)
    if not hasattr(model, method) or getattr(model, "solver", "") == "svd":
        pytest.skip("no such training")
    calls = 0

    def interrupted(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    def train_in_vain() -> None:
        nonlocal calls
        calls = 0
        model.set_params(batch_size=50)
        with monkeypatch.context() as patch:
            patch.setattr(torch.optim.Adam, "step", lambda *_: interrupted())
            with pytest.raises(KeyboardInterrupt):
                getattr(model, method)(X)

    train_in_vain()
    with pytest.raises(NotFittedError):
        model.transform(X)
    model.fit(X)
    before = model.transform(X), model.reconstruct(X), list(model.loss_curve_)
    train_in_vain()
    np.testing.assert_array_equal(model.transform(X), before[0])
    np.testing.assert_array_equal(model.reconstruct(X), before[1])
    assert model.loss_curve_ == before[2]


def test_a_failed_chunk_does_not_change_what_the_next_one_does(digits: Array) -> None:
    one, other = (Autoencoder(4, random_state=0, batch_size=50).partial_fit(digits) for _ in "12")
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        one.partial_fit(2 * digits)
    one._objective = lambda *_: torch.tensor(float("nan"), requires_grad=True)  # type: ignore[method-assign]
    with pytest.raises(AecodecError, match="diverged"):
        one.partial_fit(digits)
    del one._objective
    one, other = one.partial_fit(digits), other.partial_fit(digits)
    np.testing.assert_array_equal(one.transform(digits), other.transform(digits))


@pytest.mark.parametrize(
    "model",
    [Autoencoder(2, loss="bce"), VariationalAutoencoder(2), VariationalAutoencoder(2, loss="bce")],
    ids=repr,
)
def test_cross_entropy_looks_at_all_data(model: Any, digits: Array) -> None:
    with pytest.raises(ValueError, match=r"\[0, 16\]"):
        clone(model).partial_fit(digits).partial_fit(16 * digits)
    X = digits[:100].copy()
    X[7] = 5
    for seed in range(8):  # in some of which the odd sample is held out
        stopped = clone(model).set_params(early_stopping=True, max_epochs=1, random_state=seed)
        if model.loss == "bce":
            with pytest.raises(ValueError, match=r"\[0, 5\]"):
                stopped.fit(X)
        else:
            assert stopped.fit(X).loss_ == "mse"


def test_partial_fit_goes_on_after_pickling_as_if_nothing_had_been(digits: Array) -> None:
    one = Autoencoder(4, random_state=0).partial_fit(digits)
    other = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(
        one.partial_fit(digits).transform(digits), other.partial_fit(digits).transform(digits)
    )


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"n_components": 0}, "n_components"),
        ({"n_components": 2.5}, "n_components"),
        ({"activation": "swoosh"}, "swoosh"),
        ({"hidden_layers": (0,)}, "hidden_layers"),
        ({"loss": "mae"}, "loss"),
        ({"loss": "bce", "output": "linear"}, "bce"),
        ({"dropout": 1.0}, "dropout"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"pretraining": "dream"}, "pretraining"),
        ({"early_stopping": True, "validation_fraction": 0.0}, "validation_fraction"),
        ({"early_stopping": "False"}, "early_stopping='False' is neither True nor False"),
        ({"verbose": 1}, "verbose"),
        ({"activation": {}}, "activation"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, Any], named: str, digits: Array) -> None:
    with pytest.raises(ValueError, match=named):
        Autoencoder(**parameters).fit(digits[:20])


def test_a_sigmoid_wants_data_in_the_unit_interval(digits: Array) -> None:
    with pytest.raises(ValueError, match=r"\[0, 16\]"):
        Autoencoder(output="sigmoid").fit(16 * digits)
    assert Autoencoder(2, max_epochs=1).fit(digits).sigmoid_
    assert not Autoencoder(2, max_epochs=1).fit(16 * digits).sigmoid_
    scaled = make_pipeline(MinMaxScaler(), Autoencoder(2, loss="bce", max_epochs=1))
    assert scaled.fit(16 * digits)[-1].sigmoid_


@each_autoencoder
def test_arrays_may_lie_in_memory_as_they_like(model: Any, digits: Array) -> None:
    rows = digits[:60]
    other = np.ascontiguousarray(rows[::-1], dtype=">f8")[::-1]
    expected = clone(model).set_params(random_state=0).fit(rows)
    found = clone(model).set_params(random_state=0).fit(other)
    np.testing.assert_allclose(found.transform(other), expected.transform(rows), rtol=1e-5)
    codes = expected.transform(rows)
    backwards = expected.inverse_transform(codes[::-1])
    np.testing.assert_allclose(backwards[::-1], expected.inverse_transform(codes), rtol=1e-5)
    if hasattr(model, "partial_fit"):
        clone(model).partial_fit(rows[::-1, ::-1])
