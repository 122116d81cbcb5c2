from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from aecodec.errors import RecipeError
from aecodec.hashing.hasher import Hasher, hamming
from aecodec.training.hashing import HashTraining, nt_xent
from aecodec.training.pictures import Batches, build_bank, packed_squares, photo_squares
from aecodec.training.recipe import HashRecipe, load_recipe
from aecodec.training.run import train
from aecodec.training.views import two_views
from tests.hashing.conftest import TINY
from tests.pictures import photograph

RECIPE = HashRecipe(
    model=TINY,
    steps=30,
    batch=4,
    crop=48,
    regions=3,
    learning_rate=2e-3,
    warmup=1,
    ema=0.5,
    ema_every=1,
    held_out=2,
    validate_every=15,
    save_every=100,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in ("astronaut", "coffee", "rocket", "chelsea"):
        photograph(name).resize((150, 100)).save(folder / f"{name}.png")
    return folder


def test_training_makes_a_calibrated_model_and_resumes(folder: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train(RECIPE, [folder], tmp_path, max_minutes=0, device="cpu")
        train(RECIPE, [folder], tmp_path, resume=True, device="cpu")
    card = json.loads((tmp_path / "hash.json").read_text())
    assert card["steps"] == RECIPE.steps
    assert card["data"] == "2 photos and 0 packed images, 2 and 0 held out"
    log = (tmp_path / "logs" / "from-0000001" / "metrics.csv").read_text()
    assert "val/recall_64" in log.splitlines()[0]
    hasher = Hasher(str(tmp_path / "hash.safetensors"), "cpu")
    assert hasher.calibration is not None
    threshold = hasher.calibration.threshold(64, 0.1)
    assert threshold.pairs == 4 * 4  # squares of two photos
    assert threshold.fpr <= 0.1
    coffee = photograph("coffee")
    code = hasher.code(coffee)
    near, far = hasher.code(coffee.resize((300, 200))), hasher.code(coffee.rotate(180))
    assert hamming(code, near) < hamming(code, far)
    drawn = hasher.reconstruct(np.frombuffer(code, np.uint8)[None])
    assert drawn.shape == (1, 8, 8, 3)


def test_neighbours_join_at_their_time_and_survive_a_resume(folder: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, steps=8, neighbours=8, neighbours_from=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train(dataclasses.replace(recipe, steps=4), [folder], tmp_path / "a", device="cpu")
        seen = torch.load(tmp_path / "a" / "last.ckpt", weights_only=False)["state_dict"]
        assert int(seen["queue.seen"]) == 4 * 2  # a batch is of different photos, and there are two
        train(recipe, [folder], tmp_path / "a", resume=True, device="cpu")
    squares = [s for p in sorted(folder.glob("*.png")) for s in photo_squares(p, 48, 7)]
    batches = Batches(build_bank([], squares), recipe)
    module = HashTraining(recipe)
    for step in range(3):
        module.loss(batches.at(step), step)
    alone = module.loss(batches.at(0), 0)[0]
    module.batches_seen = 4
    assert not torch.equal(module.loss(batches.at(0), 0)[0], alone)


def test_the_loss_falls_and_is_a_function_of_the_seed(folder: Path) -> None:
    torch.manual_seed(0)
    squares = [s for p in sorted(folder.glob("*.png")) for s in photo_squares(p, 48, 7)]
    recipe = dataclasses.replace(RECIPE, batch=16, stochastic=0, overlay=0, noise=0, jpeg=0)
    batches = Batches(build_bank([], squares), recipe)
    module = HashTraining(recipe)
    assert torch.equal(module.loss(batches.at(0), 1)[0], module.loss(batches.at(0), 1)[0])
    optimizer = torch.optim.AdamW(module.parameters(), 2e-3)
    losses = []
    for step in range(40):
        loss, _ = module.loss(batches.at(step), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_undecided_bits_cost_what_the_recipe_says(folder: Path) -> None:
    batch = torch.stack(photo_squares(folder / "coffee.png", 32, 7))
    losses = []
    for weight in (0.0, 2.0):
        torch.manual_seed(0)
        module = HashTraining(HashRecipe(model=TINY, crop=32, quantisation_weight=weight))
        loss, figures = module.loss(batch, 1)
        losses.append(float(loss.detach()))
    undecided = float(figures["undecided"].detach())
    assert 0 < undecided < 1
    assert losses[1] - losses[0] == pytest.approx(2 * undecided, abs=1e-4)


def test_some_views_have_one_alteration_only() -> None:
    batch = torch.randint(0, 256, (300, 3, 32, 32), dtype=torch.uint8)
    for alone, fewest, most in ((1.0, 5, 40), (0.0, 0, 0)):  # a flip is one of 17, by weight
        recipe = HashRecipe(
            model=TINY, crop=32, clean_view=1.0, single_alteration=alone, centred=True
        )
        plain, altered = two_views(batch, recipe, 0)
        mirrored = (altered.x - plain.x.flip(3)).abs().amax((1, 2, 3)) < 1e-3
        assert fewest <= mirrored.sum() <= most


def test_views_show_the_same_place_and_one_may_be_the_picture_itself(folder: Path) -> None:
    batch = torch.stack(photo_squares(folder / "coffee.png", 32, 7))
    first, second = two_views(batch, HashRecipe(model=TINY, crop=32, clean_view=1.0), 0)
    assert torch.allclose(first.x, batch.float() / 255, atol=1e-6)
    assert second.x.shape == second.target.shape == (8, 3, 32, 32)
    assert 0 <= float(second.x.min()) <= float(second.x.max()) <= 1
    plain = HashRecipe(
        model=TINY, crop=32, clean_view=0, jitter=0, grey=0, blur=0, noise=0, jpeg=0, overlay=0
    )
    altered = two_views(batch, plain, 0)[1]
    assert torch.allclose(altered.x, altered.target, atol=1e-3)


def test_batches_hold_a_photo_once(folder: Path) -> None:
    photos = [
        photo_squares(folder / "coffee.png", 8, 3),
        photo_squares(folder / "rocket.png", 8, 3),
    ]
    packed = [torch.full((3, 8, 8), n, dtype=torch.uint8) for n in range(5)]
    bank = build_bank(photos, packed)
    batches = Batches(bank, HashRecipe(batch=6, photo_share=0.5))
    numbers = {
        tuple(s.flatten().tolist()): int(g)
        for s, g in zip(bank.squares, bank.group_numbers(), strict=True)
    }
    for step in range(20):
        groups = [numbers[tuple(s.flatten().tolist())] for s in batches.at(step)]
        assert len(set(groups)) == len(groups)
        assert {0, 1} <= set(groups)
    assert torch.equal(batches.at(3), batches.at(3))


def test_packed_images(folder: Path, tmp_path: Path) -> None:
    files = [(folder / name).read_bytes() for name in ("coffee.png", "rocket.png")]
    offsets = np.cumsum([0, *map(len, files)])
    data = np.frombuffer(b"".join(files), np.uint8)
    np.savez(tmp_path / "train.npz", webp=data, offsets=offsets)
    assert [s.shape for s in packed_squares(tmp_path / "train.npz", 16)] == [(3, 16, 16)] * 2
    np.savez(tmp_path / "train_other.npz", x=data)
    with pytest.raises(RecipeError, match="packed"):
        packed_squares(tmp_path / "train_other.npz", 16)
    (tmp_path / "train_bad.npz").write_bytes(b"no arrays")
    with pytest.raises(RecipeError, match="train_bad.npz: not a readable NumPy file"):
        packed_squares(tmp_path / "train_bad.npz", 16)


def test_nt_xent_by_hand() -> None:
    x = torch.eye(2).repeat(2, 1)  # two pictures, equal views, orthogonal to each other
    expected = -np.log(np.exp(1 / 0.5) / (np.exp(1 / 0.5) + 2))
    assert float(nt_xent(x, 0.5)) == pytest.approx(expected, rel=1e-5)


def test_shipped_recipes_load() -> None:
    photo, cifar = (load_recipe(f"hash-{name}", HashRecipe) for name in ("photo", "cifar10"))
    assert photo.model.lengths == (64, 128, 256)
    assert cifar.model.lengths == (16, 32, 64)
    assert photo.crop >= photo.model.side
