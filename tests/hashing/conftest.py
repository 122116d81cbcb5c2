"""A tiny hash model whose codes tell pictures apart, untrained: random features do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from aecodec.hashing.calibration import Calibration
from aecodec.hashing.config import HashConfig
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.index import ImageIndex
from aecodec.hashing.model import HashModel
from aecodec.hashing.picture import preview_of
from tests.pictures import photograph, save_pieces
from tests.threads import one_thread  # noqa: F401  (a fixture)

TINY = HashConfig(side=32, widths=(8, 16), blocks=(1, 1), lengths=(64, 128), thumbnail=8)


def histogram(bits: int, typical: int) -> tuple[int, ...]:
    """Two of ten thousand at `typical` / 2, the rest at `typical`."""
    counts = [0] * (bits + 1)
    counts[typical // 2], counts[typical] = 2, 9998
    return tuple(counts)


CALIBRATION = Calibration(
    {64: histogram(64, 30), 128: histogram(128, 60)},
    {64: histogram(64, 4), 128: histogram(128, 8)},
    "made up",
)


def write_model(path: Path, seed: int, calibration: Calibration | None = CALIBRATION) -> Path:
    """A weight file whose bits are centred on pictures of scikit-image's."""
    torch.manual_seed(seed)
    model = HashModel(TINY)
    # The tests must not depend on what these pictures are, only that bits vary over them.
    squares = []
    for name in ("coffee", "rocket", "astronaut"):
        image = photograph(name)
        for left in range(0, image.width - 100, 60):
            crop = image.crop((left, 50, left + 100, 150))
            squares.append(preview_of(crop).to_square(TINY.side))
    x = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255
    model.train()
    with torch.no_grad():
        for _ in range(60):
            model(x)
    metadata = {"config": TINY.to_json()}
    if calibration:
        metadata["calibration"] = calibration.to_json()
    save_file(model.state_dict(), path, metadata=metadata)
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("weights") / "tiny.safetensors", 0)


@pytest.fixture(scope="session")
def other_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("weights") / "other.safetensors", 1, None)


@pytest.fixture(scope="session")
def hasher(weights: Path) -> Hasher:
    return Hasher(str(weights), "cpu")


@pytest.fixture
def photos(cat: Image.Image, tmp_path: Path) -> Path:
    """Eight different pieces of a photo, as files."""
    return save_pieces(cat, tmp_path / "photos", grid=(4, 2), step=(110, 150), size=(110, 140))


@pytest.fixture
def index(tmp_path: Path, weights: Path) -> ImageIndex:
    return ImageIndex(tmp_path / "index.sqlite3", model=str(weights), device="cpu")
