from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aecodec.hashing.copies import copy_of
from aecodec.hashing.picture import preview_of
from aecodec.hashing.query import SHORTLIST, distances, query_views, rerank
from tests.pictures import photograph


def codes_of(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8), dtype=np.uint8)


@given(bits=st.lists(st.booleans(), min_size=64, max_size=64), size=st.floats(1e-3, 1e3))
def test_bits_that_are_equally_sure_count_as_in_a_hamming_distance(
    bits: list[bool], size: float
) -> None:
    numbers = np.where(bits, size, -size).astype(np.float32)[None]
    codes = codes_of(20)
    hamming, weighted = distances(numbers, codes)
    assert hamming.tolist() == (np.unpackbits(codes, axis=1) != bits).sum(1).tolist()
    assert weighted == pytest.approx(hamming, rel=1e-4)


@given(seed=st.integers(0, 1000))
def test_the_nearest_view_counts(seed: int) -> None:
    numbers = np.random.default_rng(seed).normal(size=(3, 64)).astype(np.float32)
    codes = np.concatenate([np.packbits(numbers >= 0, axis=1), codes_of(5, seed)])
    alone = [distances(view[None], codes) for view in numbers]
    hamming, weighted = distances(numbers, codes)
    assert hamming[:3].tolist() == [0, 0, 0]
    for which, together in enumerate((hamming, weighted)):
        assert together.tolist() == np.min([part[which] for part in alone], axis=0).tolist()
    assert weighted.max() <= 64


def test_a_bit_that_is_unsure_counts_little() -> None:
    numbers = np.ones((1, 64), np.float32)
    numbers[0, 5] = 0.01
    bits = np.ones((2, 64), bool)
    bits[0, 5] = bits[1, 6] = False
    hamming, weighted = distances(numbers, np.packbits(bits, axis=1))
    assert hamming.tolist() == [1, 1]
    assert weighted[0] < 0.02 < 1 <= weighted[1]


def test_views_of_a_query(cat: Image.Image) -> None:
    small = preview_of(cat)
    plain, some, much, inside = (view.astype(int) for view in query_views(small, 60))
    assert np.array_equal(plain, small.to_square(60))
    # In the grown ones the picture is in the middle, and what surrounds it is its mirror image.
    for view, share in ((some, 1 / 6), (much, 1 / 3)):
        edge = 60 * share / (1 + 2 * share)
        first, last = round(edge), round(60 - edge)
        shrunk = np.asarray(small.image.resize((last - first,) * 2, Image.Resampling.BOX))
        assert np.abs(view[first:last, first:last] - shrunk).mean() < 6
        assert np.abs(view[:, first - 1] - view[:, first]).mean() < 12
    width, height = small.image.size
    middle = small.image.crop((width // 10, height // 10, width * 9 // 10, height * 9 // 10))
    expected = np.asarray(middle.resize((60, 60), Image.Resampling.BOX))
    assert np.abs(inside - expected).mean() < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 3)])
def test_even_the_smallest_picture_has_views(size: tuple[int, int]) -> None:
    views = query_views(preview_of(Image.new("RGB", size, "red")), 16)
    assert {view.shape for view in views} == {(16, 16, 3)}
    assert all((view == (255, 0, 0)).all() for view in views)


def test_what_a_query_fits_into_is_nearer(cat: Image.Image) -> None:
    small = preview_of(cat)
    width, height = small.image.size
    piece = small.image.crop((width // 2, height // 2, width, height))
    coffee = preview_of(photograph("coffee"))
    copies = {n: copy_of(one.thumbnail()) for n, one in enumerate((small, coffee))}
    distance, widths = np.array([8, 8, 8], np.float32), np.array([width / height, 1.5, 1])
    whole, other, unknown = rerank(distance, preview_of(piece), widths, lambda rows: copies)
    assert whole < 8 * 0.15
    assert other == unknown == pytest.approx(8 * 0.35)


def test_copies_are_looked_at_of_the_nearest_only(cat: Image.Image) -> None:
    small = preview_of(cat)
    distance = np.arange(2 * SHORTLIST, dtype=np.float32)[::-1] + 1
    copy, seen = copy_of(small.thumbnail()), list[int]()

    def copies_of(rows: Sequence[int]) -> dict[int, bytes]:
        seen.extend(rows)
        return dict.fromkeys(rows, copy)

    widths = np.full(len(distance), small.width / small.height)
    nearer = rerank(distance, small, widths, copies_of)
    assert sorted(seen) == list(range(SHORTLIST, 2 * SHORTLIST))
    assert nearer[:SHORTLIST] == pytest.approx(0.35 * distance[:SHORTLIST])
    assert (nearer[SHORTLIST:] < 0.1 * distance[SHORTLIST:]).all()
