"""The classic autoencoders beside their rivals on MNIST: autoencoders.json, .md and pictures.

Each section is measured on its own and kept in the JSON file, so that a run can be
continued: `--sections anomalies selection`. Rivals that are not installed are left out
(`pip install pyod pythae`).
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import json
import lzma
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.decomposition import PCA, KernelPCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neural_network import MLPRegressor
from sklearn.svm import OneClassSVM

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
    embed_plot,
)
from aecodec.autoencoders.plots import image_grid
from aecodec.evaluation import machine
from aecodec.evaluation.files import markdown_table, write_json

Array = npt.NDArray[Any]
Rows = dict[str, dict[str, float]]
SHAPE = (28, 28, 1)


@dataclass
class Data:
    """MNIST: float32 rows in [0, 1], and the digits. `epochs` is for every network."""

    train: Array
    train_labels: Array
    test: Array
    test_labels: Array
    epochs: int
    pictures: Path

    def draw(self, name: str, X: Array, columns: int | None = None) -> None:
        self.pictures.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(image_grid(X, SHAPE, columns))
        image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(
            self.pictures / f"{name}.png"
        )


def read_mnist(folder: Path, train: int, test: int, epochs: int, pictures: Path) -> Data:
    def read(name: str, count: int) -> tuple[Array, Array]:
        images = gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((folder / f"{name}-labels-idx1-ubyte.gz").read_bytes())
        pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)[:count]
        return pixels.astype(np.float32) / 255, np.frombuffer(labels, np.uint8, offset=8)[:count]

    return Data(*read("train", train), *read("t10k", test), epochs, pictures)


def mse(X: Array, Y: Array) -> float:
    return float(((X - Y) ** 2).mean())


def seconds(work: Callable[[], Any]) -> float:
    """Processor time, since the machine may be shared."""
    start = time.process_time()
    work()
    return time.process_time() - start


# ---- sections --------------------------------------------------------------------------


def reconstruction(data: Data) -> Rows:
    """Mean squared error on test images, 32 numbers each."""
    size, rows = 32, Rows()

    def measure(name: str, model: Any, X: Array, decode: Callable[[], Array]) -> None:
        spent = seconds(lambda: model.fit(X))
        rows[name] = {"test MSE": mse(decode(), data.test), "CPU s": spent}
        print(name, rows[name], flush=True)

    def own(name: str, model: Any) -> None:
        measure(name, model, data.train, lambda: model.reconstruct(data.test))

    pca = PCA(size, random_state=0)
    measure("PCA", pca, data.train, lambda: pca.inverse_transform(pca.transform(data.test)))
    kernel = KernelPCA(size, kernel="rbf", gamma=0.01, fit_inverse_transform=True, alpha=0.01)
    measure(
        "KernelPCA (rbf, 2,000 images)",
        kernel,
        data.train[:2000],
        lambda: kernel.inverse_transform(kernel.transform(data.test)),
    )
    common: dict[str, Any] = {"max_epochs": data.epochs, "random_state": 0}
    own("LinearAutoencoder (svd)", LinearAutoencoder(size, solver="svd"))
    mlp = Autoencoder(size, hidden_layers=(256,), **common)
    own("Autoencoder 784-256-32", mlp)
    own("Autoencoder 784-512-256-32", Autoencoder(size, hidden_layers=(512, 256), **common))
    conv = ConvAutoencoder(size, channels=(16, 32), **common)
    own("ConvAutoencoder 16, 32 channels", conv)
    regressor = MLPRegressor(
        hidden_layer_sizes=(256, size, 256),
        batch_size=128,
        max_iter=data.epochs,
        random_state=0,
        tol=0.0,
    )
    spent = seconds(lambda: regressor.fit(data.train, data.train))
    error = mse(regressor.predict(data.test), data.test)
    rows["MLPRegressor 256-32-256"] = {"test MSE": error, "CPU s": spent}
    shown = data.test[:10]
    pictures = [shown, pca.inverse_transform(pca.transform(shown))]
    pictures += [mlp.reconstruct(shown), conv.reconstruct(shown)]
    data.draw("reconstruction", np.concatenate(pictures), 10)
    _draw_map(data, mlp)
    return rows


def _draw_map(data: Data, model: Any) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 6), layout="constrained")
    ax = figure.add_subplot()
    embed_plot(
        model, data.test[:1000], data.test_labels[:1000], method="tsne", ax=ax, random_state=0
    )
    figure.savefig(data.pictures / "map.png", dpi=90)


def anomalies(data: Data) -> Rows:
    """One digit is normal: area under the ROC and average precision, means over the digits."""
    size, per_class = 32, len(data.train) // 20
    common: dict[str, Any] = {"max_epochs": data.epochs, "batch_size": 32, "random_state": 0}
    detectors: dict[str, Callable[[], Any]] = {
        "PCA reconstruction": lambda: _Linear(size),
        "Autoencoder": lambda: AnomalyDetector(
            autoencoder=Autoencoder(size, **common), random_state=0
        ),
        "DenoisingAutoencoder": lambda: AnomalyDetector(
            autoencoder=DenoisingAutoencoder(size, noise_level=0.3, **common), random_state=0
        ),
        "MDLAutoencoder, bits": lambda: AnomalyDetector(
            autoencoder=MDLAutoencoder(size, **common), scoring="bits", random_state=0
        ),
        "IsolationForest": lambda: IsolationForest(random_state=0),
        "one-class SVM": lambda: OneClassSVM(nu=0.05),
    }
    if find_spec("pyod"):
        from pyod.models.auto_encoder import AutoEncoder
        from pyod.models.vae import VAE

        settings = {"epoch_num": data.epochs, "batch_size": 32, "verbose": 0, "random_state": 0}
        detectors["PyOD AutoEncoder"] = lambda: AutoEncoder(
            hidden_neuron_list=[64, size], **settings
        )
        detectors["PyOD VAE"] = lambda: VAE(latent_dim=size, **settings)
    rows = {}
    for name, make in detectors.items():
        areas, precisions, spent = [], [], 0.0
        for digit in range(10):
            normal = data.train[data.train_labels == digit][:per_class]
            detector = make()
            spent += seconds(lambda d=detector, X=normal: d.fit(X))  # type: ignore[misc]
            score = np.asarray(detector.decision_function(data.test)).ravel()
            # PyOD's scores are high for outliers, scikit-learn's are low.
            score = score if "PyOD" in name else -score
            strange = data.test_labels != digit
            areas.append(roc_auc_score(strange, score))
            precisions.append(average_precision_score(strange, score))
        rows[name] = {
            "mean AUROC": float(np.mean(areas)),
            "mean AP": float(np.mean(precisions)),
            "CPU s": spent,
        }
        print(name, rows[name], flush=True)
    return rows


class _Linear:
    """PCA's reconstruction error, with the API of a detector."""

    def __init__(self, size: int) -> None:
        self.pca = PCA(size, random_state=0)

    def fit(self, X: Array) -> None:
        self.pca.fit(X)

    def decision_function(self, X: Array) -> Array:
        return -((self.pca.inverse_transform(self.pca.transform(X)) - X) ** 2).mean(1)


def likelihood(data: Data) -> Rows:
    """Bernoulli likelihood of binarised test images in nats, 20-d code."""
    rng = np.random.default_rng(0)

    def binarised(X: Array) -> Array:
        return (rng.random(X.shape) < X).astype(np.float32)

    test = binarised(data.test)
    model = VariationalAutoencoder(20, hidden_layers=(400,), random_state=0)
    spent = 0.0
    for epoch in range(data.epochs):  # other pixels each time; the step falls at the end
        model.set_params(learning_rate=1e-3 if epoch < 0.8 * data.epochs else 2e-4)
        spent += seconds(lambda: model.partial_fit(binarised(data.train)))
    rows = {
        "VariationalAutoencoder": {
            "test ELBO": float(model.elbo(test).mean()),
            "log-likelihood, 100 draws": float(model.log_likelihood(test, 100).mean()),
            "CPU s": spent,
        }
    }
    data.draw("samples", model.sample(64, random_state=0), 8)
    path = [model.interpolate(test[i], test[i + 1], 10) for i in (0, 2, 4)]
    data.draw("interpolation", np.concatenate(path), 10)
    if find_spec("pythae"):
        rows["pythae VAE"] = _pythae(binarised(data.train), test, data.epochs)
    return rows


def _pythae(train: Array, test: Array, epochs: int) -> dict[str, float]:
    """Its VAE with its own networks and trainer: one hidden layer of 512."""
    import tempfile

    from pythae.models import VAE, VAEConfig
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    model = VAE(
        VAEConfig(input_dim=SHAPE[2:] + SHAPE[:2], latent_dim=20, reconstruction_loss="bce")
    )
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=epochs,
            learning_rate=1e-3,
            per_device_train_batch_size=128,
            no_cuda=True,
        )
        pipeline = TrainingPipeline(model=model, training_config=config)
        images = train.reshape(-1, 1, 28, 28)
        spent = seconds(lambda: pipeline(train_data=images))
    torch.manual_seed(0)
    with torch.no_grad():
        x = torch.tensor(test.reshape(-1, 1, 28, 28))
        losses = [float(model({"data": x}).loss) for _ in range(8)]
    return {"test ELBO": -float(np.mean(losses)), "CPU s": spent}


def features(data: Data) -> Rows:
    """Accuracy of logistic regression on pixels and on codes."""
    sparse = SparseAutoencoder(
        1000, k=25, max_epochs=data.epochs, batch_size=256, random_state=0
    ).fit(data.train)
    pca = PCA(100, random_state=0).fit(data.train)
    rows: Rows = {}
    for name, encode in {
        "pixels": lambda X: X,
        "PCA, 100 components": pca.transform,
        "SparseAutoencoder, 25 of 1000": sparse.transform,
    }.items():
        best = 0.0
        for strength in (0.01, 0.1, 1.0):
            probe = LogisticRegression(C=strength, max_iter=200)
            probe.fit(encode(data.train), data.train_labels)
            best = max(best, float(probe.score(encode(data.test), data.test_labels)))
        rows[name] = {"test accuracy, best of 3 penalties": best}
    rows["SparseAutoencoder, 25 of 1000"]["dead units"] = sparse.dead_fraction_
    return rows


def denoising(data: Data) -> Rows:
    """Mean squared error against the clean test images, before and after."""
    rows, pictures = Rows(), [data.test[:10]]
    levels = {"gaussian": 0.5, "masking": 0.5, "salt_and_pepper": 0.3, "dropout": 0.5}
    for noise, level in levels.items():
        model = DenoisingAutoencoder(
            128,
            noise=noise,  # type: ignore[arg-type]
            noise_level=level,
            max_epochs=max(1, data.epochs // 2),
            random_state=0,
        ).fit(data.train)
        noisy = model.corrupt(torch.tensor(data.test), torch.Generator().manual_seed(0)).numpy()
        restored = model.reconstruct(noisy)
        rows[f"{noise} {level}"] = {
            "noisy": mse(noisy, data.test),
            "restored": mse(restored, data.test),
        }
        pictures += [noisy[:10], restored[:10]]
    data.draw("denoising", np.concatenate(pictures), 10)
    return rows


def contraction(data: Data) -> Rows:
    """Frobenius norm of the encoder's Jacobian on test images, by lambda."""
    rows = Rows()
    for strength in (0.0, 0.01, 0.1, 1.0):
        model = ContractiveAutoencoder(
            64, contraction=strength, max_epochs=max(1, data.epochs // 2), random_state=0
        ).fit(data.train)
        rows[f"lambda {strength}"] = {
            "Jacobian norm": float(model.jacobian_norm(data.test[:1000]).mean()),
            "test MSE": float(model.reconstruction_error(data.test).mean()),
        }
        if strength == 0.01:
            shown = data.test[:10]
            varied = [model.augment(shown, 0.5, seed) for seed in range(3)]
            data.draw("augmented", np.concatenate([shown, *varied]), 10)
    return rows


def selection(data: Data) -> Rows:
    """20 of 784 pixels: error of the best linear reconstruction from them, and by a network."""
    size = 20
    model = ConcreteAutoencoder(size, max_epochs=data.epochs, random_state=0).fit(data.train)
    rng = np.random.default_rng(0)

    def linear(columns: Array) -> float:
        fitted = LinearRegression().fit(data.train[:, columns], data.train)
        return mse(fitted.predict(data.test[:, columns]), data.test)

    draws = [linear(rng.choice(784, size, replace=False)) for _ in range(10)]
    highest = np.argsort(data.train.var(0))[-size:]
    chosen = model.get_support()
    data.draw("selection", np.stack([data.train.mean(0), chosen.astype(np.float32)]), 2)
    return {
        "ConcreteAutoencoder": {
            "linear": linear(np.flatnonzero(chosen)),
            "network": float(model.reconstruction_error(data.test).mean()),
        },
        "random, mean of 10": {"linear": float(np.mean(draws))},
        "random, best of 10": {"linear": min(draws)},
        "highest variance": {"linear": linear(highest)},
    }


def description(data: Data) -> Rows:
    """Bits per test image, lossless."""
    model = MDLAutoencoder(
        24, hidden_layers=(256,), resolution=1 / 255, max_epochs=data.epochs, random_state=0
    ).fit(data.train)
    raw = np.round(255 * data.test).astype(np.uint8).tobytes()
    decoder = sum(p.numel() for p in model.network_.decoder.parameters())
    rows = {
        "MDLAutoencoder": {
            "bits an image": float(model.description_length(data.test).mean()),
            "of these code": float(model.code_bits(data.test).mean()),
            "decoder, once, Mbit at 16 a weight": 16e-6 * decoder,
        },
        "raw": {"bits an image": 8 * 784.0},
    }
    for name, compress in {
        "zlib -9": lambda b: zlib.compress(b, 9),
        "bz2": bz2.compress,
        "lzma": lambda b: lzma.compress(b, preset=9),
    }.items():
        rows[name] = {"bits an image": 8 * len(compress(raw)) / len(data.test)}
    return rows


def pretraining(data: Data) -> Rows:
    """Deep network of sigmoid units, 784-256-128-64-16: test error by kind of pretraining."""
    rows = Rows()
    for activation in ("sigmoid", "relu"):
        for kind in (None, "layerwise", "rbm"):
            model = Autoencoder(
                16,
                hidden_layers=(256, 128, 64),
                activation=activation,
                pretraining=kind,
                pretraining_epochs=max(1, data.epochs // 2),
                max_epochs=data.epochs,
                random_state=0,
            )
            spent = seconds(lambda m=model: m.fit(data.train))  # type: ignore[misc]
            error = float(model.reconstruction_error(data.test).mean())
            rows[f"{activation}, {kind or 'joint'}"] = {"test MSE": error, "CPU s": spent}
    return rows


def speed(data: Data) -> Rows:
    """Processor seconds of one epoch, and of the same in a bare PyTorch loop; medians of 5."""
    X = torch.tensor(data.train)
    own, bare = [], []
    for _ in range(5):  # by turns: the machine's speed may change
        model = Autoencoder(32, max_epochs=1, random_state=0)
        own.append(seconds(lambda m=model: m.fit(data.train)))  # type: ignore[misc]
        bare.append(seconds(lambda: _bare_epoch(X)))
    mine, theirs = float(np.median(own)), float(np.median(bare))
    return {
        "Autoencoder.fit": {"CPU s an epoch": mine, "times bare": mine / theirs},
        "bare loop": {"CPU s an epoch": theirs},
    }


def _bare_epoch(X: torch.Tensor) -> None:
    nn = torch.nn
    network = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 32),
        nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid(),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters())
    for rows in torch.randperm(len(X)).split(128):
        x = X[rows]
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(x), x)
        loss.backward()
        optimizer.step()


SECTIONS: dict[str, Callable[[Data], Rows]] = {
    f.__name__: f
    for f in (
        reconstruction,
        anomalies,
        likelihood,
        features,
        speed,
        selection,
        description,
        contraction,
        denoising,
        pretraining,
    )
}


def to_markdown(results: dict[str, Any]) -> str:
    parts = []
    for name, section in results.items():
        rows = section["rows"]
        columns = list(dict.fromkeys(key for row in rows.values() for key in row))
        table = [
            [label, *(f"{row[key]:.4g}" if key in row else "" for key in columns)]
            for label, row in rows.items()
        ]
        note = (
            f"{section['train']:,} training and {section['test']:,} test images,"
            f" {section['epochs']} epochs."
        )
        parts.append(f"## {name}\n\n{SECTIONS[name].__doc__}\n{note}\n\n")
        parts.append(markdown_table(["", *columns], table) + "\n")
    return "".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path, default=Path("../shared/data/mnist"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--pictures", type=Path, default=Path("docs/autoencoders"))
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--train", type=int, default=60000, help="training images")
    parser.add_argument("--test", type=int, default=10000, help="test images")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = read_mnist(args.mnist, args.train, args.test, args.epochs, args.pictures)
    file = args.out / "autoencoders.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for name in args.sections:
        results[name] = {
            "rows": SECTIONS[name](data),
            "train": len(data.train),
            "test": len(data.test),
            "epochs": args.epochs,
            "machine": machine.describe(),
        }
        write_json(file, results)
        (args.out / "autoencoders.md").write_text(to_markdown(results))
        print(to_markdown({name: results[name]}), flush=True)


if __name__ == "__main__":
    main()
