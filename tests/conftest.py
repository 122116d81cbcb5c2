"""Real images from scikit-image's wheel, small enough to be quick."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.nn import runtime
from tests.pictures import photograph

torch.set_num_threads(2)

# These tests import torch, which most users of the command line do not.
runtime.torch_is_faster = lambda: False


def psnr(a: Image.Image, b: Image.Image, peak: int = 255) -> float:
    """PSNR in dB between two images of the same mode and size."""
    assert (a.mode, a.size) == (b.mode, b.size)
    error = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    mse = float(np.mean(error**2))
    return float("inf") if mse == 0 else float(10 * np.log10(peak**2 / mse))


@pytest.fixture(scope="session")
def codec() -> Codec:
    return Codec("cpu")


@pytest.fixture(scope="session")
def cat() -> Image.Image:
    """A photo of 451x300: neither side is a multiple of 16."""
    return photograph("chelsea")


@pytest.fixture(scope="session")
def small(cat: Image.Image) -> Image.Image:
    """A photo of 100x70."""
    return cat.crop((120, 60, 320, 200)).resize((100, 70), Image.Resampling.LANCZOS)


@pytest.fixture
def photo(small: Image.Image, tmp_path: Path) -> Path:
    """The same as a file."""
    path = tmp_path / "photo.png"
    small.save(path)
    return path
