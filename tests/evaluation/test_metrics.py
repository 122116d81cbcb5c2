import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from aecodec.evaluation.metrics import bits_per_pixel, ms_ssim, ms_ssim_db, psnr, ssimulacra2


def noisy_pair(seed: int, strength: float, shape: tuple[int, int] = (192, 208)):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = 127 + 60 * np.sin(x / 9) + 50 * np.cos(y / 7)
    picture = np.repeat(waves[..., None], 3, axis=2)
    noise = rng.normal(0, strength, picture.shape)
    return (np.clip(p, 0, 255).astype(np.uint8) for p in (picture, picture + noise))


@given(seed=st.integers(0, 1000), strength=st.floats(1, 60))
@settings(max_examples=20, deadline=None)
def test_psnr_agrees_with_scikit_image(seed: int, strength: float) -> None:
    a, b = noisy_pair(seed, strength, (20, 30))
    assert psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255))
    assert psnr(Image.fromarray(a), Image.fromarray(b)) == psnr(b, a)


def test_psnr_of_known_error_and_of_equal_pictures() -> None:
    black = np.zeros((4, 4, 3), np.uint8)
    assert psnr(black, black + 255) == 0
    assert psnr(black, black + 1) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(black, black) == math.inf


def test_ms_ssim_is_one_for_equal_and_falls_with_noise() -> None:
    original, slightly = noisy_pair(1, 5)
    _, badly = noisy_pair(1, 40)
    assert ms_ssim(original, original) == pytest.approx(1)
    assert 1 > ms_ssim(original, slightly) > ms_ssim(original, badly) > 0


def test_ms_ssim_agrees_with_torchmetrics() -> None:
    import torch

    from aecodec.torchvision_repair import make_importable

    make_importable()
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    a, b = noisy_pair(2, 20)
    x, y = (torch.tensor(p).permute(2, 0, 1)[None].double() for p in (a, b))
    expected = multiscale_structural_similarity_index_measure(x, y, data_range=255.0)
    # torchmetrics crops the edges a little differently.
    assert ms_ssim(a, b) == pytest.approx(float(expected), abs=2e-3)


@pytest.mark.parametrize(("metric", "least"), [(ms_ssim, 161), (ssimulacra2, 8)])
def test_a_side_has_to_be_as_long(metric: Callable[..., float], least: int) -> None:
    for side in (least - 1, least):
        a, b = noisy_pair(3, 10, (side, 2 * least))
        assert math.isnan(metric(a, b)) == (side < least)


def test_ssimulacra2_is_100_for_equal_and_falls_with_noise() -> None:
    original, slightly = noisy_pair(1, 5)
    _, badly = noisy_pair(1, 40)
    assert ssimulacra2(original, original) == 100
    assert 95 > ssimulacra2(original, slightly) > ssimulacra2(original, badly) + 20
    pictures = (Image.fromarray(original), Image.fromarray(slightly))
    assert ssimulacra2(*pictures) == ssimulacra2(original, slightly)
    assert ssimulacra2(original, badly) != ssimulacra2(badly, original)


def test_unequal_sizes_and_floats_are_refused() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        psnr(picture, picture[:3])
    with pytest.raises(ValueError, match="uint8"):
        psnr(picture / 255, picture / 255)


def test_bits_per_pixel_and_decibels() -> None:
    assert bits_per_pixel(b"x" * 100, (40, 20)) == 1
    assert ms_ssim_db(0.99) == pytest.approx(20)
    assert ms_ssim_db(1) == math.inf
    assert math.isnan(ms_ssim_db(math.nan))
