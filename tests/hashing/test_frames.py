"""What lies within frames and bars is found, and compared by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps

from aecodec.hashing.verify import explain_pairs, explains
from aecodec.hashing.verify.frames import contents, has_frame, strip, unstripped
from tests.hashing.pictures import barred, with_button
from tests.pictures import photograph


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return photograph("coffee")  # 600 by 400


def test_contents_are_within_frames_and_bars(photo: Image.Image) -> None:
    framed = ImageOps.expand(photo, (60, 20, 30, 40), "white")
    shown = (photo, framed, barred(photo, 50, "black"))
    squares = [image.resize((64, 64), Image.Resampling.BOX) for image in shown]
    pixels = torch.from_numpy(np.stack([np.asarray(square) for square in squares]))
    boxes = contents(pixels.permute(0, 3, 1, 2) / 255)
    expected = np.array([[-1, -1, 1, 1], [-0.826, -0.913, 0.913, 0.826], [-1, -0.8, 1, 0.8]])
    np.testing.assert_allclose(boxes, expected, atol=4 / 64)
    assert [has_frame(tuple(box)) for box in boxes.tolist()] == [False, True, True]
    inner = strip(framed, (-0.826, -0.913, 0.913, 0.826))
    np.testing.assert_allclose(inner.size, photo.size, atol=1)


def test_maps_of_contents_are_maps_of_pictures() -> None:
    part, whole = (-0.5, -0.25, 0.75, 1.0), (-1.0, -0.5, 0.5, 0.5)
    maps = unstripped(torch.eye(2, 3), part, whole)  # corners of the one onto those of the other
    for x, y in ((0, 1), (2, 3)):
        corner = maps[:, :2] @ torch.tensor([part[x], part[y]]) + maps[:, 2]
        np.testing.assert_allclose(corner, [whole[x], whole[y]], atol=1e-6)


def test_photos_in_frames_and_screenshots_are_found(photo: Image.Image) -> None:
    screenshot = with_button(barred(photo, 50, "black"), 40)
    for other in (ImageOps.expand(photo, 60, "white"), screenshot):
        verdicts = explain_pairs([(photo, other), (other, photo)])
        assert [verdict.same for verdict in verdicts] == [True, True]
    assert "frame or with bars" in verdicts[0].reason


def test_a_photo_with_a_plain_sky_is_found_in_a_frame(photo: Image.Image) -> None:
    # Its sky looks like a bar, and without it neither picture lies within the other.
    under_the_sky = photo.copy()
    under_the_sky.paste((30, 40, 60), (0, 0, 600, 60))
    framed = ImageOps.expand(under_the_sky, 60, "white")
    verdicts = explain_pairs([(under_the_sky, framed), (framed, under_the_sky)])
    assert [verdict.same for verdict in verdicts] == [True, True]


def test_a_thing_on_a_ground_is_found_in_a_frame() -> None:
    stars = photograph("hubble_deep_field").resize((600, 523))
    framed = ImageOps.expand(stars, (60, 52), "white")
    assert explains(stars, framed).reason == "in a frame or with bars"
    assert explains(framed, stars).reason == "without its frame or bars"


def test_a_page_with_margins_is_not_another_page_without() -> None:
    pages = []
    for words in ("invoice total", "letter of may"):
        page = Image.new("RGB", (600, 800), "white")
        pen, font = ImageDraw.Draw(page), ImageFont.load_default(20)
        for line in range(25):
            pen.text((10, 10 + 31 * line), f"{words} {line * 37} " * 3, "black", font)
        pages.append(page)
    framed = ImageOps.expand(pages[1], 60, "white")
    assert not explains(pages[0], framed).same
    assert not explains(framed, pages[0]).same
