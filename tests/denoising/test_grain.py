"""Grain of a given strength, size and colour, and that it is found in photos."""

from __future__ import annotations

from random import Random
from statistics import mean, median

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from aecodec.denoising.denoiser import Denoiser
from aecodec.denoising.grain import Grain, add_grain, random_grain
from aecodec.images import Picture
from aecodec.nn import noise
from aecodec.nn.pixels import to_pillow
from aecodec.training.own_noise import own_noise
from tests.pictures import photograph, to_tensor


def grain_of(x: Tensor, grain: Grain) -> Tensor:
    return add_grain(x, grain, Generator().manual_seed(3)) - x


def test_it_is_as_strong_as_it_should_be(floats: Tensor) -> None:
    for seed in range(20):
        grain = random_grain(Random(seed))
        added = grain_of(floats, grain)
        assert float(added.square().mean().sqrt() * 255) == pytest.approx(grain.sigma, rel=1e-3)


def test_it_is_alike_in_all_channels_but_for_its_colour(floats: Tensor) -> None:
    plain = grain_of(floats, Grain(8))
    assert torch.allclose(plain[:, :1].expand_as(plain), plain, atol=1e-6)
    coloured = grain_of(floats, Grain(8, colour=0.5))
    apart = coloured - coloured.mean(1, keepdim=True)
    ratio = apart.square().mean().sqrt() / coloured.mean(1).square().mean().sqrt()
    assert float(ratio) == pytest.approx(0.5, abs=0.05)
    grey = grain_of(floats[:, :1], Grain(8, colour=0.5))
    assert grey.shape == floats[:, :1].shape


def test_larger_grains_are_smoother(floats: Tensor) -> None:
    steps = []
    for size in (0.0, 0.5, 1.0):
        added = grain_of(floats, Grain(8, size=size))
        steps.append(float((added[..., 1:] - added[..., :-1]).square().mean()))
    assert steps[0] > 1.3 * steps[1] > 1.3 * 1.3 * steps[2]


def test_it_is_stronger_in_shadows_or_in_lights() -> None:
    x = torch.cat([torch.full((1, 3, 64, 64), v) for v in (0.1, 0.9)], 3)
    for power in (-0.5, 0.5):
        dark, light = grain_of(x, Grain(5, shadows=power)).square().mean((0, 1, 2)).split(64)
        assert (dark.mean() > 2 * light.mean()) == (power < 0)


@pytest.mark.parametrize("sigma", [4, 8])
def test_the_denoiser_finds_most_of_it(denoiser: Denoiser, sigma: int) -> None:
    """It found half before it was trained with grain, and on quiet photos."""
    ratios, gains = [], []
    for name in ("astronaut", "coffee", "chelsea"):
        clean = to_tensor(photograph(name).crop((40, 40, 296, 296)))
        noisy = noise.to_8_bit(grain_of(clean, Grain(sigma, 0.6, 1.5, 0.2, 0.15)) + clean)
        picture = Picture.from_image(to_pillow(noisy[0].numpy(), "RGB"))
        denoised, found = denoiser.denoise_picture(picture, None, "auto", 1.0)
        ratios.append(found.sigma / sigma)
        gains.append(_psnr(clean, denoised.to_image()) - _psnr(clean, picture.to_image()))
    assert 0.7 < median(ratios) < 1.3
    assert mean(gains) > 0.5  # the photos' own grain goes, too


def _psnr(clean: Tensor, image: Image.Image) -> float:
    x = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
    return float(-10 * np.log10(np.square(x - clean[0].numpy()).mean()))


def test_a_photos_own_noise_is_seen_in_its_quiet_places() -> None:
    photo = photograph("astronaut").crop((100, 0, 420, 320))
    before = own_noise(torch.from_numpy(np.array(photo)))
    assert before < 2
    for sigma in (4, 10):
        noisy = noise.to_8_bit(noise.gaussian(to_tensor(photo), sigma, Generator().manual_seed(0)))
        pixels = (noisy[0].permute(1, 2, 0) * 255).round().byte()
        # Of luma: white noise of three channels is 0.67 times as strong there.
        assert own_noise(pixels) == pytest.approx(np.hypot(before, 0.67 * sigma), rel=0.25)
