"""What denoising, contraction and pretraining do, and what the library costs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from aecodec.autoencoders import Autoencoder, ContractiveAutoencoder, DenoisingAutoencoder
from benchmarks.autoencoders.data import Data, Rows, mse, seconds

_Noise = Literal["gaussian", "masking", "salt_and_pepper", "dropout"]
_NOISES: tuple[tuple[_Noise, float], ...] = (
    ("gaussian", 0.5),
    ("masking", 0.5),
    ("salt_and_pepper", 0.3),
    ("dropout", 0.5),
)


def denoising(data: Data) -> Rows:
    """Mean squared error against the clean test images, before and after."""
    rows, pictures = Rows(), [data.test[:10]]
    for noise, level in _NOISES:
        model = DenoisingAutoencoder(
            128,
            noise=noise,
            noise_level=level,
            max_epochs=data.epochs,
            batch_size=32,
            random_state=0,
        ).fit(data.train)
        noisy = model.corrupt(torch.tensor(data.test), torch.Generator().manual_seed(0)).numpy()
        restored = model.reconstruct(noisy)
        rows[f"{noise}, {level}"] = {
            "noisy": mse(noisy, data.test),
            "noisy, clipped": mse(noisy.clip(0, 1), data.test),
            "restored": mse(restored, data.test),
        }
        pictures += [noisy[:10], restored[:10]]
    data.draw("denoising", np.concatenate(pictures), 10)
    return rows


def contraction(data: Data) -> Rows:
    """Frobenius norm of the encoder's Jacobian on 1,000 test images, by lambda; "deep" has a
    hidden layer of 128.
    """
    rows = Rows()
    layers: tuple[tuple[str, tuple[int, ...]], ...] = (("one layer", ()), ("deep", (128,)))
    for name, hidden in layers:
        for strength in (0.0, 0.01, 0.1, 1.0):
            model = ContractiveAutoencoder(
                64,
                hidden_layers=hidden,
                contraction=strength,
                max_epochs=data.epochs,
                batch_size=32,
                learning_rate=5e-3,  # sigmoids have small slopes
                random_state=0,
            ).fit(data.train)
            rows[f"{name}, lambda {strength}"] = {
                "Jacobian norm": float(model.jacobian_norm(data.test[:1000]).mean()),
                "test MSE": float(model.reconstruction_error(data.test).mean()),
            }
            if name == "one layer" and strength == 0.01:
                _draw_augmented(data, model)
    return rows


def _draw_augmented(data: Data, model: ContractiveAutoencoder) -> None:
    shown = data.test[:10]
    varied = [model.augment(shown, 0.5, seed) for seed in range(3)]
    data.draw("augmented", np.concatenate([shown, *varied]), 10)


def pretraining(data: Data) -> Rows:
    """Deep network 784-256-128-64-16: test error by kind of pretraining, which has half the
    epochs per layer.
    """
    rows = Rows()
    kinds: tuple[tuple[str, Any, int], ...] = (
        ("joint", None, data.epochs),
        ("joint, twice as long", None, 2 * data.epochs),
        ("layerwise", "layerwise", data.epochs),
        ("rbm", "rbm", data.epochs),
    )
    for activation in ("sigmoid", "relu"):
        for name, kind, epochs in kinds:
            if kind == "rbm" and activation != "sigmoid":
                continue  # it has no model for unbounded activations, and diverges
            model = Autoencoder(
                16,
                hidden_layers=(256, 128, 64),
                activation=activation,
                pretraining=kind,
                pretraining_epochs=max(1, data.epochs // 2),
                max_epochs=epochs,
                batch_size=32,
                random_state=0,
            )
            spent = seconds(lambda m=model: m.fit(data.train))  # type: ignore[misc]
            error = float(model.reconstruction_error(data.test).mean())
            rows[f"{activation}, {name}"] = {"test MSE": error, "CPU s": spent}
            print(activation, name, error, flush=True)
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
