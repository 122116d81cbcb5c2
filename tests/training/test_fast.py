"""Leaner transforms, from a small codec's weights to files that they write and read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage import data

from aecodec.codec import fast
from aecodec.codec.codec import Codec
from aecodec.codec.eight_bits.torch_ops import torch_synthesis
from aecodec.errors import RecipeError
from aecodec.training.codec_calibration import assumed_tables
from aecodec.training.eight_bits.start import byte_tensors
from aecodec.training.eight_bits.twin import ByteSynthesis
from aecodec.training.export import inference_tensors, table_tensors
from aecodec.training.recipe import CodecRecipe, DecoderRecipe
from aecodec.training.run import train
from tests.eight_bits import random_codec, small_config

CONFIG = replace(small_config(deep=True), blocks=(3, 3), deep_blocks=(1, 1))
SHORT = {
    "model": CONFIG,
    "steps": 2,
    "batch": 2,
    "crop": 64,
    "large_crop": 64,
    "scales": (0.5,),
    "warmup": 1,
    "held_out": 1,
    "validate_every": 2,
    "save_every": 100,
    "drawn": 0.0,
}
PICTURE = Image.fromarray(data.chelsea()[:70, :100])


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights without a decoder in 8 bits."""
    path = tmp_path_factory.mktemp("floats") / "codec.safetensors"
    tensors = inference_tensors(random_codec(CONFIG)) | table_tensors(assumed_tables())
    save_file(tensors, path, metadata={"config": CONFIG.to_json()})
    return path


@pytest.fixture(scope="module")
def weights(floats: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With one."""
    folder = tmp_path_factory.mktemp("weights")
    train(DecoderRecipe(**SHORT, samples=2), [photos], folder, start=floats, device="cpu")
    return folder / "codec.safetensors"


def test_a_fast_decoder_ships_beside_its_weights(
    weights: Path, photos: Path, tmp_path: Path
) -> None:
    recipe = DecoderRecipe(**SHORT, fast=True, pull=0.0)
    train(recipe, [photos], tmp_path, start=weights, device="cpu")
    assert not (tmp_path / "codec.safetensors").exists()
    beside = Path(shutil.copy(weights, tmp_path))
    stored = Codec("cpu", beside, "onnx").compress(PICTURE, 60)
    found, in_torch = (
        Codec("cpu", beside, runtime).decompress(stored, as_array=True, decoder="fast")
        for runtime in ("onnx", "torch")
    )
    assert np.array_equal(found, in_torch)
    assert not np.array_equal(found, Codec("cpu", beside).decompress(stored, as_array=True))


def test_a_fast_analysis_writes_what_the_decoder_reads(
    weights: Path, photos: Path, tmp_path: Path
) -> None:
    train(CodecRecipe(**SHORT, fast=True), [photos], tmp_path, start=weights, device="cpu")
    beside = Path(shutil.copy(weights, tmp_path))
    made = load_file(fast.fast_file(beside))
    before = load_file(weights)
    layers = {name.removeprefix("fast_") for name in made}
    assert layers == {
        name
        for name in before
        if name.startswith("analysis.")
        and not name.startswith(("analysis.blocks.2", "analysis.deep_b"))
    }
    onnx, in_torch = (Codec("cpu", beside, runtime) for runtime in ("onnx", "torch"))
    for codec in (onnx, in_torch):
        stored = codec.compress(PICTURE, 60, effort="fast")
        assert stored != codec.compress(PICTURE, 60)
        assert Codec("cpu", weights).decompress(stored).size == PICTURE.size
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 3, 64, 96)).astype(np.float32)
    latents = [codec.model.analyse(x, 40, fast=True) for codec in (onnx, in_torch)]
    assert np.allclose(*latents, rtol=0.05, atol=0.05)
    assert not np.allclose(latents[0], onnx.model.analyse(x, 40))


@pytest.mark.parametrize("kind", [CodecRecipe, DecoderRecipe])
def test_both_need_weights_to_begin_with(kind: type, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--start"):
        train(kind(**SHORT, fast=True), [photos], tmp_path, device="cpu")


def test_a_fast_decoder_needs_one_in_8_bits(floats: Path, photos: Path, tmp_path: Path) -> None:
    recipe = DecoderRecipe(**SHORT, fast=True)
    with pytest.raises(RecipeError, match="in 8 bits"):
        train(recipe, [photos], tmp_path, start=floats, device="cpu")


def test_the_twin_of_the_lean_synthesis_gives_what_ships() -> None:
    lean, quality = fast.fast_config(CONFIG), torch.tensor([1, 40, 77, 100])
    crops = torch.from_numpy(data.astronaut())[100:164, 100:164].permute(2, 0, 1).repeat(4, 1, 1, 1)
    model, wide = random_codec(CONFIG), random_codec(lean)
    twin = ByteSynthesis(lean)
    twin.load(byte_tensors(wide, [crops], fitted=False))
    with torch.no_grad():
        for parameter in twin.parameters():  # as after some training
            parameter.add_(0.02 * torch.randn_like(parameter))
        y = model.code(crops.float() / 255 - 0.5, quality)[0]
        found = twin(y, quality)
    shipped = {
        fast.SYNTHESIS + name: torch.from_numpy(tensor) for name, tensor in twin.tensors().items()
    }
    for number, q in enumerate(quality.tolist()):
        expected = torch_synthesis(lean, shipped, y[[number]], q, fast.SYNTHESIS)
        error = (found[[number]] - expected).square().mean()
        assert error < 1e-3 * expected.var()
