"""What small copies say of pairs, and what a closer look at doubtful ones adds."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aecodec.hashing.copies import small_copy
from aecodec.hashing.verify.again import fit_somewhere
from aecodec.hashing.verify.guess import likeness
from tests.pictures import photograph

PIECE = (180, 60, 540, 300)  # 60 % of each side of 600 by 400


def gravel(seed: int) -> Image.Image:
    """Fine structure all over, of 600 by 400."""
    stones = np.random.default_rng(seed).uniform(0, 255, (16, 24, 3)).astype(np.uint8)
    return Image.fromarray(stones).resize((600, 400), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("photo", [gravel(1), photograph("coffee").resize((600, 400))])
def test_a_piece_of_fine_structure_fits_where_a_grid_of_guesses_misses(photo: Image.Image) -> None:
    pictures = [photo, photo.crop(PIECE), gravel(2), gravel(2).crop(PIECE)]
    copies = np.stack([small_copy(picture) for picture in pictures])
    sizes = np.array([picture.size for picture in pictures], float)
    pairs = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]])
    assert fit_somewhere(copies, sizes, pairs).tolist() == [True, False, False, False, True]
    assert likeness(copies, sizes, pairs)[-1] < 0.6  # of gravel


def test_no_pairs_fit_nowhere() -> None:
    none = np.empty((0, 2), np.int64)
    assert fit_somewhere(np.empty((0, 32, 32), np.uint8), np.empty((0, 2)), none).shape == (0,)
