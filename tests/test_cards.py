"""The cards of the weights that ship say what the committed benchmarks measured."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from aecodec.weights import shipped_models, weight_file
from benchmarks.ship import take_figures, total

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("codec-psnr", "kodak/rd"),
        ("codec-psnr", "eval_public/rd"),
        ("codec-balanced", "kodak/rd"),
        ("denoise-cpu", "cbsd68/denoise"),
        ("hash-photo", "near_duplicates/near_duplicates"),
        ("hash-cifar10", "cifar10_hashing/cifar10_hashing"),
    ],
)
def test_a_card_has_the_figures_that_were_measured(name: str, result: str, tmp_path: Path) -> None:
    card = weight_file(name).with_suffix(".json")
    copy = Path(shutil.copy(card, tmp_path))
    take_figures(RESULTS / f"{result}.json", copy)
    assert copy.read_text() == card.read_text()


@pytest.mark.parametrize("card", shipped_models(), ids=lambda card: str(card["id"]))
def test_a_card_tells_of_all_runs(card: dict[str, Any]) -> None:
    total = card["total"]
    assert total["runs"] >= 1
    assert total["steps"] >= card["steps"]
    assert total["hours"] >= card["hours"]
    assert (total["runs"] == 1) == (total["steps"] == card["steps"])


def test_runs_that_begin_with_shipped_weights_add_up() -> None:
    before = next(card for card in shipped_models() if card["id"] == "hash-photo")
    start = f"hash-photo.safetensors, sha256 {before['sha256']}"
    found = total({"steps": 100, "hours": 0.5, "start": start})
    assert found["steps"] == before["total"]["steps"] + 100
    assert found["hours_of_steps"] == before["total"]["hours_of_steps"] + 100
    assert total({"steps": 100, "hours": 0.5}) == {"runs": 1, "steps": 100, "hours": 0.5}
