"""Folders of unlike pictures: the limits that are said, and how a folder is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from benchmarks.unlike import CLASSES
from benchmarks.unlike_folders import at_most, in_folder


def test_limits_are_those_of_the_binomial_distribution() -> None:
    assert at_most(0, 3_000_000) == pytest.approx(1e-6, rel=2e-3)  # the rule of three
    for called, pairs in ((0, 100), (1, 100), (3, 780)):
        limit = at_most(called, pairs)
        chance = (1 - limit) ** pairs
        total = chance
        for k in range(called):
            chance *= (pairs - k) / (k + 1) * limit / (1 - limit)
            total += chance
        assert total == pytest.approx(0.05, rel=1e-6)
    assert at_most(5, 5) == 1.0


def test_what_is_called_the_same_counts_but_not_equal_pixels(tmp_path: Path) -> None:
    coffee = Image.fromarray(skimage.data.coffee())
    for name, image in (
        ("a.png", coffee),
        ("equal.bmp", coffee),
        ("half.png", coffee.resize((300, 200))),
        ("page.png", CLASSES["pages"](0)),
        ("other.png", CLASSES["pages"](1)),
    ):
        image.save(tmp_path / name)
    found = in_folder(tmp_path)
    assert (found["pictures"], found["pairs"], found["called"]) == (5, 10, 1)
    assert "half.png" in found["which"][0]


def test_pictures_of_a_class_depend_on_the_seed_alone() -> None:
    for name in ("icons", "receipts of one shop", "white logos"):
        first, again, other = (CLASSES[name](seed) for seed in (3, 3, 4))
        assert first.tobytes() == again.tobytes() != other.tobytes()
