from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import skimage.data
import torch
from torch import Tensor

from aecodec.training.bank import TRAINED_FROM, drawn_bank, drawn_validation
from aecodec.training.data import Phase, RandomCrops, centre_crops
from aecodec.training.drawn import KINDS
from aecodec.training.photos import Photos
from aecodec.training.recipe import CodecRecipe, DenoiserRecipe
from aecodec.training.run import train
from tests.training.conftest import TINY, load

PHASES = [Phase(0, 8, 32), Phase(100, 4, 64)]


@pytest.fixture(scope="module")
def cat_and_cup() -> list[Tensor]:
    return [torch.from_numpy(getattr(skimage.data, n)()) for n in ("chelsea", "coffee")]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_bank_is_of_its_seed_and_its_sides_fit(cat_and_cup: list[Tensor]) -> None:
    bank = drawn_bank(12, cat_and_cup, seed=3, least=128)
    assert same(bank, drawn_bank(12, cat_and_cup, seed=3, least=128))
    assert not same(bank, drawn_bank(12, cat_and_cup, seed=4, least=128))
    assert all(128 <= side <= 192 for picture in bank for side in picture.shape[:2])
    assert all(picture.dtype == torch.uint8 for picture in bank)


def test_a_quarter_of_a_bank_is_drawn_over_photos(cat_and_cup: list[Tensor]) -> None:
    bank = drawn_bank(12, cat_and_cup, seed=0, least=128)
    known = {tuple(c) for photo in cat_and_cup for c in photo.reshape(-1, 3).tolist()}
    shares = [
        sum(tuple(c) in known for c in picture.reshape(-1, 3).unique(dim=0).tolist())
        for picture in bank
    ]
    assert min(shares[:3]) > 1000  # colours that the photos have
    small = drawn_bank(4, cat_and_cup, seed=0, least=1000)  # larger than the photos
    assert all(min(picture.shape[:2]) >= 1000 for picture in small)


def test_validation_is_of_every_kind_and_of_seeds_of_its_own() -> None:
    validation = drawn_validation()
    assert len(validation) == len(KINDS) < TRAINED_FROM
    assert {tuple(picture.shape) for picture in validation} == {(1, 3, 256, 256)}
    assert same(validation, drawn_validation())


def marked(share: float, start: int = 0, **settings: int) -> RandomCrops:
    """Crops of black photos and of drawn pictures that are white, one large and one small."""
    black, white = torch.zeros(80, 80, 3, dtype=torch.uint8), torch.full((70, 70, 3), 255).byte()
    small = torch.full((40, 40, 3), 128, dtype=torch.uint8)
    return RandomCrops(
        [black], PHASES, seed=1, drawn=[white, small], share=share, start=start, **settings
    )


@pytest.mark.parametrize("share", [0.0, 0.12, 0.5, 1.0])
def test_crops_are_of_drawn_pictures_in_their_share(share: float) -> None:
    crops = marked(share)
    drawn = torch.cat([(crops.at(step) > 0).all((1, 2, 3)) for step in range(100)])
    assert float(drawn.float().mean()) == pytest.approx(share, abs=0.05)


def test_a_drawn_picture_too_small_for_a_phase_takes_no_part_in_it() -> None:
    crops = marked(1.0)
    assert any((crops.at(step) == 128).any() for step in range(10))
    assert all((crops.at(step) == 255).all() for step in range(100, 110))


def test_a_step_is_the_same_whenever_a_run_begins() -> None:
    stream, later = iter(marked(0.5)), iter(marked(0.5, start=5))
    first = [next(stream) for _ in range(8)]
    assert same(first[5:], [next(later) for _ in range(3)])


def test_processes_have_parts_of_what_one_would_draw_and_photos_stay(
    cat_and_cup: list[Tensor],
) -> None:
    bank = drawn_bank(6, cat_and_cup, seed=0, least=64)
    whole = RandomCrops(cat_and_cup, [Phase(0, 8, 64)], seed=5, drawn=bank, share=0.5)
    parts = [
        RandomCrops(
            cat_and_cup, [Phase(0, 4, 64)], seed=5, drawn=bank, share=0.5, rank=rank, processes=2
        )
        for rank in (0, 1)
    ]
    without = RandomCrops(cat_and_cup, [Phase(0, 8, 64)], seed=5)
    kept = 0
    for step in range(6):
        batch = whole.at(step)
        assert torch.equal(batch, torch.cat([part.at(step) for part in parts]))
        kept += int((batch == without.at(step)).all((1, 2, 3)).sum())
    assert 12 <= kept <= 36  # of 48: the others are drawn


def test_crops_are_where_something_is_drawn_but_not_always() -> None:
    page = torch.full((200, 200, 3), 255, dtype=torch.uint8)
    page[80:120:2, 80:120] = 0
    crops = RandomCrops([page], [Phase(0, 8, 48)], seed=0, drawn=[page], share=1.0)
    plain = RandomCrops([page], [Phase(0, 8, 48)], seed=0)

    def empty(stream: RandomCrops) -> float:
        whole = torch.cat([(stream.at(step) == 255).all((1, 2, 3)) for step in range(60)])
        return float(whole.float().mean())

    assert 0.1 < empty(crops) < 0.75 * empty(plain)


@pytest.mark.parametrize("setting", [{"drawn": 1.5}, {"drawn": -0.1}, {"drawn_pictures": 0}])
def test_a_share_is_between_0_and_1(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="drawn"):
        DenoiserRecipe(**setting)  # type: ignore[arg-type]


def test_tables_are_calibrated_on_drawn_pictures_in_their_share(photos: Path) -> None:
    found = []
    for share in (0.0, 0.5, 1.0):
        data = Photos(replace(TINY, drawn=share, drawn_pictures=8), [photos])
        data.setup("fit")
        crops = data.calibration_crops()
        bank = centre_crops(data.drawn, 512)
        drawn = [any(torch.equal(c, d) for d in bank if c.shape == d.shape) for c in crops]
        found.append((len(crops), sum(drawn), len(data.val_dataloader())))
    assert found == [(4, 0, 1), (4, 2, 2), (4, 4, 2)]


def test_few_photos_are_not_all_held_out_and_drawn_ones_are_under_names_of_their_own(
    photos: Path, tmp_path: Path
) -> None:
    recipe: CodecRecipe = replace(TINY, steps=1, validate_every=1, held_out=20)
    assert load(train(recipe, [photos], tmp_path, device="cpu"))["batches_seen"] == 1
    (log,) = tmp_path.glob("logs/*/metrics.csv")
    with log.open() as file:
        rows = [row for row in csv.DictReader(file) if row.get("val/loss")]
    assert rows
    assert rows[0]["val/drawn_loss"] != rows[0]["val/loss"]
    assert 0 < float(rows[0]["val/drawn_psnr_50"]) < 60
    assert not [name for name in rows[0] if "dataloader" in name]
