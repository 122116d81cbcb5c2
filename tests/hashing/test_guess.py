"""First guesses find where a piece lies, and tell pictures apart before anybody looks closely."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from aecodec.hashing.copies import SIDE, small_copy
from aecodec.hashing.verify.align import outlines
from aecodec.hashing.verify.guess import likeness, window_guesses
from tests.pictures import photograph


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [photograph(name) for name in ("coffee", "astronaut", "rocket")]


def of_pairs(pairs: list[tuple[Image.Image, Image.Image]]) -> np.ndarray:
    images = [image for pair in pairs for image in pair]
    copies = np.stack([small_copy(image) for image in images])
    sizes = np.array([image.size for image in images], float)
    told: list[tuple[int, int]] = []
    positions = np.arange(len(images)).reshape(-1, 2)
    found = likeness(copies, sizes, positions, lambda done, total: told.append((done, total)))
    assert told[-1] == (3 * len(pairs), 3 * len(pairs))
    return found


def test_altered_photos_are_likely_and_others_are_not(photos: list[Image.Image]) -> None:
    photo = photos[0]
    width, height = photo.size
    altered = [
        photo.resize((90, 60)),
        ImageOps.mirror(photo),
        photo.transpose(Image.Transpose.ROTATE_90),
        photo.rotate(15, Image.Resampling.BICUBIC),
        photo.crop((width // 5, height // 5, 4 * width // 5, 4 * height // 5)),
        photo.crop((0, height // 5, width, 4 * height // 5)),
        ImageOps.mirror(photo.crop((0, 0, 3 * width // 4, 3 * height // 4))),
        ImageOps.expand(photo, 60, "white"),
    ]
    assert of_pairs([(photo, other) for other in altered]).min() > 0.5
    assert of_pairs([(other, photo) for other in altered]).min() > 0.5
    unlike = [(a, b) for a in photos for b in photos if a is not b]
    assert of_pairs(unlike).max() < 0.5


def test_the_order_of_pairs_does_not_matter(photos: list[Image.Image]) -> None:
    copies = np.stack([small_copy(p.crop((x, 0, x + 200, 300))) for p in photos for x in (0, 90)])
    sizes = np.tile([200.0, 300.0], (len(copies), 1))
    pairs = np.array([(i, j) for i in range(len(copies)) for j in range(i)])
    order = np.random.default_rng(0).permutation(len(pairs))
    np.testing.assert_allclose(
        likeness(copies, sizes, pairs)[order], likeness(copies, sizes, pairs[order]), atol=1e-5
    )
    assert likeness(copies, sizes, pairs[:0]).shape == (0,)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_piece_is_found_where_it_was(photos: list[Image.Image], mirrored: bool) -> None:
    whole = photos[1]
    left, top, side = 0.25, 0.125, 0.6
    box = [round(whole.width * v) for v in (left, top, left + side, top + side)]
    part = whole.crop((box[0], box[1], box[2], box[3]))
    part = ImageOps.mirror(part) if mirrored else part
    small = [
        outlines(torch.from_numpy(small_copy(p).copy())[None, None].float() / 255)
        for p in (whole, part)
    ]
    assert small[0].shape == (1, 1, SIDE, SIDE)
    maps, scores = window_guesses(*small, [(whole.size, part.size)])
    assert scores.max() > 0.6
    best = maps[0, scores[0].argmax()]
    sign = -1 if mirrored else 1
    expected = [[sign * side, 0, 2 * left + side - 1], [0, side, 2 * top + side - 1]]
    np.testing.assert_allclose(best, expected, atol=0.08)
