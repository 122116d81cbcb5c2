"""Likelihood and samples of variational autoencoders."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from aecodec.autoencoders import VariationalAutoencoder
from benchmarks.autoencoders.data import Array, Data, Rows, seconds

_SIZE = 20


def likelihood(data: Data) -> Rows:
    """Log-likelihood of binarised test images in nats, 20 numbers each."""
    rng, test = _binarisation(data)
    model = VariationalAutoencoder(_SIZE, hidden_layers=(500, 500), batch_size=128, random_state=0)
    spent = seconds(lambda: _train(model, lambda: _binarised(data.train, rng), data.epochs))
    data.draw("samples", model.sample(64, random_state=0), 8)
    path = [model.interpolate(test[i], test[i + 1], 10) for i in (0, 2, 4)]
    data.draw("interpolation", np.concatenate(path), 10)
    return {
        "VariationalAutoencoder 784-500-500-20": {
            "test ELBO": float(model.elbo(test).mean()),
            "importance-weighted, 100 draws": float(model.log_likelihood(test, 100).mean()),
            "CPU s": spent,
        }
    }


def likelihood_pythae(data: Data) -> Rows:
    """The same of pythae's VAE with its own networks and trainer, on training images binarised
    once.
    """
    if not find_spec("pythae"):
        return {}
    rng, test = _binarisation(data)
    return {"pythae VAE 784-512-20": _pythae(_binarised(data.train, rng), test, data.epochs)}


def _binarisation(data: Data) -> tuple[np.random.Generator, Array]:
    """Randomness, and test images binarised with it."""
    rng = np.random.default_rng(0)
    return rng, _binarised(data.test, rng)


def _binarised(X: Array, rng: np.random.Generator) -> Array:
    return (rng.random(X.shape) < X).astype(np.float32)


def _train(model: VariationalAutoencoder, draw: Callable[[], Array], epochs: int) -> None:
    """Other pixels in each epoch, and a learning rate that falls to zero along a cosine."""
    for epoch in range(epochs):
        rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        model.set_params(learning_rate=float(rate)).partial_fit(draw())


def _pythae(train: Array, test: Array, epochs: int) -> dict[str, float]:
    import tempfile

    from pythae.models import VAE, VAEConfig
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=_SIZE, reconstruction_loss="bce")
    model: Any = VAE(config)
    images = train.reshape(-1, 1, 28, 28)
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=epochs,
            learning_rate=1e-3,
            per_device_train_batch_size=128,
            no_cuda=True,
        )
        pipeline = TrainingPipeline(model=model, training_config=training)
        spent = seconds(lambda: pipeline(train_data=images))
    torch.manual_seed(0)
    with torch.no_grad():
        x = torch.tensor(test.reshape(-1, 1, 28, 28))
        losses = [float(model({"data": x}).loss) for _ in range(8)]
    return {"test ELBO": -float(np.mean(losses)), "CPU s": spent}
