"""Drawn cells in fewer colours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

import aecodec
from aecodec.codec.describe import describe
from aecodec.codec.exact import pack_exact, unpack_exact
from aecodec.codec.few_colours import pack_cheapest
from aecodec.images.cells import CELL, cell_grid
from aecodec.training.drawn import draw
from tests.pictures import photograph, shaded_drawing

SIZE = (320, 224)


def all_cells() -> np.ndarray:
    return np.ones(cell_grid(*SIZE), dtype=np.bool_)


@pytest.mark.parametrize(("quality", "most_off"), [(20, 48), (50, 32), (90, 12)])
def test_it_is_smaller_and_no_colour_is_far_off(quality: int, most_off: int) -> None:
    image, cells = shaded_drawing(), all_cells()
    exact = pack_exact(0, image, cells)
    packed = pack_cheapest(0, image, cells, quality, math.inf)
    assert packed.reduced
    assert len(packed.payload) < 0.8 * len(exact)
    assert 8 * len(packed.payload) <= packed.cost < 8 * len(exact)
    back = unpack_exact(packed.payload, "RGB", [SIZE]).pixels
    off = np.abs(np.asarray(back, dtype=int) - np.asarray(image, dtype=int))
    assert 0 < off.max() <= most_off
    assert len(back.getcolors(1 << 16)) <= 256


def test_the_better_the_quality_the_nearer_the_colours() -> None:
    image, cells = shaded_drawing(), all_cells()
    errors = []
    for quality in (10, 50, 90, 100):
        packed = pack_cheapest(0, image, cells, quality, math.inf)
        back = unpack_exact(packed.payload, "RGB", [SIZE]).pixels
        difference = np.asarray(back, dtype=float) - np.asarray(image, dtype=float)
        errors.append(np.square(difference).mean())
    assert errors == sorted(errors, reverse=True)


def test_few_colours_and_photographs_and_16_bits_stay_exact() -> None:
    cells = all_cells()
    flag = draw(5, "flag", SIZE).quantize(12).convert("RGB")
    photo = photograph("coffee").resize(SIZE)
    levels = Image.fromarray(np.asarray(shaded_drawing().convert("L"), dtype=np.uint16) * 257)
    for image, quality in ((flag, 20), (photo, 90), (levels, 20)):
        packed = pack_cheapest(0, image, cells, quality, math.inf)
        assert not packed.reduced
        assert packed.payload == pack_exact(0, image, cells)
        assert packed.cost == 8 * len(packed.payload)


def test_grey_stays_grey_and_other_cells_do_not_count() -> None:
    image = shaded_drawing().convert("L")
    cells = all_cells()
    cells[:, ::2] = False
    packed = pack_cheapest(0, image, cells, 50, math.inf)
    part = unpack_exact(packed.payload, "L", [SIZE])
    assert part.pixels.mode == "L"
    np.testing.assert_array_equal(part.cells, cells)
    assert np.asarray(part.pixels)[:, :CELL].max() == 0


def test_a_file_says_that_its_colours_are_fewer() -> None:
    image = shaded_drawing()
    about = describe(aecodec.compress(image, 50))
    assert not about["lossless"]
    assert [(tile["exact"], tile["few_colours"]) for tile in about["tiles"]] == [(0.0, 1.0)]
    whole = aecodec.compress(image, lossless=True)
    assert describe(whole)["lossless"]
    assert aecodec.decompress(whole).tobytes() == image.tobytes()
