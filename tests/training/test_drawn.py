from __future__ import annotations

import sys
from hashlib import sha256

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aecodec.training.drawn import KINDS, LARGEST, SMALLEST, draw, draw_over
from tests.processes import run_python


def pixels_of(image: Image.Image) -> NDArray[np.int32]:
    return np.asarray(image, np.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_pixels_and_another_gives_others(kind: str) -> None:
    size = (160, 120)
    assert draw(7, kind, size).tobytes() == draw(7, kind, size).tobytes()
    drawn = {draw(seed, kind, size).tobytes() for seed in range(6)}
    assert len(drawn) == 6


def test_another_process_draws_the_same_pixels() -> None:
    script = (
        "from hashlib import sha256; from aecodec.training.drawn import KINDS, draw;"
        "print(*(sha256(draw(5, kind, (160, 120)).tobytes()).hexdigest() for kind in KINDS))"
    )
    environment = {"PYTHONHASHSEED": "1", "PYTHONPATH": ":".join(sys.path)}
    other = run_python(script, env=environment, check=True).stdout.split()
    drawn = [draw(5, kind, (160, 120)).tobytes() for kind in KINDS]
    assert other == [sha256(pixels).hexdigest() for pixels in drawn]
    assert len(set(other)) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(16, 16), (64, 65), (97, 331), (901, 64)])
def test_every_kind_is_drawn_at_any_size(kind: str, size: tuple[int, int]) -> None:
    for seed in range(4):
        image = draw(seed, kind, size)
        assert image.size == size
        assert image.mode == "RGB"


def test_sizes_and_kinds_are_drawn_from_the_seed() -> None:
    images = [draw(seed) for seed in range(40)]
    sides = [side for image in images for side in image.size]
    assert SMALLEST <= min(sides) < 100 < 600 < max(sides) <= LARGEST


def test_a_kind_or_a_size_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="flag"):
        draw(0, "photograph")
    with pytest.raises(ValueError, match="16 pixels"):
        draw(0, "flag", (200, 8))


def test_fully_saturated_colours_cover_much_of_flags_and_shapes() -> None:
    shares = []
    for seed in range(30):
        for kind in ("flag", "shapes", "colour_bars"):
            pixels = pixels_of(draw(seed, kind, (96, 96)))
            pure = np.isin(pixels, (0, 255)).all(2) & (np.ptp(pixels, axis=2) == 255)
            shares.append(pure.mean())
    assert np.mean(shares) > 0.15
    assert max(shares) > 0.9


def test_dithering_of_one_bit_has_two_colours_and_keeps_the_mean() -> None:
    colours = [
        len(draw(seed, "dithering", (128, 128)).getcolors(1 << 16) or ()) for seed in range(20)
    ]
    assert colours.count(2) >= 3
    assert max(colours) <= 125  # five levels of three channels


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "plain"])
def test_hardly_a_picture_is_empty(kind: str) -> None:
    flat = sum(len(draw(s, kind, (200, 160)).getcolors(1 << 20) or ()) == 1 for s in range(20))
    assert flat <= 2


def test_text_is_antialiased_or_bilevel() -> None:
    few = [
        len(draw(seed, "terminal", (300, 200)).getcolors(1 << 20) or ()) < 10 for seed in range(30)
    ]
    assert 2 <= sum(few) <= 20


def test_photos_stay_what_they_are_under_what_is_drawn(cat: Image.Image) -> None:
    before = pixels_of(cat)
    kept = []
    for seed in range(40):
        image = draw_over(cat, seed)
        assert image.size == cat.size
        assert image.tobytes() == draw_over(cat, seed).tobytes()
        after = pixels_of(image)
        assert (after != before).any()
        a, b = (x.mean(2) - x.mean() for x in (before, after))
        close = np.corrcoef(a.ravel(), b.ravel())[0, 1]  # a watermark changes most pixels a little
        kept.append(max(close, (after == before).all(2).mean()))
    assert min(kept) > 0.3
    assert np.mean(kept) > 0.7
    assert (pixels_of(cat) == before).all()
    assert draw_over(cat.convert("L"), 3).mode == "RGB"
    assert draw_over(cat.resize((64, 64)), 3).size == (64, 64)
