"""Scikit-learn's digits, as a table and as images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

Array = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
