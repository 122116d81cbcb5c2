"""A tiny codec and the photos that it is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from aecodec.codec.config import CodecConfig
from aecodec.training.bank import drawn_validation
from aecodec.training.recipe import CodecRecipe
from aecodec.training.run import train
from tests.pictures import save_photographs, to_tensor

TINY = CodecRecipe(
    model=CodecConfig(
        width=8,
        blocks=(1, 1),
        deep_width=8,
        deep_blocks=(1, 1),
        latent_channels=64,
        hyper_channels=8,
        mean_width=8,
        scale_width=8,
        anchors=3,
    ),
    steps=4,
    batch=2,
    crop=64,
    large_crop=128,
    large_crop_from=0.5,
    scales=(1.0, 0.5),
    warmup=2,
    ema=0.5,
    ema_every=1,
    held_out=1,
    validate_every=2,
    save_every=100,
    drawn_pictures=4,
)


@pytest.fixture(scope="package", autouse=True)
def small_runs() -> Iterator[None]:
    """In one thread: more only slow such networks down. Validated on two drawn pictures.

    There is one of each kind, and runs as short as these would spend most of their time on them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aecodec.training.photos.drawn_validation", lambda: drawn_validation()[:2])
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    return save_photographs(folder, "astronaut", "chelsea", "coffee", scale=0.65)


@pytest.fixture(scope="package")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of an uninterrupted run."""
    return train(TINY, [photos], tmp_path_factory.mktemp("whole"), device="cpu")


def load(checkpoint: Path) -> dict[str, Any]:
    return torch.load(checkpoint, weights_only=False)


def assert_same_run(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Checkpoints of as many steps with equal weights, averages and states of the optimizer."""
    assert a["batches_seen"] == b["batches_seen"]
    for key in ("state_dict", "current_model_state"):  # the average and the weights
        for name, value in a[key].items():
            assert torch.equal(value, b[key][name]), (key, name)
    states, others = (run["optimizer_states"][0]["state"] for run in (a, b))
    for index, state in states.items():
        for name, value in state.items():
            other = torch.as_tensor(others[index][name])
            assert torch.equal(torch.as_tensor(value), other), (index, name)


def pixels_of(image: Image.Image) -> torch.Tensor:
    """(1, 3, H, W) in [-0.5, 0.5]."""
    return to_tensor(image) - 0.5
