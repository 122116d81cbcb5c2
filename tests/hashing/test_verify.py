"""Pictures that are the same are explained, pictures that are not are told apart."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps

from aecodec.hashing.checking import compare_previews
from aecodec.hashing.picture import preview_of
from aecodec.hashing.verify import align, explain_pairs, explains
from aecodec.hashing.verify.align import squares
from aecodec.hashing.verify.judge import are_photographic, examine
from aecodec.hashing.verify.verdict import SMALL
from tests.hashing.pictures import page, with_button
from tests.pictures import photograph, through_jpeg

Alteration = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def coffee() -> Image.Image:
    return photograph("coffee")


def thumbnail(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(preview_of(image).thumbnail())).convert("RGB")


ALTERATIONS: dict[str, tuple[Alteration, str]] = {
    "JPEG": (lambda i: through_jpeg(i, 30), "compressed again"),
    "scaled": (lambda i: i.resize((150, 100)), "scaled 1/4"),
    "cropped": (lambda i: i.crop((90, 60, 510, 340)), "cropped to 70%"),
    "mirrored": (ImageOps.mirror, "mirrored"),
    "turned": (lambda i: i.transpose(Image.Transpose.ROTATE_90), "turned"),
    "rotated": (lambda i: i.rotate(10, Image.Resampling.BICUBIC), "rotated 10 degrees"),
    "grey": (lambda i: i.convert("L").convert("RGB"), "grey"),
    "framed": (lambda i: ImageOps.expand(i, 50, "white"), "in a frame or with bars"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_altered_photo_is_explained_and_how_is_said(coffee: Image.Image, name: str) -> None:
    alter, reason = ALTERATIONS[name]
    other = alter(coffee)
    sizes = [(coffee.size, other.size)]
    (small,) = explain_pairs([(thumbnail(coffee), thumbnail(other))], sizes=sizes)
    for verdict in (explains(coffee, other), small):
        assert verdict.same
        assert reason in verdict.reason


def test_colours_that_came_in_are_not_called_grey(coffee: Image.Image) -> None:
    grey = coffee.convert("L").convert("RGB")
    tinted = Image.merge("RGB", [grey.split()[0].point(lambda x: 1.15 * x), *grey.split()[1:]])
    assert (explains(grey, tinted).same, explains(grey, tinted).reason) == (True, "colours changed")
    assert explains(tinted, grey).reason == "grey"


def test_what_is_around_a_picture_is_a_frame_only_where_it_is_set_off(coffee: Image.Image) -> None:
    framed = ImageOps.expand(coffee, 50, "white")
    tilted = coffee.rotate(5, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    for whole in (framed, tilted):
        assert "without its frame or bars" in explains(whole, coffee).reason
        assert "in a frame or with bars" in explains(coffee, whole).reason
    piece = coffee.crop((90, 60, 510, 340))
    assert explains(coffee, piece).reason == "cropped to 70%"
    assert explains(piece, coffee).reason == "with more around it"


def test_looking_quickly_finds_what_altered_photos_mostly_are(coffee: Image.Image) -> None:
    others = [alter(coffee) for alter, _ in ALTERATIONS.values()]
    pairs = [(thumbnail(coffee), thumbnail(other)) for other in others]
    sizes = [(coffee.size, other.size) for other in others]
    found = explain_pairs(pairs, sizes=sizes, quick=True)
    assert [verdict.same for verdict in found] == [True] * len(others)
    other = thumbnail(photograph("rocket"))
    assert not explain_pairs([(pairs[0][0], other)], quick=True)[0].same


def test_different_photos_and_neighbouring_views_differ(coffee: Image.Image) -> None:
    rocket = photograph("rocket")
    left, right = coffee.crop((0, 0, 450, 400)), coffee.crop((150, 0, 600, 400))
    pairs = [(coffee, rocket), (left, right)]
    assert [explains(*pair).same for pair in pairs] == [False, False]
    assert not any(v.same for v in explain_pairs([(thumbnail(a), thumbnail(b)) for a, b in pairs]))


def test_pages_are_the_same_by_their_text_only() -> None:
    first, copy = page(0), page(0).resize((450, 600), Image.Resampling.LANCZOS)
    assert explains(first, through_jpeg(copy, 30)).same
    assert not explains(first, page(1)).same
    assert not explains(
        page(0, "total number 1 of the order"), page(0, "name of the street 9")
    ).same
    # A thumbnail does not tell, and says so.
    (verdict,) = explain_pairs([(thumbnail(first), thumbnail(copy))])
    assert not verdict.sure


def test_noise_is_not_other_noise() -> None:
    rng = np.random.default_rng(0)
    a, b = (Image.fromarray(rng.integers(0, 256, (160, 160, 3), dtype=np.uint8)) for _ in range(2))
    assert explains(a, a).reason == "same pixels"
    assert not explains(a, b).same


def test_single_colours_are_the_same_only_where_equal() -> None:
    red, dark = Image.new("RGB", (64, 64), "#f00000"), Image.new("RGB", (64, 64), "#ef0000")
    assert explains(red, red.copy()).same
    assert not explains(red, dark).same
    assert not explains(red, Image.new("RGB", (65, 64), "#f00000")).same
    assert not explains(red, page(0)).same
    (verdict,) = explain_pairs([(thumbnail(red), thumbnail(dark))])
    assert not verdict.sure


def test_gradients_are_no_copies_of_other_gradients() -> None:
    ramp = np.linspace(0, 255, 200).astype(np.uint8)
    a = Image.fromarray(np.stack([np.tile(ramp, (200, 1))] * 3, 2))
    b = Image.fromarray(np.stack([np.tile(ramp // 2 + 60, (200, 1))] * 3, 2))
    assert not explains(a, b).same
    assert explains(a, a.resize((100, 100))).same


def test_plain_pictures_too_large_to_be_seen_whole_are_compared_as_they_are() -> None:
    white, larger = (preview_of(Image.new("RGB", (n, n), "white"), 256) for n in (512, 768))
    assert compare_previews(white, white, lambda: True) == (True, "same pixels")
    assert not compare_previews(white, white, lambda: False)[0]
    assert not compare_previews(white, larger, lambda: False)[0]


def test_tiny_pictures_are_the_same_only_where_equal() -> None:
    icon = Image.new("RGB", (16, 16), "white")
    ImageDraw.Draw(icon).ellipse((3, 3, 12, 12), "#2040a0")
    other = icon.copy()
    other.putpixel((7, 7), (255, 255, 255))
    assert explains(icon, icon.copy()).same
    assert not explains(icon, other).same
    assert not explains(icon, icon.resize((32, 32))).same
    (verdict,) = explain_pairs([(thumbnail(icon), thumbnail(icon))])
    assert not verdict.sure


def test_a_shape_in_another_colour_is_another_picture() -> None:
    def logo(colour: str) -> Image.Image:
        image = Image.new("RGB", (200, 200), "white")
        ImageDraw.Draw(image).polygon([(30, 20), (180, 70), (120, 180), (50, 150)], colour)
        return image

    red = logo("#d02020")
    assert not explains(red, logo("#2040d0")).same
    assert explains(red, logo("#d02020").resize((100, 100))).same
    assert explains(red, through_jpeg(red, 80)).same


def test_a_dark_photo_that_was_brightened_is_the_same_but_a_dark_drawing_is_not(
    coffee: Image.Image,
) -> None:
    grain = np.random.default_rng(0).normal(25, 9, (400, 600, 1)).clip(0, 255).astype(np.uint8)
    night = Image.fromarray(grain.repeat(3, 2)).resize((600, 400))
    night = night.resize((150, 100)).resize((600, 400), Image.Resampling.BICUBIC)
    night.paste(coffee.resize((240, 200)), (180, 100))
    brighter = night.point([round(255 * (v / 255) ** 0.5) for v in range(256)] * 3)
    assert explains(night, brighter).same
    sign = Image.new("RGB", (600, 400), (25, 25, 25))
    ImageDraw.Draw(sign).polygon([(100, 60), (500, 120), (300, 350)], "#b02020")
    other = Image.new("RGB", (600, 400), (80, 80, 80))
    ImageDraw.Draw(other).polygon([(100, 60), (500, 120), (300, 350)], "#f0a0a0")
    assert not explains(sign, other).same


def test_a_button_over_a_photo_does_not_bend_its_colours(coffee: Image.Image) -> None:
    wide = coffee.crop((0, 80, 600, 330))
    pressed = with_button(wide, 25)
    part, whole = squares([wide], SMALL), squares([pressed], SMALL)
    (findings,) = examine(part, whole, torch.eye(2, 3)[None])
    assert findings.recoloured < 0.1
    np.testing.assert_allclose(findings.gains, 1, atol=0.05)
    assert findings.hidden > 0.01  # the button is seen to lie over it
    assert findings.explained > 0.95
    (verdict,) = explain_pairs([(thumbnail(wide), thumbnail(pressed))])
    assert verdict.same
    assert "partly covered" in verdict.reason


@pytest.mark.parametrize("degrees", [5, -14])
def test_a_smooth_photo_is_found_when_it_was_rotated(coffee: Image.Image, degrees: float) -> None:
    # Clouds over a field: nothing but what is faint holds a map in the upper half.
    clouds = np.asarray(coffee.resize((30, 20)).resize((600, 400), Image.Resampling.BICUBIC))
    sky = Image.fromarray((200 + 0.2 * clouds.astype(np.float32)).astype(np.uint8))
    sky.paste(coffee.crop((200, 100, 500, 250)).resize((600, 110)), (0, 290))
    rotated = sky.rotate(degrees, Image.Resampling.BICUBIC)
    verdicts = explain_pairs([(sky, rotated), (rotated, sky)])
    assert [verdict.same for verdict in verdicts] == [True, True]
    assert f"rotated {abs(degrees)} degrees" in verdicts[0].reason


def test_maps_that_may_not_stretch_are_refined_to_the_rotation(coffee: Image.Image) -> None:
    angle, wide = np.radians(6), 1.5
    c, s = np.cos(angle), np.sin(angle)
    true = torch.tensor([[[c, -s / wide, 0.03], [s * wide, c, -0.02]]], dtype=torch.float32)
    whole = align.grey(squares([coffee], 64))
    part = align.warp(whole, true)
    start = true + torch.tensor([[[0.03, 0.0, 0.02], [0.0, -0.03, 0.02]]])
    sizes = torch.tensor([[600.0, 400.0]])
    moved, stretch = align.similar(start, sizes, sizes)
    assert stretch.item() == pytest.approx(1.06, abs=0.01)
    np.testing.assert_allclose(align.similar(moved, sizes, sizes)[1], 1, atol=1e-5)
    found = align.refine(part, whole, moved, 8, torch.tensor([wide]))
    np.testing.assert_allclose(align.similar(found, sizes, sizes)[1], 1, atol=1e-3)
    np.testing.assert_allclose(found, true, atol=0.01)


def test_pairs_are_judged_one_by_one_however_many_there_are(coffee: Image.Image) -> None:
    others = [through_jpeg(coffee, 30), coffee.rotate(10), page(0), ImageOps.mirror(coffee)]
    part, whole = squares(others, SMALL), squares([coffee] * len(others), SMALL)
    maps = torch.eye(2, 3).expand(len(others), 2, 3)
    together = examine(part, whole, maps)
    for n, findings in enumerate(together):
        (alone,) = examine(part[n : n + 1], whole[n : n + 1], maps[n : n + 1])
        for name, value in vars(findings).items():
            np.testing.assert_allclose(getattr(alone, name), value, atol=1e-4, err_msg=name)
    assert together[0].explained > 0.9 > together[3].explained
    assert are_photographic(part) == [True, True, False, True]
