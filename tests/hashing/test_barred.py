"""A picture of any kind is found between the bars of a screenshot, and only that picture."""

from __future__ import annotations

import pytest
import torch
from PIL import Image, ImageDraw, ImageOps

from aecodec.hashing.verify import explains
from aecodec.hashing.verify.align import squares
from aecodec.hashing.verify.barred import fitted, is_between_bars
from aecodec.hashing.verify.verdict import SMALL
from tests.hashing.pictures import barred, page, with_button
from tests.pictures import photograph


@pytest.fixture(scope="module")
def at_night() -> Image.Image:
    """A lit thing before a large dark ground, which no photograph has for `judge`."""
    image = Image.new("RGB", (600, 400), (12, 14, 18))
    image.paste(photograph("coffee").resize((240, 200)), (40, 150))
    return image


@pytest.fixture(scope="module")
def screenshot(at_night: Image.Image) -> Image.Image:
    return with_button(barred(at_night, 33), 40)


def test_a_thing_on_a_dark_ground_is_found_under_a_button(
    at_night: Image.Image, screenshot: Image.Image
) -> None:
    for pair in ((at_night, screenshot), (screenshot, at_night)):
        verdict = explains(*pair)
        assert verdict.same
        assert "covered" in verdict.reason


def test_without_bars_a_button_is_what_differs(at_night: Image.Image) -> None:
    assert not explains(at_night, with_button(at_night, 40)).same


def test_other_colours_between_the_bars_are_another_picture(
    at_night: Image.Image, screenshot: Image.Image
) -> None:
    red, green, blue = screenshot.split()
    assert not explains(at_night, Image.merge("RGB", (blue, red, green))).same


def test_pages_between_bars_are_the_same_by_their_text_only() -> None:
    one = page(3, "the sum is 100 and no more than")
    shown, other = (barred(p, 66) for p in (one, page(3, "a word of quite another kind")))
    assert explains(one, shown).same
    assert not explains(one, other).same
    assert not explains(shown, other).same
    struck = shown.copy()
    ImageDraw.Draw(struck).rectangle((40, 390, 200, 445), "white")  # as if it never was there
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
    photo = squares([photograph("coffee")], SMALL)[0]
    middle = torch.tensor([[1.0, 0, 0], [0, 0.8, 0]])
    assert not is_between_bars(photo, middle)
    photo[:, :13], photo[:, -13:] = 0.9, 0.1
    assert is_between_bars(photo, middle)
