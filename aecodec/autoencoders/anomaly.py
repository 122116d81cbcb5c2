"""Outlier detection by how badly an autoencoder reconstructs, or how long it describes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from typing_extensions import Self

from aecodec.autoencoders.checks import check_choice, check_number
from aecodec.autoencoders.family import estimator
from aecodec.autoencoders.fitting import Array, unchanged_on_failure
from aecodec.autoencoders.mlp import Autoencoder

_METHODS = {
    "reconstruction": "reconstruction_error",
    "relative": "relative_error",
    "bits": "description_length",
}


@estimator()
@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyDetector(OutlierMixin, BaseEstimator):
    """Outlier detector around an autoencoder, with scikit-learn's outlier API.

    The autoencoder is trained on a part of the data. The threshold is the empirical
    (1 - contamination) quantile of the errors of the rest, which it has not seen and whose
    errors are therefore those of new data.

    Parameters
    ----------
    autoencoder : estimator or None
        Cloned before it is fitted; None is `Autoencoder(16, dropout=0.2)`: a network that
        reconstructs too well also reconstructs what is strange. An already fitted one is kept
        if wrapped in `sklearn.frozen.FrozenEstimator`; then `validation_fraction=0` is right.
    contamination : float
        Share of new data like those fitted that will be called outliers, in (0, 0.5].
    scoring : {"reconstruction", "relative", "bits"}
        The error: the autoencoder's `reconstruction_error`; its `relative_error`, by which a
        sample is not strange for being large, such as a picture with much ink; or its
        `description_length` in bits, which `MDLAutoencoder` has.
    validation_fraction : float
        Share of the data held out for the threshold. With 0 the threshold is that of the
        training errors, which are lower than those of new data.
    confidence : float
        Of the interval for the threshold.
    random_state : int, RandomState instance or None
        Of the split, and the autoencoder's if that has None.

    Attributes
    ----------
    autoencoder_ : estimator
        The fitted autoencoder.
    offset_ : float
        `decision_function` is `score_samples - offset_`; the threshold of the errors is
        `-offset_`.
    offset_interval_ : tuple of float
        Asymptotic confidence interval of `offset_`, from the order statistics whose ranks
        are the quantile's rank plus or minus normal quantiles of a binomial's deviation. An
        end is infinite where there are too few data for it.
    n_features_in_ : int
        Features of the data.
    """

    autoencoder: Any = None
    contamination: float = 0.05
    scoring: Literal["reconstruction", "relative", "bits"] = "reconstruction"
    validation_fraction: float = 0.2
    confidence: float = 0.95
    random_state: Any = None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the autoencoder and set the threshold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Normal data, or nearly all of them.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Data or a parameter do not fit.
        """
        with unchanged_on_failure(self):
            self._fit(validate_data(self, X, dtype=(np.float64, np.float32)))
        return self

    def _fit(self, X: Array) -> None:
        check_number("contamination", self.contamination, 1e-9, 0.5)
        check_choice("scoring", self.scoring, _METHODS)
        check_number("validation_fraction", self.validation_fraction, 0, 0.9)
        check_number("confidence", self.confidence, 0, 1 - 1e-9)
        randomness = check_random_state(self.random_state)
        given = self.autoencoder
        autoencoder = Autoencoder(16, dropout=0.2) if given is None else clone(given)
        if not hasattr(autoencoder, _METHODS[self.scoring]):
            raise ValueError(
                f"scoring={self.scoring!r} needs an autoencoder with a method"
                f" {_METHODS[self.scoring]}, which {type(autoencoder).__name__} has not"
            )
        if "random_state" in (p := autoencoder.get_params()) and p["random_state"] is None:
            autoencoder.set_params(random_state=randomness.randint(2**31))
        order = randomness.permutation(len(X))
        held_out = round(self.validation_fraction * len(X))
        if held_out == len(X):
            raise ValueError(f"too little data to hold some out: {len(X)} sample(s)")
        self.autoencoder_ = autoencoder.fit(X[order[held_out:]], None)
        errors = self._errors(X[order[:held_out]] if held_out else X)
        self.offset_ = -float(np.quantile(errors, 1 - self.contamination))
        self.offset_interval_ = self._interval(errors)

    def _interval(self, errors: Array) -> tuple[float, float]:
        n, p = len(errors), 1 - self.contamination
        spread = NormalDist().inv_cdf((1 + self.confidence) / 2) * np.sqrt(n * p * (1 - p))
        ranks = [int(np.floor(n * p - spread)), int(np.ceil(n * p + spread)) + 1]
        ordered = np.concatenate([[-np.inf], np.sort(errors), [np.inf]])
        low, high = ordered[np.clip(ranks, 0, n + 1)]
        return -float(high), -float(low)

    def _errors(self, X: Array) -> Array:
        return getattr(self.autoencoder_, _METHODS[self.scoring])(X)

    def score_samples(self, X: Any) -> Array:
        """The negative of each sample's error: (n_samples,), lower is stranger."""
        check_is_fitted(self)
        return -self._errors(validate_data(self, X, dtype=(np.float64, np.float32), reset=False))

    def decision_function(self, X: Any) -> Array:
        """`score_samples` less `offset_`: negative for outliers, (n_samples,)."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """-1 for outliers, 1 for inliers: int (n_samples,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted detector to a file that `aecodec.autoencoders.load` reads."""
        from aecodec.autoencoders.files import save

        save(self, path)
