"""A tiny denoiser, really trained, for all tests that need weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from torch import Tensor

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.denoiser import Denoiser
from aecodec.training.recipe import DenoiserRecipe
from aecodec.training.run import train
from tests.pictures import save_photographs, to_tensor
from tests.threads import one_thread  # noqa: F401  (a fixture)

TINY = DenoiserRecipe(
    model=DenoiserConfig(widths=(16, 16, 16), blocks=(1, 1, 1)),
    steps=320,
    batch=4,
    crop=64,
    large_crop=64,
    scales=(1.0, 0.5),
    learning_rate=4e-3,
    warmup=10,
    decay=0.5,
    ema=0.9,
    ema_every=1,
    held_out=1,
    validate_every=1000,
    save_every=1000,
    drawn_pictures=4,
    invisible=2.0,
    mixture={
        "gaussian": 0.55,
        "gaussian_8_bit": 0.2,
        "camera": 0.05,
        "impulses": 0.13,
        "clean": 0.07,
    },
)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_photographs(tmp_path_factory.mktemp("photos"), "astronaut", "coffee", "rocket")


@pytest.fixture(scope="session")
def weights(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a few seconds of training. The photo `cat` had no part in it."""
    folder = tmp_path_factory.mktemp("run")
    train(TINY, [photos], folder, device="cpu")
    return folder / "denoiser.safetensors"


@pytest.fixture(scope="session")
def denoiser(weights: Path) -> Denoiser:
    return Denoiser("cpu", weights)


@pytest.fixture(scope="session")
def floats(cat: Image.Image) -> Tensor:
    """The photo as (1, 3, 296, 448) in [0, 1]."""
    return to_tensor(cat)[..., :296, :448]
