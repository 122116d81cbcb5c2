"""Places that small copies cannot explain are told from those that they may."""

from __future__ import annotations

import pytest
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageEnhance

from aecodec.hashing.verify.align import squares
from aecodec.hashing.verify.places import LEVELS
from aecodec.hashing.verify.rough import strangeness

PLAIN = torch.eye(2, 3)[None]


@pytest.fixture(scope="module")
def coffee() -> Image.Image:
    return Image.fromarray(skimage.data.coffee())


def left(part: Image.Image, whole: Image.Image, side: int, maps: torch.Tensor = PLAIN) -> float:
    return float(strangeness(squares([part], side), squares([whole], side), maps))


@pytest.mark.parametrize("side", [level[0] for level in LEVELS[:2]])
def test_alterations_leave_little(coffee: Image.Image, side: int) -> None:
    limit = 0.15
    assert left(coffee, coffee, side) == 0
    assert left(coffee.convert("L").convert("RGB"), coffee, side) < limit
    assert left(ImageEnhance.Contrast(coffee).enhance(1.5), coffee, side) < limit
    gamma = coffee.point([round(255 * (v / 255) ** 0.6) for v in range(256)] * 3)
    assert left(gamma, coffee, side) < limit
    half = torch.tensor([[[0.5, 0, 0], [0, 0.5, 0]]])
    assert left(coffee.crop((150, 100, 450, 300)), coffee, side, half) < limit
    pressed = coffee.copy()
    ImageDraw.Draw(pressed).ellipse((250, 150, 350, 250), "white")
    assert left(pressed, coffee, side) < limit


@pytest.mark.parametrize("side", [level[0] for level in LEVELS[:2]])
def test_other_pictures_and_other_places_leave_much(coffee: Image.Image, side: int) -> None:
    limit = LEVELS[0][4]
    cat = Image.fromarray(skimage.data.chelsea())
    assert left(cat, coffee, side) > limit
    assert left(coffee.transpose(Image.Transpose.ROTATE_180), coffee, side) > limit
    # Hardly anything of the one lies in the other.
    aside = torch.tensor([[[1.0, 0, 1.9], [0, 1.0, 0]]])
    assert left(coffee, coffee, side, aside) == 1


def test_places_are_judged_one_by_one(coffee: Image.Image) -> None:
    cat = Image.fromarray(skimage.data.chelsea())
    part, whole = squares([coffee, cat, coffee], 64), squares([coffee] * 3, 64)
    maps = PLAIN.repeat(3, 1, 1)
    together = strangeness(part, whole, maps)
    alone = [strangeness(part[n : n + 1], whole[n : n + 1], maps[n : n + 1]) for n in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
