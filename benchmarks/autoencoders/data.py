"""MNIST and scikit-learn's digits, and what all sections measure with."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from aecodec.autoencoders.plots import image_grid

Array = npt.NDArray[Any]
Rows = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Data:
    """Images as float32 rows in [0, 1], and the digits. `epochs` is for every network."""

    train: Array
    train_labels: Array
    test: Array
    test_labels: Array
    epochs: int
    pictures: Path

    def cut(self, train: int, test: int, epochs: int) -> Data:
        """The first images of each part."""
        return replace(
            self,
            train=self.train[:train],
            train_labels=self.train_labels[:train],
            test=self.test[:test],
            test_labels=self.test_labels[:test],
            epochs=epochs,
        )

    def draw(self, name: str, X: Array, columns: int) -> None:
        """Keep a grid of images of 28x28, twice as large."""
        image = Image.fromarray(image_grid(X, (28, 28, 1), columns))
        image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(
            self.pictures / f"{name}.png"
        )


def read_mnist(folder: Path, pictures: Path) -> Data:
    """All of MNIST from its four files."""

    def read(name: str) -> tuple[Array, Array]:
        images = gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((folder / f"{name}-labels-idx1-ubyte.gz").read_bytes())
        pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)
        return pixels.astype(np.float32) / 255, np.frombuffer(labels, np.uint8, offset=8)

    return Data(*read("train"), *read("t10k"), 0, pictures)


def read_digits() -> tuple[Array, Array]:
    """1,347 images of 8x8 to train with and 450 to test with."""
    X = (load_digits().data / 16).astype(np.float32)
    # Not 0, the split on which the defaults of ConvAutoencoder were chosen.
    train, test = train_test_split(X, random_state=1)
    return train, test


def mse(X: Array, Y: Array) -> float:
    return float(((X - Y) ** 2).mean())


def seconds(work: Callable[[], Any]) -> float:
    """Processor time, since the machine may be shared."""
    start = time.process_time()
    work()
    return time.process_time() - start
