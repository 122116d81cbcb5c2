from __future__ import annotations

import torch
from torch import Tensor

from aecodec.denoising.mixture import MAX_SIGMA, Noisy, random_mixture


def crops(floats: Tensor) -> Tensor:
    """(300, 3, 32, 32) from all over the photo."""
    tiles = floats.unfold(2, 32, 18).unfold(3, 32, 18).permute(0, 2, 3, 1, 4, 5)
    return tiles.reshape(-1, 3, 32, 32)[:300]


def corrupted(floats: Tensor) -> Noisy:
    return random_mixture(crops(floats), 5)


def test_a_seed_gives_the_same_mixture_again(floats: Tensor) -> None:
    first, again = corrupted(floats), corrupted(floats)
    for name in ("clean", "x", "level", "told", "missing"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.x, random_mixture(crops(floats), 6).x)


def test_the_level_is_that_of_the_noise(floats: Tensor) -> None:
    noisy = corrupted(floats)
    assert noisy.level.shape == (300, 1, 4, 4)
    measured = (noisy.x - noisy.clean).square().mean((1, 2, 3)).sqrt()
    told = noisy.told_level().flatten()
    plain = ~noisy.missing.flatten(1).any(1) & (told > 0)
    assert plain.float().mean() > 0.7
    # Clipping makes noise smaller, never larger.
    assert (measured[plain] < 1.3 * told[plain] + 0.002).all()
    assert float((measured[plain] / told[plain]).median()) > 0.95
    assert told.min() >= 0
    assert 0.85 * MAX_SIGMA / 255 < told.max() < MAX_SIGMA / 255
    assert 0.3 < noisy.told.float().mean() < 0.6


def test_some_samples_are_clean_and_shares_are_kept(floats: Tensor) -> None:
    clean = (corrupted(floats).told_level() == 0).float().mean()
    assert 0.03 < clean < 0.25
    only = random_mixture(crops(floats)[:20], 5, {"clean": 1.0})
    assert torch.equal(only.x, only.clean)
    camera = random_mixture(crops(floats)[:20], 5, {"camera": 2.0, "clean": 0.0})
    assert (camera.told_level() > 0).all()
    assert (camera.level.flatten(1).std(1) > 0).any()


def test_the_mixture_has_grey_and_colour_floats_and_8_bits_and_impulses(floats: Tensor) -> None:
    noisy = corrupted(floats)
    grey = (noisy.x[:, :1] == noisy.x).flatten(1).all(1)
    assert 0.04 < grey.float().mean() < 0.2
    assert torch.equal(noisy.clean[grey], noisy.clean[grey][:, :1].expand(-1, 3, -1, -1))
    outside = ((noisy.x < 0) | (noisy.x > 1)).flatten(1).any(1)
    assert 0.2 < outside.float().mean() < 0.45
    levels = noisy.x * 255
    whole = ((levels - levels.round()).abs() < 1e-3).flatten(1).all(1)
    assert 0.5 < whole.float().mean() < 0.8
    assert 0.03 < noisy.missing.flatten(1).any(1).float().mean() < 0.3
