"""How well data come back from few numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from matplotlib.figure import Figure
from sklearn.decomposition import PCA, KernelPCA
from sklearn.neural_network import MLPRegressor

from aecodec.autoencoders import Autoencoder, ConvAutoencoder, LinearAutoencoder, embed_plot
from benchmarks.autoencoders.data import Array, Data, Rows, mse, read_digits, seconds


def reconstruction(data: Data) -> Rows:
    """Mean squared error on MNIST's test images, 32 numbers each."""
    size = 32
    common: dict[str, Any] = {
        "max_epochs": data.epochs,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "random_state": 0,
    }
    models: dict[str, Any] = {
        "PCA": PCA(size, random_state=0),
        "KernelPCA (rbf, 2,000 images)": _kernel_pca(size),
        "LinearAutoencoder (svd)": LinearAutoencoder(size, solver="svd"),
        "MLPRegressor 784-256-32": _regressor(size, data.epochs, 32),
        "Autoencoder 784-256-32": Autoencoder(size, **common),
        "Autoencoder 784-512-256-32": Autoencoder(size, hidden_layers=(512, 256), **common),
        "ConvAutoencoder": ConvAutoencoder(size, channels=(16, 32), **common),
    }
    rows = _compare(models, data.train, data.test)
    shown = data.test[:10]
    drawn = ("PCA", "Autoencoder 784-256-32", "ConvAutoencoder")
    images = [shown, *(_reconstruct(models[name], shown) for name in drawn)]
    data.draw("reconstruction", np.concatenate(images), 10)
    _draw_map(data, models["Autoencoder 784-256-32"])
    return rows


def digits(data: Data) -> Rows:
    """The same on scikit-learn's digits (8x8; 1,347 to train with, 450 to test), 8 numbers each."""
    size = 8
    train, test = read_digits()
    common: dict[str, Any] = {"max_epochs": data.epochs, "batch_size": 64, "random_state": 0}
    models: dict[str, Any] = {
        "PCA": PCA(size, random_state=0),
        "KernelPCA (rbf)": _kernel_pca(size),
        "LinearAutoencoder (svd)": LinearAutoencoder(size, solver="svd"),
        "MLPRegressor 64-256-8": _regressor(size, data.epochs, 64),
        "Autoencoder 64-256-8": Autoencoder(size, **common),
        "Autoencoder 64-512-256-8": Autoencoder(size, hidden_layers=(512, 256), **common),
        "ConvAutoencoder": ConvAutoencoder(size, **common),
    }
    return _compare(models, train, test)


def linear(data: Data) -> Rows:
    """Largest principal angle between PCA's space and that of a LinearAutoencoder's decoder."""
    rows = Rows()
    for source, X, size in (("digits", read_digits()[0], 6), ("MNIST", data.train, 8)):
        components = PCA(size, random_state=0).fit(X).components_
        for kind, settings in (
            ("tied", {"tied": True}),
            ("untied", {"tied": False}),
            ("svd", {"solver": "svd"}),
        ):
            model = LinearAutoencoder(size, random_state=0, **settings).fit(X)
            decoded = model.inverse_transform(np.eye(size)) - model.inverse_transform(
                np.zeros((1, size))
            )
            angles = scipy.linalg.subspace_angles(decoded.T, components.T.astype(float))
            rows[f"{source}, {size} numbers, {kind}"] = {
                "largest angle, degrees": float(np.degrees(angles.max()))
            }
    return rows


def _kernel_pca(size: int) -> Any:
    return KernelPCA(size, kernel="rbf", gamma=0.01, fit_inverse_transform=True, alpha=0.01)


def _regressor(size: int, epochs: int, batch_size: int) -> Any:
    return MLPRegressor(
        hidden_layer_sizes=(256, size, 256),
        batch_size=batch_size,
        max_iter=epochs,
        random_state=0,
        tol=0.0,
    )


def _compare(models: dict[str, Any], train: Array, test: Array) -> Rows:
    rows = Rows()
    for name, model in models.items():
        X = train[:2000] if isinstance(model, KernelPCA) else train
        target = X if isinstance(model, MLPRegressor) else None
        spent = seconds(_fitting(model, X, target))
        rows[name] = {"test MSE": mse(_reconstruct(model, test), test), "CPU s": spent}
        print(name, rows[name], flush=True)
    for row in rows.values():
        row["of PCA's"] = row["test MSE"] / rows["PCA"]["test MSE"]
    return rows


def _fitting(model: Any, X: Array, target: Array | None) -> Callable[[], Any]:
    return lambda: model.fit(X, target)


def _reconstruct(model: Any, X: Array) -> Array:
    if isinstance(model, MLPRegressor):
        return model.predict(X)
    return model.inverse_transform(model.transform(X))


def _draw_map(data: Data, model: Any) -> None:
    figure = Figure(figsize=(7, 6), layout="constrained")
    ax = figure.add_subplot()
    X, labels = data.test[:1000], data.test_labels[:1000]
    embed_plot(model, X, labels, method="tsne", ax=ax, random_state=0)
    figure.savefig(data.pictures / "map.png", dpi=90)
