"""`aecodec train decoder`, from a small codec's weights to a file that decodes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from safetensors.torch import save_file
from skimage import data

from aecodec.codec.codec import Codec
from aecodec.codec.eight_bits.layers import EIGHT_BITS, SYNTHESIS, has_means, has_synthesis
from aecodec.errors import RecipeError
from aecodec.training.codec_calibration import assumed_tables
from aecodec.training.export import inference_tensors, table_tensors
from aecodec.training.recipe import DecoderRecipe
from aecodec.training.run import train
from tests.eight_bits import random_codec, small_config

RECIPE = DecoderRecipe(
    model=small_config(deep=True),
    steps=3,
    batch=2,
    crop=64,
    large_crop=64,
    scales=(0.5,),
    warmup=1,
    ema=0.5,
    ema_every=1,
    held_out=1,
    validate_every=2,
    save_every=100,
    drawn=0.0,
    samples=4,
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "coffee"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights to begin with."""
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    tensors = inference_tensors(random_codec(RECIPE.model)) | table_tensors(assumed_tables())
    save_file(tensors, path, metadata={"config": RECIPE.model.to_json()})
    return path


def test_a_run_is_cut_and_goes_on(photos: Path, codec: Path, tmp_path: Path) -> None:
    """And gives what an uninterrupted one does: the codec, and its decoder in 8 bits."""
    train(RECIPE, [photos], tmp_path / "whole", start=codec, device="cpu")
    for steps, resume in ((2, False), (3, True)):
        cut = replace(RECIPE, steps=steps, decay=0.0)
        start = None if resume else codec
        train(cut, [photos], tmp_path / "cut", start=start, resume=resume, device="cpu")
    train(replace(RECIPE, decay=0.0), [photos], tmp_path / "flat", start=codec, device="cpu")
    flat, cut_ = (load_file(tmp_path / name / "codec.safetensors") for name in ("flat", "cut"))
    assert flat.keys() == cut_.keys()
    assert all(np.array_equal(tensor, cut_[name]) for name, tensor in flat.items())

    file = tmp_path / "whole" / "codec.safetensors"
    made, before = load_file(file), load_file(codec)
    assert has_synthesis(made)
    assert has_means(made)
    assert {n for n in made if not n.startswith(EIGHT_BITS)} == before.keys()
    assert all(np.array_equal(tensor, made[name]) for name, tensor in before.items())
    card = json.loads(file.with_suffix(".json").read_text())
    assert (card["task"], card["steps"]) == ("codec", 3)
    assert card["start"].startswith("codec.safetensors, sha256 ")

    picture = Image.fromarray(data.chelsea()[:70, :100])
    stored = Codec("cpu", file, runtime="onnx").compress(picture, 60)
    images = [
        np.asarray(Codec("cpu", file, runtime=runtime).decompress(stored))
        for runtime in ("onnx", "torch")
    ]
    assert images[0].shape == (70, 100, 3)
    assert np.array_equal(*images)


def test_it_begins_with_weights(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--start"):
        train(RECIPE, [photos], tmp_path / "none", device="cpu")


def test_it_can_begin_with_what_it_made(photos: Path, codec: Path, tmp_path: Path) -> None:
    train(RECIPE, [photos], tmp_path / "first", start=codec, device="cpu")
    first = tmp_path / "first" / "codec.safetensors"
    train(replace(RECIPE, seed=1), [photos], tmp_path / "second", start=first, device="cpu")
    one, other = (load_file(tmp_path / n / "codec.safetensors") for n in ("first", "second"))
    assert one.keys() == other.keys()
    assert not np.array_equal(one[f"{SYNTHESIS}up.weight"], other[f"{SYNTHESIS}up.weight"])
