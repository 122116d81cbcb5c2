"""Noise as cameras make it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Generator, Tensor

from aecodec.denoising.bayer import Demosaicing
from aecodec.denoising.camera import camera, photograph, plain_camera, random_camera
from aecodec.denoising.noise_reduction import Reduction, blur


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((a - b).square().mean()))


def correlation(noise: Tensor, step: int) -> float:
    """Of pixels that are so far apart in a row."""
    noise = noise - noise.mean((2, 3), keepdim=True)
    return float((noise[..., step:] * noise[..., :-step]).mean() / noise.square().mean())


@pytest.fixture
def photo(floats: Tensor) -> Tensor:
    return floats[..., 60:188, 130:290]


def test_a_seed_gives_the_same_photograph_again(photo: Tensor) -> None:
    made = plain_camera(3200, quality=90)
    first = photograph(photo, made, seeded(1))
    for a, b in zip(first, photograph(photo, made, seeded(1)), strict=True):
        assert torch.equal(a, b)
    other = photograph(photo, made, seeded(2))
    assert not torch.equal(first[0], other[0])
    assert torch.equal(first[1], other[1])  # that has no noise
    assert random_camera(random.Random(5)) == random_camera(random.Random(5))


@pytest.mark.parametrize("tone", [True, False])
@pytest.mark.parametrize("how", get_args(Demosaicing))
def test_without_noise_a_soft_picture_comes_back(
    photo: Tensor, tone: bool, how: Demosaicing
) -> None:
    soft = blur(photo, 1.5)  # what is finer than the Bayer pattern cannot
    for phase in ((0, 0), (0, 1), (1, 0), (1, 1)):
        made = replace(plain_camera(100), tone=tone, demosaicing=how, lens=0.0, phase=phase)
        assert psnr(photograph(soft, made)[1], soft) > 36


def test_directed_demosaicing_keeps_edges_that_bilinear_blurs(photo: Tensor) -> None:
    grey = photo.mean(1, keepdim=True).expand_as(photo)
    found = {}
    for how in get_args(Demosaicing):
        made = replace(plain_camera(100), demosaicing=how, lens=0.0, tone=False)
        found[how] = psnr(photograph(grey, made)[1], grey)
    assert found["directed"] > found["bilinear"] + 2


def test_white_and_black_come_back() -> None:
    for value in (0.0, 1.0):
        flat = torch.full((1, 3, 16, 16), value)
        torch.testing.assert_close(photograph(flat, plain_camera(100))[1], flat, rtol=0, atol=2e-3)


def test_noise_grows_with_iso_and_leaves_the_mean(photo: Tensor) -> None:
    levels = []
    for iso in (100, 400, 1600, 6400):
        noisy, target = photograph(photo, plain_camera(iso), seeded(0))
        difference = 255 * (noisy - target)
        levels.append(float(difference.square().mean().sqrt()))
        assert difference.mean((0, 2, 3)).abs().max() < 0.15 * levels[-1] + 0.1
    # Photon noise: four times the ISO is twice the noise.
    assert levels[0] > 1
    for less, more in zip(levels[:-1], levels[1:], strict=True):
        assert 1.7 < more / less < 2.4


def test_noise_is_spread_over_neighbours_and_over_more_after_noise_reduction() -> None:
    grey = torch.full((1, 3, 128, 128), 0.4)
    found = []
    for colour in (None, Reduction(fine=0.0, coarser=0.9)):
        made = replace(plain_camera(3200), demosaicing="bilinear", colour=colour)
        noisy, target = photograph(grey, made, seeded(0))
        found.append((noisy - target).sub((noisy - target).mean(1, keepdim=True)))
    assert correlation(found[0], 1) > 0.3
    assert correlation(found[1], 3) > correlation(found[0], 3) + 0.2


def test_noise_reduction_by_bands_leaves_the_picture_and_coarse_grain(photo: Tensor) -> None:
    made = replace(plain_camera(3200), lens=0.0)
    without, with_ = (
        photograph(photo, replace(made, luma=luma), seeded(0))
        for luma in (None, Reduction(fine=0.0, coarser=0.2))
    )
    torch.testing.assert_close(without[1], with_[1])
    noise = [(noisy - target).mean(1, keepdim=True) for noisy, target in (without, with_)]
    assert noise[1].std() < 0.6 * noise[0].std()
    coarse = [float(blur(x, 4.0).std()) for x in noise]
    assert coarse[1] > 0.9 * coarse[0]


@pytest.mark.parametrize("window", [1, 5])
def test_noise_reduction_along_edges_leaves_noise_beside_them(window: int) -> None:
    picture = torch.full((1, 3, 64, 128), 0.2)
    picture[..., 64:] = 0.7
    reduction = Reduction(fine=0.0, coarser=1.0, threshold=3.0, steepness=4.0, window=window)
    both = photograph(picture, replace(plain_camera(3200), luma=reduction), seeded(0))
    noise = (both[0] - both[1]).mean(1)
    flat, beside = noise[..., 8:48].std(), noise[..., 62:64].std()
    assert beside > 1.5 * flat
    assert psnr(both[1], picture) > 30  # the edge stays


def test_dark_and_bright_parts_have_their_own_noise() -> None:
    levels = {}
    for value in (0.02, 0.4, 1.0):
        flat = torch.full((1, 3, 64, 64), value)
        noisy, target = photograph(flat, replace(plain_camera(3200), tone=False), seeded(0))
        levels[value] = float((noisy - target).std())
    assert levels[0.4] > 0.01
    assert levels[1.0] < 0.5 * levels[0.4]  # where a sensor saturates there is none


def test_grey_stays_grey_and_all_cameras_work(photo: Tensor) -> None:
    grey = photo.mean(1, keepdim=True)
    noisy, target = photograph(grey, plain_camera(1600, quality=80), seeded(0))
    assert noisy.shape == target.shape == grey.shape
    choices, seen = random.Random(0), set()
    for _ in range(40):
        made = random_camera(choices)
        noisy, target = photograph(photo, made, seeded(0))
        seen |= {(made.demosaicing, made.scale > 1, made.quality is None)}
        for x in (noisy, target):
            assert x.shape == photo.shape
            assert bool((x.isfinite() & (x >= 0) & (x <= 1)).all())
        assert torch.equal((noisy * 255).round() / 255, noisy)
    assert len(seen) > 6


def test_noise_may_be_put_on_a_picture_that_stays_sharp(photo: Tensor) -> None:
    levels = [float((camera(photo, iso, 100, seeded(0)) - photo).std()) for iso in (100, 1600)]
    assert 3 < levels[1] / levels[0] < 5
    assert psnr(camera(photo, 100), photo) > psnr(photograph(photo, plain_camera(100))[1], photo)


@pytest.mark.parametrize("iso", [0, float("nan"), 1e9])
def test_an_iso_that_no_camera_has(iso: float) -> None:
    with pytest.raises(ValueError, match="iso must be"):
        plain_camera(iso)
