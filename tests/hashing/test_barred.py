"""A picture of any kind is found between the bars of a screenshot, and only that picture."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps

from aecodec.hashing.verify import explains
from aecodec.hashing.verify.barred import fitted, is_between_bars
from aecodec.hashing.verify.verdict import SMALL, squares


@pytest.fixture(scope="module")
def at_night() -> Image.Image:
    """A lit thing before a large dark ground, which no photograph has for `judge`."""
    image = Image.new("RGB", (600, 400), (12, 14, 18))
    image.paste(Image.fromarray(skimage.data.coffee()).resize((240, 200)), (40, 150))
    return image


def page(last: str) -> Image.Image:
    words, rng = ["lorem", "ipsum", "invoice", "total", "street"], np.random.default_rng(3)
    image = Image.new("RGB", (500, 600), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    for line in range(18):
        text = last if line == 9 else " ".join(rng.choice(words, 6))
        pen.text((40, 40 + 28 * line), text, "black", font=font)
    return image


def barred(image: Image.Image) -> Image.Image:
    height = image.height // 12
    shown = ImageOps.expand(image, (0, height, 0, height), (245, 245, 245))
    ImageDraw.Draw(shown).text((height, 4), "12:34", "black", font_size=height * 0.5)
    return shown


def with_button(image: Image.Image) -> Image.Image:
    shown = barred(image)
    x, y, radius = 280, shown.height // 2, 40
    ImageDraw.Draw(shown).ellipse((x - radius, y - radius, x + radius, y + radius), "white")
    return shown


def test_a_thing_on_a_dark_ground_is_found_under_a_button(at_night: Image.Image) -> None:
    for pair in ((at_night, with_button(at_night)), (with_button(at_night), at_night)):
        verdict = explains(*pair)
        assert verdict.same
        assert "covered" in verdict.reason


def test_without_bars_a_button_is_what_differs(at_night: Image.Image) -> None:
    shown = at_night.copy()
    ImageDraw.Draw(shown).ellipse((240, 160, 320, 240), "white")
    assert not explains(at_night, shown).same


def test_other_colours_between_the_bars_are_another_picture(at_night: Image.Image) -> None:
    red, green, blue = with_button(at_night).split()
    assert not explains(at_night, Image.merge("RGB", (blue, red, green))).same


def test_pages_between_bars_are_the_same_by_their_text_only() -> None:
    one, other = page("the sum is 100 and no more than"), page("a word of quite another kind")
    assert explains(one, barred(one)).same
    assert not explains(one, barred(other)).same
    assert not explains(barred(one), barred(other)).same
    struck = barred(one)
    ImageDraw.Draw(struck).rectangle((40, 290, 200, 345), "white")  # as if it never was there
    assert not explains(one, struck).same


def test_the_place_is_found_wherever_the_bars_are(at_night: Image.Image) -> None:
    shown = ImageOps.expand(at_night, (0, 30, 0, 110), (245, 245, 245))
    part, whole = squares([at_night], SMALL), squares([shown], SMALL)
    maps, found = fitted(part, whole, torch.tensor([[at_night.size, shown.size]]).float())
    assert found == [True]
    expected = torch.tensor([[1, 0, 0], [0, 400 / 540, (30 - 110) / 540]])
    torch.testing.assert_close(maps[0], expected, atol=0.01, rtol=0)
    # The other way round there is nothing that has bars.
    swapped = torch.tensor([[shown.size, at_night.size]]).float()
    assert fitted(whole, part, swapped)[1] == [False]


def test_a_crop_does_not_lie_between_bars() -> None:
    photo = squares([Image.fromarray(skimage.data.coffee())], SMALL)[0]
    middle = torch.tensor([[1.0, 0, 0], [0, 0.8, 0]])
    assert not is_between_bars(photo, middle)
    photo[:, :13], photo[:, -13:] = 0.9, 0.1
    assert is_between_bars(photo, middle)
