"""Outlier detection: what is found, and what the threshold promises."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import average_precision_score, roc_auc_score
from typing_extensions import Self

from aecodec.autoencoders import AnomalyDetector, Autoencoder, LinearAutoencoder, MDLAutoencoder
from tests.autoencoders.conftest import Array


@pytest.mark.parametrize(
    ("autoencoder", "scoring"),
    [
        (None, "reconstruction"),
        (Autoencoder(8, max_epochs=60, batch_size=32), "reconstruction"),
        (Autoencoder(8, max_epochs=60, batch_size=32), "relative"),
        (
            MDLAutoencoder(4, max_epochs=60, batch_size=32, hidden_layers=(64,), resolution=1 / 16),
            "bits",
        ),
    ],
)
def test_other_digits_are_anomalies(
    autoencoder: Any, scoring: Any, digits: Array, digit_labels: Array
) -> None:
    normal = digits[digit_labels == 0]
    train, test = normal[:120], np.concatenate([normal[120:], digits[digit_labels != 0]])
    strange = np.arange(len(test)) >= len(normal) - 120
    model = AnomalyDetector(autoencoder=autoencoder, scoring=scoring, random_state=0).fit(train)
    assert roc_auc_score(strange, -model.decision_function(test)) > 0.97
    assert average_precision_score(strange, -model.score_samples(test)) > 0.99
    found = model.predict(test) == -1
    assert found[strange].mean() > 0.8
    assert found[~strange].mean() < 0.35


class _Norm(BaseEstimator):
    """An error whose quantiles are known: the absolute value of the only feature."""

    def fit(self, X: Array, y: Any = None) -> Self:
        self.n_features_in_ = X.shape[1]
        return self

    def reconstruction_error(self, X: Array) -> Array:
        return np.abs(X[:, 0])


def test_the_threshold_is_the_quantile_and_its_interval_covers_the_true_one() -> None:
    rng = np.random.default_rng(0)
    covered, thresholds = 0, []
    for seed in range(400):
        X = rng.uniform(-1, 1, (500, 1))  # the 0.9 quantile of |x| is 0.9
        model = AnomalyDetector(
            autoencoder=_Norm(), contamination=0.1, validation_fraction=0.4, random_state=seed
        ).fit(X)
        thresholds.append(-model.offset_)
        high, low = model.offset_interval_[0], model.offset_interval_[1]
        covered += -low <= 0.9 <= -high
    # 200 held out: between the 180th and the 181st of them, which lie at 180 and 181 / 201.
    assert np.mean(thresholds) == pytest.approx(180.1 / 201, abs=0.003)
    assert 0.92 < covered / 400 < 0.985  # nominally 0.95


def test_a_relative_error_does_not_depend_on_how_large_a_sample_is(digits: Array) -> None:
    model = LinearAutoencoder(4, solver="svd").fit(np.r_[digits, -digits])  # mean 0: no offset
    np.testing.assert_allclose(
        model.relative_error(3 * digits), model.relative_error(digits), rtol=1e-4
    )
    error = ((model.reconstruct(digits) - digits) ** 2).sum(1)
    np.testing.assert_allclose(model.relative_error(digits), error / (digits**2).sum(1))
    assert np.isfinite(model.relative_error(np.zeros((1, 64)))).all()


def test_few_data_say_little_about_a_rare_quantile() -> None:
    X = np.linspace(-1, 1, 20)[:, None]
    model = AnomalyDetector(autoencoder=_Norm(), contamination=0.01).fit(X)
    assert model.offset_interval_[0] == -np.inf


def test_a_fitted_autoencoder_is_kept_if_frozen(digits: Array) -> None:
    fitted = Autoencoder(4, max_epochs=2, random_state=0).fit(digits)
    model = AnomalyDetector(
        autoencoder=FrozenEstimator(fitted), validation_fraction=0, contamination=0.1
    ).fit(digits[:1000])
    assert (model.predict(digits[:1000]) == -1).sum() == 100
    np.testing.assert_array_equal(model.score_samples(digits), -fitted.reconstruction_error(digits))


def test_wrong_parameters_are_named(digits: Array) -> None:
    with pytest.raises(ValueError, match="description_length"):
        AnomalyDetector(autoencoder=Autoencoder(), scoring="bits").fit(digits)
    model = AnomalyDetector(contamination=0.7)
    with pytest.raises(ValueError, match="contamination"):
        model.fit(digits)
    with pytest.raises(NotFittedError):
        model.predict(digits)


def test_a_threshold_from_a_few_rows_says_so(digits: Array) -> None:
    model = Autoencoder(2, max_epochs=1, hidden_layers=(8,))
    with pytest.warns(UserWarning, match=r"from 2 row\(s\).* give at least 100 rows"):
        AnomalyDetector(autoencoder=model, random_state=0).fit(digits[:10])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AnomalyDetector(autoencoder=model, random_state=0).fit(digits[:100])
