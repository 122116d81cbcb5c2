"""Kinds of models, and that a recipe holds all that decides a run of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aecodec.errors import RecipeError
from aecodec.training.kinds import KINDS, kind_of
from aecodec.training.recipe import CodecRecipe, DecoderRecipe, DenoiserRecipe, Recipe, load_recipe
from aecodec.training.soap import Soap, SoapConfig


@pytest.mark.parametrize("name", KINDS)
def test_a_recipe_tells_what_is_trained(name: str) -> None:
    kind = KINDS[name]
    recipe = load_recipe(kind.default, kind.recipe)
    assert isinstance(recipe, Recipe)
    assert kind_of(recipe) is kind


def test_the_optimizer_is_the_recipes(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("soap: {betas: [0.9, 0.99], every: 5}\ninvisible: 1\n")
    recipe = load_recipe(str(file), DenoiserRecipe)
    assert recipe.soap == SoapConfig(betas=(0.9, 0.99), every=5)
    assert recipe.invisible == 1
    optimizer = recipe.soap.optimizer([torch.nn.Parameter(torch.zeros(3))], 0.1)
    assert isinstance(optimizer, Soap)
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)
    assert (optimizer.every, optimizer.sample) == (5, 3)
    file.write_text("soap: {speed: 1}\n")
    with pytest.raises(RecipeError, match="SoapConfig has no setting speed"):
        load_recipe(str(file), DenoiserRecipe)


def test_a_decoders_pull_is_a_share() -> None:
    with pytest.raises(ValueError, match="pull must be from 0 to 1"):
        DecoderRecipe(pull=1.5)
    with pytest.raises(ValueError, match="at least 1"):
        DecoderRecipe(samples=0)


def test_the_codecs_loss_is_the_recipes() -> None:
    """Nothing of it is a constant of a module: another recipe, another loss and gradient."""
    small = {"width": 8, "blocks": (1, 1), "latent_channels": 16, "hyper_channels": 8}
    recipe = replace(CodecRecipe(), model=replace(CodecRecipe().model, **small))
    batch = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    found = []
    for one in (recipe, replace(recipe, log_offset=1.0), replace(recipe, noisy_slope=0.1)):
        torch.manual_seed(0)
        module = KINDS["codec"].module(one)
        loss, _ = module.loss(batch, seed=3)
        loss.backward()
        gradient = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
        found.append((float(loss.detach()), gradient))
    (loss, gradient), (offset, _), (sloped, other) = found
    assert offset > loss
    assert sloped == loss
    assert not torch.equal(gradient, other)
