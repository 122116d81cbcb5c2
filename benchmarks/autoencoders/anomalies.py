"""Anomaly detection, one digit being normal."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.svm import OneClassSVM

from aecodec.autoencoders import AnomalyDetector, Autoencoder, DenoisingAutoencoder, MDLAutoencoder
from benchmarks.autoencoders.data import Array, Data, Rows, seconds

_SIZE = 32
Makers = dict[str, Callable[[], Any]]


def anomalies(data: Data) -> Rows:
    """One digit is normal: area under the ROC and average precision, means over the digits."""
    rows = Rows()
    per_class = len(data.train) // 20
    for name, make in (_own(data.epochs) | _others() | _pyod(data.epochs)).items():
        areas, precisions, spent = [], [], 0.0
        for digit in range(10):
            normal = data.train[data.train_labels == digit][:per_class]
            detector = make()
            spent += seconds(lambda d=detector, X=normal: d.fit(X))  # type: ignore[misc]
            score = np.asarray(detector.decision_function(data.test)).ravel()
            # PyOD's scores are high for outliers, scikit-learn's are low.
            score = score if name.startswith("PyOD") else -score
            strange = data.test_labels != digit
            areas.append(roc_auc_score(strange, score))
            precisions.append(average_precision_score(strange, score))
        rows[name] = {
            "mean AUROC": float(np.mean(areas)),
            "worst digit": float(np.min(areas)),
            "mean AP": float(np.mean(precisions)),
            "CPU s": spent,
        }
        print(name, rows[name], flush=True)
    return rows


def _own(epochs: int) -> Makers:
    common: dict[str, Any] = {"max_epochs": epochs, "batch_size": 32, "random_state": 0}

    def detector(autoencoder: Any, **settings: Any) -> Callable[[], Any]:
        return lambda: AnomalyDetector(autoencoder=autoencoder, random_state=0, **settings)

    return {
        "Autoencoder, 16, dropout 0.2": detector(Autoencoder(16, dropout=0.2, **common)),
        "Autoencoder, 16, dropout 0.2, relative": detector(
            Autoencoder(16, dropout=0.2, **common), scoring="relative"
        ),
        "Autoencoder, 32": detector(Autoencoder(_SIZE, **common)),
        "DenoisingAutoencoder": detector(DenoisingAutoencoder(_SIZE, noise_level=0.3, **common)),
        "MDLAutoencoder, bits": detector(MDLAutoencoder(_SIZE, **common), scoring="bits"),
    }


def _others() -> Makers:
    return {
        "PCA reconstruction": _PCADetector,
        "IsolationForest": lambda: IsolationForest(random_state=0),
        "one-class SVM": lambda: OneClassSVM(nu=0.05),
    }


def _pyod(epochs: int) -> Makers:
    if not find_spec("pyod"):
        return {}
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.vae import VAE

    settings = {"epoch_num": epochs, "batch_size": 32, "verbose": 0, "random_state": 0}
    layers = [64, _SIZE]
    return {
        "PyOD AutoEncoder": lambda: AutoEncoder(hidden_neuron_list=layers, **settings),
        "PyOD AutoEncoder, pixels as they are": lambda: AutoEncoder(
            hidden_neuron_list=layers, preprocessing=False, **settings
        ),
        "PyOD VAE": lambda: VAE(latent_dim=_SIZE, **settings),
    }


class _PCADetector:
    """PCA's reconstruction error, with the API of a detector."""

    def __init__(self) -> None:
        self.pca = PCA(_SIZE, random_state=0)

    def fit(self, X: Array) -> None:
        self.pca.fit(X)

    def decision_function(self, X: Array) -> Array:
        return -((self.pca.inverse_transform(self.pca.transform(X)) - X) ** 2).mean(1)
