"""Pictures that lie on each other, and differ in one place, are not the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from aecodec.hashing.verify import explains
from aecodec.hashing.verify.spots import ONE_PLACE
from aecodec.workflows.search import ImageIndex
from tests.hashing.pictures import with_button
from tests.pictures import photograph, through_jpeg

Alteration = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def coffee() -> Image.Image:
    return photograph("coffee")


def with_thing(picture: Image.Image, x: int, y: int) -> Image.Image:
    """With a thing of 30 pixels, of two colours."""
    shown = picture.copy()
    pen = ImageDraw.Draw(shown)
    pen.ellipse((x, y, x + 30, y + 18), "#2080e0")
    pen.rectangle((x + 8, y + 12, x + 20, y + 30), "#e0e020")
    return shown


def with_plate(picture: Image.Image, text: str) -> Image.Image:
    shown = picture.copy()
    pen = ImageDraw.Draw(shown)
    pen.rectangle((60, 300, 200, 340), "white", "black", 3)
    pen.text((70, 302), text, "black", font_size=28)
    return shown


def sheet(changed: bool = False) -> Image.Image:
    """A table of numbers; one of them another."""
    rng = np.random.default_rng(0)
    image = Image.new("RGB", (800, 560), "white")
    pen = ImageDraw.Draw(image)
    for row in range(20):
        pen.line((0, 28 * row, 800, 28 * row), "#d0d0d0")
        for column in range(10):
            text = f"{rng.integers(0, 100000) / 100:.2f}"
            text = "918.06" if changed and (row, column) == (7, 4) else text
            pen.text((10 + 80 * column, 28 * row + 6), text, "black", font_size=14)
    return image


def test_a_thing_in_a_photo_is_a_difference_however_it_is_turned(coffee: Image.Image) -> None:
    other = with_thing(coffee, 330, 60)
    assert explains(coffee, other).reason == ONE_PLACE
    for copy in (through_jpeg(other, 70), ImageOps.mirror(other), other.rotate(90, expand=True)):
        assert not explains(coffee, copy).same
        assert not explains(copy, coffee).same
        assert explains(copy, through_jpeg(other, 50)).same


def test_another_number_plate_and_another_cell_are_differences(coffee: Image.Image) -> None:
    assert not explains(with_plate(coffee, "AB 1234"), with_plate(coffee, "HX 7089")).same
    assert explains(sheet(), through_jpeg(sheet(), 60)).same
    assert not explains(sheet(), sheet(changed=True)).same
    assert not explains(sheet(), through_jpeg(sheet(changed=True), 80)).same


def test_what_lies_over_a_photo_in_one_colour_is_no_difference(coffee: Image.Image) -> None:
    wide = coffee.crop((0, 80, 600, 330))
    assert explains(wide, with_button(wide, 25)).same
    captioned = coffee.copy()
    pen = ImageDraw.Draw(captioned)
    pen.rectangle((0, 350, 600, 400), "black")
    pen.text((10, 350), "THE TEXT OF A MEME", "white", font_size=35)
    assert explains(coffee, captioned).same


ALTERATIONS: dict[str, Alteration] = {
    "JPEG 10": lambda i: through_jpeg(i, 10),
    "half and back": lambda i: i.resize((i.width // 2, i.height // 2)).resize(i.size),
    "a quarter": lambda i: i.resize((i.width // 4, i.height // 4)),
    "blur": lambda i: i.filter(ImageFilter.GaussianBlur(1)),
    "sharper": lambda i: i.filter(ImageFilter.UnsharpMask(2, 150, 0)),
    "darker": lambda i: i.point([round(255 * (v / 255) ** 1.4) for v in range(256)] * 3),
    "brighter": lambda i: ImageEnhance.Brightness(i).enhance(1.35),
    "grey": lambda i: i.convert("L").convert("RGB"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
@pytest.mark.parametrize("photo", ["coffee", "chelsea", "astronaut"])
def test_what_is_altered_everywhere_stays_the_same(photo: str, name: str) -> None:
    picture = photograph(photo)
    assert explains(picture, ALTERATIONS[name](picture)).same


def test_duplicates_go_to_the_files_for_it(
    index: ImageIndex, tmp_path: Path, coffee: Image.Image
) -> None:
    folder = tmp_path / "things"
    folder.mkdir()
    coffee.save(folder / "a.png")
    with_thing(coffee, 330, 60).save(folder / "b.png")
    coffee.save(folder / "c.jpg", quality=80)
    index.add(folder)
    (group,) = index.duplicates(128).groups
    assert {Path(member.entry.path).name for member in group.members} == {"a.png", "c.jpg"}
