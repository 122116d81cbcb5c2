from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data
from skimage.feature import match_template

from aecodec.hashing.copies import small_copy, stacked
from aecodec.hashing.parts import _correlation, _transform, template_match
from tests.pictures import photograph


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    names = ("astronaut", "coffee", "chelsea", "rocket")
    return [photograph(name).resize((120, 90)) for name in names]


def fits(query: Image.Image, pictures: list[Image.Image]) -> np.ndarray:
    """`template_match` of pictures."""
    copies = stacked(small_copy(picture).tobytes() for picture in pictures)
    widths = np.array([picture.width / picture.height for picture in pictures])
    return template_match(small_copy(query), query.width / query.height, copies, widths)


@given(
    size=st.tuples(st.integers(2, 32), st.integers(2, 32)),
    place=st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_it_is_the_normalised_cross_correlation(
    size: tuple[int, int], place: tuple[int, int]
) -> None:
    picture = data.camera()[100:420:10, 100:420:10].astype(np.float32) / 255
    top, left = min(place[0], 32 - size[0]), min(place[1], 32 - size[1])
    template = picture[top : top + size[0], left : left + size[1]] ** 1.5
    assume(template.std() > 0.01)
    expected = match_template(picture.astype(np.float64), template.astype(np.float64))
    found = _correlation(_transform(picture[None]), template)
    deviations = np.lib.stride_tricks.sliding_window_view(picture, size).std(axis=(2, 3))
    expected *= deviations / np.maximum(deviations, 0.01)  # flat parts count for little
    assert found.item() == pytest.approx(expected.max(), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    which=st.integers(0, 3),
    side=st.floats(0.45, 1),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_piece_fits_best_into_its_own_picture(
    pictures: list[Image.Image], which: int, side: float, place: tuple[float, float]
) -> None:
    picture = pictures[which]
    width, height = round(side * picture.width), round(side * picture.height)
    left, top = (round(p * n) for p, n in zip(place, (120 - width, 90 - height), strict=True))
    piece = picture.crop((left, top, left + width, top + height)).resize((200, 150))
    fit = fits(piece, pictures)
    assert fit.shape == (4,)
    assert fit.dtype == np.float32
    assert fit.argmax() == which
    assert fit.max() <= 1.001


def test_proportions_are_kept(pictures: list[Image.Image]) -> None:
    tall = pictures[0].crop((40, 0, 85, 90))  # half as wide as high
    squashed = tall.resize((90, 90))
    fit, unfit = (fits(image, pictures[:1])[0] for image in (tall, squashed))
    assert fit > 0.9 > unfit


@pytest.mark.parametrize("how", [*Image.Transpose, None])
def test_a_whole_may_be_turned_flipped_and_squashed(
    pictures: list[Image.Image], how: Image.Transpose | None
) -> None:
    altered = pictures[1] if how is None else pictures[1].transpose(how)
    fit = fits(altered.resize((100, 40)), pictures)
    assert fit[1] > 0.97
    assert fit[[0, 2, 3]].max() < 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_flat_and_tiny_pictures_are_unlike_all(
    pictures: list[Image.Image], size: tuple[int, int]
) -> None:
    flat = Image.new("RGB", size, "grey")
    for fit in (fits(flat, pictures), fits(pictures[0], [flat])):
        assert np.isfinite(fit).all()
        assert np.abs(fit).max() < 0.1


def test_no_pictures(pictures: list[Image.Image]) -> None:
    assert fits(pictures[0], []).shape == (0,)
