"""Quick ways to filter pictures give what the plain ones give."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d

from aecodec.hashing.verify.align import squares
from aecodec.hashing.verify.bands import bands, filtered
from aecodec.hashing.verify.places import reduced
from aecodec.hashing.verify.windows import STRIDE, WINDOW, around, means
from tests.pictures import photograph


@pytest.fixture(params=[64, 128, 192])
def pictures(request: pytest.FixtureRequest) -> torch.Tensor:
    return squares([photograph("coffee"), photograph("rocket")], request.param)


def test_a_matrix_in_bands_filters_as_a_whole_one(pictures: torch.Tensor) -> None:
    side = pictures.shape[-1]
    apart = torch.arange(side)[:, None] - torch.arange(side)
    kernel = torch.rand(side, side) * (apart.abs() < 9)
    for some in (kernel, kernel[::2], kernel[::3]):
        expected = some @ pictures @ some.T
        torch.testing.assert_close(filtered(pictures, bands(some)), expected)


def test_means_are_those_of_pooling(pictures: torch.Tensor) -> None:
    torch.testing.assert_close(means(pictures), avg_pool2d(pictures, WINDOW, STRIDE))
    torch.testing.assert_close(
        reduced(pictures, 32), avg_pool2d(pictures, pictures.shape[-1] // 32)
    )
    for reach in (1, 2):
        expected = avg_pool2d(pictures, 2 * reach + 1, 1, padding=reach)
        torch.testing.assert_close(around(pictures, reach), expected)


def test_a_picture_that_several_pairs_have_is_made_small_once() -> None:
    coffee, rocket = photograph("coffee"), photograph("rocket")
    several = squares([coffee, rocket, coffee, coffee], 32)
    one_by_one = torch.cat([squares([image], 32) for image in (coffee, rocket, coffee, coffee)])
    assert several.equal(one_by_one)
