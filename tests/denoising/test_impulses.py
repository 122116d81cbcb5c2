from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Generator, Tensor

from aecodec.denoising.config import REACH
from aecodec.denoising.impulses import fill, missing_values, recognise
from aecodec.nn import noise


def seeded() -> Generator:
    return Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("corrupt", "kind"),
    [
        (lambda x: x, "gaussian"),
        (lambda x: noise.gaussian(x, 50, seeded()), "gaussian"),
        (lambda x: noise.to_8_bit(noise.gaussian(x, 10, seeded())), "gaussian"),
        (lambda x: noise.to_8_bit(noise.gaussian(x, 60, seeded())), "gaussian"),
        (lambda x: noise.salt_and_pepper(x, 0.03, seeded()), "salt-and-pepper"),
        (lambda x: noise.salt_and_pepper(x, 0.3, seeded()), "salt-and-pepper"),
        (lambda x: noise.salt_and_pepper(x, 0.3, seeded(), shared_dim=1), "salt-and-pepper"),
        (lambda x: noise.masking(x, 0.1, seeded(), shared_dim=1), "masking"),
        (lambda x: noise.masking(x, 0.7, seeded(), shared_dim=1), "masking"),
    ],
)
def test_kinds_of_noise_are_recognised(
    corrupt: Callable[[Tensor], Tensor], kind: str, floats: Tensor
) -> None:
    assert recognise(corrupt(floats).numpy()) == kind
    assert recognise(corrupt(floats[:, :1]).numpy()) == kind


def test_print_is_no_noise() -> None:
    page = torch.from_numpy(skimage.data.page().copy())[None, None] / 255
    hard = (page > 0.6).float()
    for x in (page, hard, noise.to_8_bit(page * 1.5 - 0.3)):
        assert recognise(x.numpy()) == "gaussian"


@pytest.mark.parametrize("size", [9, 11, 16, 20, 28, 40])
@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (0, 128), (255, 128)])
def test_pages_and_screenshots_are_left_alone(size: int, ink: int, paper: int) -> None:
    text = torch.from_numpy(np.asarray(page(size, ink, paper)).copy())[None, None] / 255
    assert recognise(text.numpy()) == "gaussian"
    small = torch.nn.functional.avg_pool2d(text, 2)
    assert recognise(small.numpy()) == "gaussian"


def test_drawings_are_no_impulses() -> None:
    grid = torch.full((1, 1, 96, 96), 0.5)
    for step in (4, 8, 16):
        lines = grid.clone()
        lines[..., ::step] = 0.0
        assert recognise(lines.numpy()) == "gaussian"
        lines[..., ::step, :] = 0.0
        assert recognise(lines.numpy()) == recognise((1 - lines).numpy()) == "gaussian"
    chessboard = torch.from_numpy(skimage.data.checkerboard().copy())[None, None] / 255
    assert recognise(chessboard.numpy()) == "gaussian"


def page(size: int, ink: int, paper: int) -> Image.Image:
    image = Image.new("L", (320, 240), paper)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for line, y in enumerate(range(0, 240, int(1.3 * size))):
        draw.text(
            (2, y), "The quick brown fox jumps over the lazy dog 01234"[line % 7 :], ink, font
        )
    return image


def test_missing_values_are_those_that_were_replaced(floats: Tensor) -> None:
    middle = floats.clamp(0.1, 0.9)
    noisy = noise.salt_and_pepper(middle, 0.2, seeded())
    missing = missing_values(noisy, "salt-and-pepper")
    assert missing is not None
    assert torch.equal(missing, noisy != middle)
    lost = noise.masking(middle, 0.2, seeded(), shared_dim=1)
    found = missing_values(lost, "masking")
    assert found is not None
    assert torch.equal(found, lost != middle)
    assert missing_values(noisy, "gaussian") is None


def test_a_first_guess_comes_from_the_neighbours(floats: Tensor) -> None:
    middle = floats.clamp(0.1, 0.9)
    noisy = noise.masking(middle, 0.5, seeded(), shared_dim=1)
    missing = missing_values(noisy, "masking")
    assert missing is not None
    filled = fill(noisy, missing)
    assert torch.equal(filled[~missing], middle[~missing])
    error = (filled - middle)[missing].square().mean().sqrt()
    assert error < 0.25 * (noisy - middle)[missing].square().mean().sqrt()


def test_the_middle_of_a_large_hole_stays_as_it_is() -> None:
    x = torch.full((1, 1, 64, 64), 0.5)
    missing = torch.zeros(x.shape, dtype=torch.bool)
    missing[..., 16:48, 16:48] = True
    x[missing] = 1.0
    filled = fill(x, missing)
    hole = filled[..., 16:48, 16:48]
    assert (hole[..., REACH:-REACH, REACH:-REACH] == 1).all()
    assert torch.allclose(hole[..., :REACH, :], torch.tensor(0.5))
    assert np.allclose(fill(x.numpy(), missing.numpy()), fill(x, missing), atol=1e-6)
    everything = torch.ones(x.shape, dtype=torch.bool)
    assert torch.equal(fill(x, everything), x)
