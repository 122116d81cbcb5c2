from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.denoiser import Denoiser
from aecodec.denoising.model import DenoiserModel
from aecodec.denoising.weights import load as load_weights
from aecodec.errors import RecipeError
from aecodec.evaluation.denoising.savings import with_noise
from aecodec.nn.bounded import BoundedConv2d
from aecodec.training.denoise import DenoiserTraining
from aecodec.training.recipe import DenoiserRecipe, load_recipe
from aecodec.training.run import train
from tests.conftest import psnr
from tests.pictures import save_photographs
from tests.training.conftest import assert_same_run, load, small_runs

__all__ = ["small_runs"]  # a fixture

TINY = DenoiserRecipe(
    model=DenoiserConfig(widths=(16, 16, 16), blocks=(1, 1, 1)),
    steps=160,
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
SHORT = replace(TINY, steps=3, batch=2, validate_every=2)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    return save_photographs(folder, "astronaut", "coffee", "rocket", scale=0.5)


@pytest.fixture(scope="module")
def weights(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of some seconds of training. The photo `cat` had no part in it."""
    folder = tmp_path_factory.mktemp("run")
    train(TINY, [photos], folder, device="cpu")
    return folder / "denoiser.safetensors"


def test_some_seconds_of_training_teach_to_denoise(weights: Path, cat: Image.Image) -> None:
    noisy, denoiser = with_noise(cat, 50, 0), Denoiser("cpu", weights)
    for sigma in (50, None):
        assert psnr(cat, denoiser.denoise(noisy, sigma)) > psnr(cat, noisy) + 0.8


def test_a_run_in_slices_is_the_uninterrupted_run(photos: Path, tmp_path: Path) -> None:
    whole = load(train(SHORT, [photos], tmp_path / "whole", device="cpu"))
    folder = tmp_path / "slices"
    for number in range(SHORT.steps):  # a slice of no minutes still takes one step
        checkpoint = train(SHORT, [photos], folder, resume=number > 0, max_minutes=0, device="cpu")
    sliced = load(checkpoint)
    assert sliced["batches_seen"] == SHORT.steps
    assert_same_run(whole, sliced)
    log = (folder / "logs" / "from-0000001" / "metrics.csv").read_text()
    for name in ("psnr_25", "psnr_iso_3200", "noisy_iso_3200", "psnr_clean", "drawn_psnr_clean"):
        assert f"val/{name}" in log.splitlines()[0]


def test_the_weights_that_would_ship_are_half_precision_with_a_card(weights: Path) -> None:
    card = json.loads(weights.with_suffix(".json").read_text())
    model = DenoiserModel(TINY.model)
    assert card["task"] == "denoiser"
    assert card["steps"] == TINY.steps
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    assert card["data"] == "2 photos, 1 held out, 4 drawn pictures"
    assert weights.stat().st_size < 2 * card["parameters"] + 10_000
    layers = load_weights(weights, "cpu").networks.model.modules()  # type: ignore[attr-defined]
    ranges = [layer.low for layer in layers if isinstance(layer, BoundedConv2d)]
    assert ranges
    assert all(low.isfinite().all() for low in ranges)


def test_the_shipped_recipe_fits_the_limits() -> None:
    recipe = load_recipe("denoise-cpu", DenoiserRecipe)
    model = DenoiserModel(recipe.model)
    assert 2 * sum(p.numel() for p in model.parameters()) < 25e6
    assert recipe.phases()[0].crop % 8 == recipe.phases()[1].crop % 8 == 0


def test_a_recipe_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("model: {widths: [8, 8, 8], depth: 3}\n")
    with pytest.raises(RecipeError, match="depth"):
        load_recipe(str(tmp_path / "mine.yaml"), DenoiserRecipe)
    with pytest.raises(RecipeError, match="mixture; is it a recipe of another kind"):
        load_recipe("denoise-cpu")
    for mixture, what in (("{hum: 1}", "mixture has no hum"), ("{clean: 0}", "not only zeros")):
        (tmp_path / "mine.yaml").write_text(f"mixture: {mixture}\n")
        with pytest.raises(RecipeError, match=what):
            load_recipe(str(tmp_path / "mine.yaml"), DenoiserRecipe)


def test_the_loss_is_the_psnr_of_what_comes_out() -> None:
    torch.manual_seed(0)
    recipe = replace(TINY, invisible=0.001, mixture={**TINY.mixture, "clean": 0})
    module = DenoiserTraining(recipe)  # starts as the identity
    batch = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    loss, figures = module.loss(batch, 1)
    assert torch.equal(loss, module.loss(batch, 1)[0])
    assert not torch.equal(loss, module.loss(batch, 2)[0])
    errors = figures["level_error"].item() + figures["kind_error"].item()
    told = loss.item() - recipe.level_weight * errors
    assert float(figures["psnr"]) == pytest.approx(-10 * told, abs=0.01)
    loss.backward()
    model = module.model
    for part in (model.white, model.camera, model.estimator, model.whiteness):
        assert part.tail.weight.grad is not None
        assert part.tail.weight.grad.abs().sum() > 0
