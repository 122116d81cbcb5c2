"""Codes to classify by, and pixels to select."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression

from aecodec.autoencoders import ConcreteAutoencoder, SparseAutoencoder
from benchmarks.autoencoders.data import Array, Data, Rows, mse


def features(data: Data) -> Rows:
    """Accuracy of logistic regression on pixels and on codes; its penalty is chosen on held-out
    training images.
    """
    sparse = SparseAutoencoder(
        1000, k=25, max_epochs=data.epochs, batch_size=64, random_state=0
    ).fit(data.train)
    pca = PCA(100, random_state=0).fit(data.train)
    rows = {
        "pixels": _probe(data, lambda X: X),
        "PCA, 100 components": _probe(data, pca.transform),
        "SparseAutoencoder, 25 of 1,000": _probe(data, sparse.transform),
    }
    rows["SparseAutoencoder, 25 of 1,000"] |= {
        "fewest active": float((sparse.transform(data.test) != 0).sum(1).min()),
        "most active": float((sparse.transform(data.test) != 0).sum(1).max()),
        "dead units": sparse.dead_fraction_,
    }
    return rows


def _probe(data: Data, encode: Callable[[Array], Array]) -> dict[str, float]:
    codes, labels = encode(data.train), data.train_labels
    held_out = len(codes) // 5

    def accuracy(strength: float) -> float:
        probe = LogisticRegression(C=strength, max_iter=200)
        probe.fit(codes[held_out:], labels[held_out:])
        return float(probe.score(codes[:held_out], labels[:held_out]))

    best = max((0.003, 0.01, 0.03, 0.1, 1.0), key=accuracy)
    probe = LogisticRegression(C=best, max_iter=200).fit(codes, labels)
    return {"test accuracy": float(probe.score(encode(data.test), data.test_labels)), "C": best}


def selection(data: Data) -> Rows:
    """20 of 784 pixels: error of the best linear reconstruction from them, and by the
    estimator's own network.
    """
    size = 20
    model = ConcreteAutoencoder(size, max_epochs=data.epochs, random_state=0).fit(data.train)
    rng = np.random.default_rng(0)

    def linear(columns: Any) -> float:
        fitted = LinearRegression().fit(data.train[:, columns], data.train)
        return mse(fitted.predict(data.test[:, columns]), data.test)

    draws = [linear(rng.choice(784, size, replace=False)) for _ in range(10)]
    chosen = model.get_support()
    data.draw("selection", np.stack([data.train.mean(0), chosen.astype(np.float32)]), 2)
    return {
        "ConcreteAutoencoder": {
            "linear": linear(np.flatnonzero(chosen)),
            "network": float(model.reconstruction_error(data.test).mean()),
        },
        "random, mean of 10": {"linear": float(np.mean(draws))},
        "random, best of 10": {"linear": min(draws)},
        "highest variance": {"linear": linear(np.argsort(data.train.var(0))[-size:])},
    }
