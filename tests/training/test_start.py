from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from aecodec import Codec
from aecodec.codec.model import CodecModel
from aecodec.errors import AecodecError, RecipeError
from aecodec.hashing.model import HashModel
from aecodec.training.codec_calibration import assumed_tables
from aecodec.training.export import inference_tensors, short_half, table_tensors
from aecodec.training.recipe import CodecRecipe, HashRecipe, load_recipe
from aecodec.training.run import train
from aecodec.training.start import start_from
from aecodec.weights import find_weights, weight_file
from tests.training.conftest import TINY, pixels_of


def test_the_shipped_codec_goes_in_and_comes_out_the_same() -> None:
    model = CodecModel(load_recipe("codec-psnr", CodecRecipe).model).eval()
    start_from(model, weight_file("codec-psnr"))
    file, again = load_file(weight_file("codec-psnr")), inference_tensors(model)
    assert set(file) == set(again) | {"tables.lengths", "tables.counts"}
    fitted = ("tables.", "hyper_prior.")  # after training
    shipped = {name: value for name, value in file.items() if not name.startswith(fitted)}
    for name, tensor in shipped.items():
        ours, theirs = again[name].double(), tensor.double()
        if "bias" in name or name == "hyper_index":  # interpolated between anchors and rounded
            assert (ours - theirs).abs().max() <= 1, name
            assert (ours != theirs).double().mean() < 0.2, name
        else:
            assert torch.allclose(ours, theirs, rtol=1e-6), name


def test_floats_are_as_near_as_ten_bits_can_be_and_stay_so() -> None:
    values = torch.randn(10_000, generator=torch.Generator().manual_seed(0)) * 30
    short = short_half(values)
    assert not (short.view(torch.int16) & 1).any()
    assert ((short.float() - values).abs() <= 2**-9 * values.abs() + 1e-6).all()
    assert torch.equal(short_half(short.float()), short)
    for name in ("codec-balanced", "codec-psnr"):
        floats = [t for t in load_file(weight_file(name)).values() if t.dtype == torch.float16]
        assert len(floats) > 50
        assert all(torch.equal(short_half(t), t) for t in floats)


@pytest.mark.parametrize("quality", [5, 50, 90])
def test_the_estimate_of_weights_to_go_on_from_is_their_file(
    quality: int, cat: Image.Image
) -> None:
    image = cat.crop((0, 0, 384, 256))
    model = CodecModel(load_recipe("codec-psnr", CodecRecipe).model).eval()
    start_from(model, weight_file("codec-psnr"))
    with torch.no_grad():
        estimate = model(pixels_of(image), torch.tensor([float(quality)]))
    bits = float(estimate.latent_bits + estimate.hyper_bits)
    shipped = Codec("cpu", "codec-psnr").model  # not its `compress`, which knows of masking
    latents = shipped.analyse(pixels_of(image).numpy(), quality)
    payload = shipped.encode_latents(latents, quality, rdoq=True)
    assert 8 * len(payload) == pytest.approx(bits, rel=0.01, abs=400)


def test_a_larger_codec_starts_as_the_smaller_one(tmp_path: Path) -> None:
    smaller, weights = TINY.model, tmp_path / "codec.safetensors"
    save_file(inference_tensors(CodecModel(smaller)) | table_tensors(assumed_tables()), weights)
    larger = replace(smaller, blocks=(3, 2), deep_blocks=(1, 2), fine_blocks=1, modulated=True)
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) - 0.5
    reconstructions = []
    for model in (CodecModel(smaller).eval(), CodecModel(larger).eval()):
        start_from(model, weights)
        with torch.no_grad():
            reconstructions.append(model(x, torch.tensor([50.0])).reconstruction)
    assert torch.allclose(*reconstructions, atol=1e-6)
    wider = CodecModel(replace(smaller, width=smaller.width + 8))
    with pytest.raises(RecipeError, match="not weights of the recipe's model"):
        start_from(wider, weights)


def test_a_shipped_hash_starts_as_it_is() -> None:
    model = HashModel(load_recipe("hash-cifar10", HashRecipe).model)
    start_from(model, weight_file("hash-cifar10"))
    for name, tensor in load_file(weight_file("hash-cifar10")).items():
        assert torch.equal(model.state_dict()[name], tensor.to(model.state_dict()[name].dtype))


def test_a_run_begins_with_weights_and_its_card_says_so(
    photos: Path, whole: Path, tmp_path: Path
) -> None:
    weights = whole.with_name("codec.safetensors")
    train(TINY, [photos], tmp_path, start=weights, max_minutes=0, device="cpu")
    train(TINY, [photos], tmp_path, resume=True, max_minutes=0, device="cpu")
    card = json.loads((tmp_path / "codec.json").read_text())
    first = json.loads(weights.with_suffix(".json").read_text())
    assert card["start"] == f"codec.safetensors, sha256 {first['sha256']}"
    assert "start" not in first
    with pytest.raises(RecipeError, match="leave out --start"):
        train(TINY, [photos], tmp_path, start=weights, resume=True, device="cpu")


def test_what_cannot_be_begun_with_is_said(tmp_path: Path) -> None:
    assert find_weights("codec-psnr") == weight_file("codec-psnr")
    with pytest.raises(AecodecError, match="nothing: no such weight file"):
        find_weights("nothing")
    with pytest.raises(AecodecError, match="no such weight file"):
        find_weights(str(tmp_path / "nothing.safetensors"))
    (tmp_path / "text.safetensors").write_text("no weights")
    model = HashModel(load_recipe("hash-photo", HashRecipe).model)
    for path in (tmp_path / "text.safetensors", weight_file("hash-cifar10")):
        with pytest.raises(RecipeError, match="not weights of the recipe's model"):
            start_from(model, path)
