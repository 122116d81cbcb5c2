from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from aecodec.denoising.model import DenoiserModel
from aecodec.denoising.weights import load as load_weights
from aecodec.errors import RecipeError
from aecodec.nn.bounded import BoundedConv2d
from aecodec.training.denoise import DenoiserTraining
from aecodec.training.recipe import DenoiserRecipe, load_recipe
from aecodec.training.run import train
from tests.denoising.conftest import TINY

SHORT = dataclasses.replace(TINY, steps=3, batch=2, validate_every=2)


def load(checkpoint: Path) -> dict[str, Any]:
    return torch.load(checkpoint, weights_only=False)


def test_a_run_in_slices_is_the_uninterrupted_run(photos: Path, tmp_path: Path) -> None:
    whole = load(train(SHORT, [photos], tmp_path / "whole", device="cpu"))
    folder = tmp_path / "slices"
    for number in range(SHORT.steps):  # a slice of no minutes still takes one step
        checkpoint = train(SHORT, [photos], folder, resume=number > 0, max_minutes=0, device="cpu")
    sliced = load(checkpoint)
    assert whole["batches_seen"] == sliced["batches_seen"] == SHORT.steps
    for key in ("state_dict", "current_model_state"):
        for name, value in whole[key].items():
            assert torch.equal(value, sliced[key][name]), (key, name)
    states = [run["optimizer_states"][0]["state"] for run in (whole, sliced)]
    for index, state in states[0].items():
        for name, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(states[1][index][name]))
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
    told = loss.item() - recipe.level_weight * figures["level_error"].item()
    assert float(figures["psnr"]) == pytest.approx(-10 * told, abs=0.01)
    loss.backward()
    assert module.model.tail.weight.grad is not None
    assert module.model.tail.weight.grad.abs().sum() > 0
    assert module.model.estimator.tail.weight.grad is not None
    assert module.model.estimator.tail.weight.grad.abs().sum() > 0
