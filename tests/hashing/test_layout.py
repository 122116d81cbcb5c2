"""Pictures laid out alike name each other as candidates, whatever their codes are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aecodec.hashing.checking import by_layout
from aecodec.hashing.copies import small_copy
from aecodec.hashing.verify.layout import alike
from tests.hashing.pictures import barred, with_button
from tests.pictures import photograph


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    names = ("coffee", "chelsea", "astronaut", "rocket", "cat", "retina")
    return [photograph(name) for name in names]


@pytest.mark.parametrize("bar", [0.08, 0.25])
def test_a_screenshot_names_its_photo_and_no_other(photos: list[Image.Image], bar: float) -> None:
    shots = [with_button(barred(p, round(bar * p.height)), p.height // 10) for p in photos]
    told: list[tuple[int, int]] = []
    copies = np.stack([small_copy(image) for image in [*photos, *shots]])
    found = alike(copies, 2, lambda done, total: told.append((done, total))).tolist()
    # "chelsea" and "cat" are one photo.
    same = {(n, m) for n in range(6) for m in range(6) if n == m or {n, m} == {1, 4}}
    assert {(n, n + 6) for n in range(6)} <= {tuple(pair) for pair in found}
    # Bars and buttons are alike, so screenshots may name each other.
    assert all((a, b % 6) in same for a, b in found if a < 6)
    assert all(a < b for a, b in found)
    assert len({tuple(pair) for pair in found}) == len(found)
    assert told[-1] == (12, 12)


def test_what_shows_nothing_names_nothing() -> None:
    rng = np.random.default_rng(0)
    blank = np.full((5, 32, 32), 200, np.uint8)
    noise = rng.integers(0, 256, (40, 32, 32), dtype=np.uint8)
    assert alike(np.concatenate([blank, noise]), 8).shape == (0, 2)
    assert alike(noise[:1], 8).shape == (0, 2)
    assert alike(noise[:0], 8).shape == (0, 2)


def test_layouts_name_fewer_than_codes_but_some() -> None:
    assert by_layout(64) == 16
    assert by_layout(4) == 2


def test_a_telephone_with_a_status_bar_names_the_photo_on_it(photos: list[Image.Image]) -> None:
    def telephone(photo: Image.Image) -> Image.Image:
        screen = Image.new("RGB", (360, 740), "black")
        screen.paste((25, 25, 25), (0, 0, 360, 25))
        screen.paste((25, 25, 25), (0, 695, 360, 740))
        screen.paste("white", (160, 705, 200, 725))
        shown = photo.resize((360, round(360 * photo.height / photo.width)))
        screen.paste(shown, (0, (740 - shown.height) // 2))
        return screen

    copies = np.stack([small_copy(one) for one in [*photos, *map(telephone, photos)]])
    found = {tuple(pair) for pair in alike(copies, 2).tolist()}
    # On the ground of the screen "rocket" and "retina" have hardly an edge.
    assert {(n, n + 6) for n in (0, 1, 2, 4)} <= found
