"""Walls of codes are the same only where the codes are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from aecodec.hashing.picture import preview_of
from aecodec.hashing.verify import explain_pairs, explains
from aecodec.hashing.verify.align import squares
from aecodec.hashing.verify.places import small_grey
from aecodec.hashing.verify.repeating import SIDE, repeat_themselves
from aecodec.hashing.verify.verdict import SMALL
from aecodec.training.drawn import draw
from tests.pictures import photograph, through_jpeg

COLOURS = (("white", "black"), ((140, 170, 220), (60, 45, 40)), ((180, 220, 120), (50, 60, 40)))


def wall(seed: int, module: int = 1, colours: tuple[object, object] = COLOURS[0]) -> Image.Image:
    """Copies of one code of 45 by 45 modules, side by side."""
    rng = np.random.default_rng(seed)
    code = np.ones((50, 50), bool)
    code[:45, :45] = rng.random((45, 45)) < 0.5
    rows = np.tile(code, (12, 12)).repeat(module, 0).repeat(module, 1)[:480, :360]
    ground, ink = (Image.new("RGB", (360, 480), colour) for colour in colours)  # type: ignore[arg-type]
    return Image.composite(ground, ink, Image.fromarray(rows))


def repeated(*images: Image.Image) -> list[bool]:
    return repeat_themselves(small_grey(squares(images, SMALL), SIDE))


def thumbnail(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(preview_of(image).thumbnail())).convert("RGB")


def test_what_repeats_itself() -> None:
    assert repeated(wall(0), wall(1, 2), wall(2, colours=COLOURS[1])) == [True] * 3
    names = ("coffee", "chelsea", "astronaut", "rocket")
    assert repeated(*(photograph(name) for name in names)) == [False] * 4
    assert repeated(Image.new("RGB", (80, 60), "red")) == [False]


@pytest.mark.parametrize("other", [(1, 1, 0), (1, 1, 2), (2, 2, 1), (3, 1, 1)])
def test_walls_of_other_codes_differ(other: tuple[int, int, int]) -> None:
    seed, module, colours = other
    a, b = wall(0, colours=COLOURS[1]), wall(seed, module, COLOURS[colours])
    assert not explains(a, b).same
    (small,) = explain_pairs([(thumbnail(a), thumbnail(b))], sizes=[(a.size, b.size)])
    assert not (small.same and small.sure)  # the files are looked at


@pytest.mark.parametrize(
    ("first", "second"),
    [(50498, 50532), (50498, 50080), (50498, 50214), (50498, 50529), (50064, 50018)],
)
def test_drawn_ones_that_were_called_the_same(first: int, second: int) -> None:
    a, b = (draw(n, "code", (480, 360) if n % 2 else (360, 480)) for n in (first, second))
    assert not explains(a.convert("RGB"), b.convert("RGB")).same


@pytest.mark.parametrize("seed", range(3))
def test_altered_copies_of_a_wall_are_the_same(seed: int) -> None:
    a = wall(seed, 3, COLOURS[seed])
    assert explains(a, through_jpeg(a, 60)).same
    assert explains(a, a.resize((270, 360), Image.Resampling.LANCZOS)).same


def test_a_part_of_a_pattern_is_like_any_other() -> None:
    board = np.indices((12, 16)).sum(0) % 2 > 0
    squares_of = {side: board.repeat(side, 0).repeat(side, 1)[:360, :480] for side in (30, 45)}
    a, b = (Image.fromarray(squares_of[side]).convert("RGB") for side in (30, 45))
    assert not explains(a, b).same
    assert not explains(a, a.crop((60, 60, 420, 330))).same
    assert explains(a, through_jpeg(a, 50)).same
    assert explains(a, a.resize((240, 180), Image.Resampling.LANCZOS)).same


def test_a_pattern_in_other_hues_is_another() -> None:
    stripes = np.arange(480) // 24 % 2 > 0
    mask = Image.fromarray(np.broadcast_to(stripes, (360, 480)).copy())

    def coloured(ink: tuple[int, int, int]) -> Image.Image:
        return Image.composite(
            Image.new("RGB", mask.size, ink), Image.new("RGB", mask.size, "white"), mask
        )

    red, paler = coloured((200, 60, 40)), coloured((220, 90, 60))
    assert explains(red, through_jpeg(red, 50)).same
    assert explains(red, paler).same
    assert not explains(red, coloured((40, 80, 200))).same
