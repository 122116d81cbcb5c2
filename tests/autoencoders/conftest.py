"""The handwritten digits that ship with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from tests.threads import one_thread  # noqa: F401  (a fixture)

Array = npt.NDArray[Any]


def pca_error(train: Array, test: Array, size: int) -> float:
    pca = PCA(size).fit(train)
    return float(((pca.inverse_transform(pca.transform(test)) - test) ** 2).mean())


@pytest.fixture(scope="session")
def digits() -> Array:
    """1797 images of 8x8 as rows, float64 in [0, 1]."""
    return load_digits().data / 16


@pytest.fixture(scope="session")
def digit_labels() -> Array:
    return np.asarray(load_digits().target)
