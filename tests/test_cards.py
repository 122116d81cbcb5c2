"""The cards of the weights that ship say what the committed benchmarks measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aecodec.weights import weight_file
from benchmarks.ship import take_figures

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("codec-cpu", "kodak/rd"),
        ("codec-cpu", "eval_public/rd"),
        ("codec-cpu-ms-ssim", "kodak/rd"),
        ("codec-cpu-ms-ssim", "eval_public/rd"),
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
