"""Scikit-learn's digits, as a table and as images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tests.autoencoders.conftest import Array
from tests.cli.conftest import Run
from tests.threads import one_thread  # noqa: F401  (a fixture)

Fit = Callable[..., Path]
SVD = ("--set", "solver=svd")


@pytest.fixture(scope="module")
def digits() -> Array:
    return load_digits().data[:300] / 16


@pytest.fixture
def table(digits: Array, tmp_path: Path) -> Path:
    path = tmp_path / "digits.npy"
    np.save(path, digits)
    return path


@pytest.fixture
def folder(digits: Array, tmp_path: Path) -> Path:
    """Twenty zeros as images, and one that is noise."""
    root = tmp_path / "images"
    (root / "deep").mkdir(parents=True)
    zeros = digits[load_digits().target[:300] == 0][:20]
    for number, row in enumerate(zeros):
        Image.fromarray((255 * row.reshape(8, 8)).astype(np.uint8)).save(root / f"{number:02}.png")
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(noise).save(root / "deep" / "noise.png")
    return root


@pytest.fixture
def fit(run: Run, tmp_path: Path) -> Fit:
    """Fit a model by the command line; its file."""

    def call(kind: str, data: Path, *settings: object, name: str = "m.safetensors") -> Path:
        model = tmp_path / name
        code, _, err = run("ae", "fit", kind, data, "-o", model, *settings)
        assert code == 0, err
        return model

    return call
