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
    decay=0.0,  # so that a run of fewer steps begins as one of more
    ema=0.5,
    ema_every=1,
    held_out=1,
    validate_every=2,
    save_every=100,
    drawn=0.0,
    samples=4,
)


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights to begin with."""
    path = tmp_path_factory.mktemp("codec") / "codec.safetensors"
    tensors = inference_tensors(random_codec(RECIPE.model)) | table_tensors(assumed_tables())
    save_file(tensors, path, metadata={"config": RECIPE.model.to_json()})
    return path


@pytest.fixture(scope="module")
def made_file(photos: Path, codec: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    train(RECIPE, [photos], folder, start=codec, device="cpu")
    return folder / "codec.safetensors"


def test_a_run_that_is_cut_gives_what_an_uninterrupted_one_does(
    photos: Path, codec: Path, made_file: Path, tmp_path: Path
) -> None:
    train(replace(RECIPE, steps=2), [photos], tmp_path, start=codec, device="cpu")
    train(RECIPE, [photos], tmp_path, resume=True, device="cpu")
    whole, cut = load_file(made_file), load_file(tmp_path / "codec.safetensors")
    assert whole.keys() == cut.keys()
    assert all(np.array_equal(tensor, cut[name]) for name, tensor in whole.items())


def test_the_codec_stays_and_its_decoder_is_in_8_bits(codec: Path, made_file: Path) -> None:
    made, before = load_file(made_file), load_file(codec)
    assert has_synthesis(made)
    assert has_means(made)
    assert {n for n in made if not n.startswith(EIGHT_BITS)} == before.keys()
    assert all(np.array_equal(tensor, made[name]) for name, tensor in before.items())
    card = json.loads(made_file.with_suffix(".json").read_text())
    assert (card["task"], card["steps"]) == ("codec", 3)
    assert card["start"].startswith("codec.safetensors, sha256 ")

    picture = Image.fromarray(data.chelsea()[:70, :100])
    stored = Codec("cpu", made_file, runtime="onnx").compress(picture, 60)
    images = [
        np.asarray(Codec("cpu", made_file, runtime=runtime).decompress(stored))
        for runtime in ("onnx", "torch")
    ]
    assert images[0].shape == (70, 100, 3)
    assert np.array_equal(*images)


def test_it_begins_with_weights(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--start"):
        train(RECIPE, [photos], tmp_path / "none", device="cpu")


def test_it_goes_on_with_what_it_made(photos: Path, made_file: Path, tmp_path: Path) -> None:
    still = replace(RECIPE, seed=1, learning_rate=1e-12)
    train(still, [photos], tmp_path / "still", start=made_file, device="cpu")
    further = replace(RECIPE, seed=1, learning_rate=0.05)
    train(further, [photos], tmp_path / "on", start=made_file, device="cpu")
    files = made_file, tmp_path / "still/codec.safetensors", tmp_path / "on/codec.safetensors"
    before, same, changed = map(load_file, files)
    assert before.keys() == same.keys() == changed.keys()
    weights = [name for name in before if name.startswith(SYNTHESIS) and name.endswith("weight")]
    weights.remove(f"{SYNTHESIS}linear.weight")  # in units of other crops
    assert all(np.array_equal(before[name], same[name]) for name in weights)
    assert not np.array_equal(before[f"{SYNTHESIS}up.weight"], changed[f"{SYNTHESIS}up.weight"])
