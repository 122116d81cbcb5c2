from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from aecodec.denoising import noise
from aecodec.denoising.denoiser import diagnose
from aecodec.denoising.noise_level import estimate_sigma


def corrupt(x: Tensor, sigma: float) -> Tensor:
    return noise.gaussian(x, sigma, Generator().manual_seed(0))


@pytest.mark.parametrize("sigma", [2, 5, 15, 25, 50, 75])
def test_sigma_is_found_in_floats_and_in_8_bits(floats: Tensor, sigma: float) -> None:
    noisy = corrupt(floats, sigma)
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.03, abs=0.3)
    assert estimate_sigma(noise.to_8_bit(noisy)) == pytest.approx(sigma, rel=0.07, abs=0.3)


@pytest.mark.parametrize("sigma", [10, 40])
def test_a_dark_photo_is_clipped_more(floats: Tensor, sigma: float) -> None:
    noisy = noise.to_8_bit(corrupt(floats * 0.3, sigma))
    assert estimate_sigma(noisy) == pytest.approx(sigma, rel=0.2)


def test_a_clean_photo_is_found_clean(floats: Tensor) -> None:
    assert estimate_sigma(floats) < 1.5


def test_equal_channels_count_once(floats: Tensor) -> None:
    grey = noise.to_8_bit(corrupt(floats[:, :1], 20)).expand(-1, 3, -1, -1)
    assert diagnose(grey, None, "gaussian").sigma == pytest.approx(20, rel=0.06)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (9, 300), (40, 40)])
def test_any_size_gives_a_number(size: tuple[int, int]) -> None:
    x = torch.rand(1, 3, *size, generator=Generator().manual_seed(0))
    assert 0 <= estimate_sigma(x) < 255
