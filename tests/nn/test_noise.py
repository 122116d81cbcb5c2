from __future__ import annotations

from collections.abc import Callable

import pytest
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from aecodec.nn import noise

RANDOM: dict[str, Callable[[Tensor, Generator | None], Tensor]] = {
    "gaussian": lambda x, g: noise.gaussian(x, 25, g),
    "poisson-gaussian": lambda x, g: noise.poisson_gaussian(x, 50, 5, g),
    "speckle": lambda x, g: noise.speckle(x, 0.2, g),
    "salt-and-pepper": lambda x, g: noise.salt_and_pepper(x, 0.3, g),
    "masking": lambda x, g: noise.masking(x, 0.5, g),
}


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    """A photo of (3, 512, 512)."""
    return torch.from_numpy(skimage.data.astronaut().copy()).permute(2, 0, 1) / 255


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_gives_the_same_noise_again(name: str, photo: Tensor) -> None:
    before = photo.clone()
    first = RANDOM[name](photo, seeded(1))
    assert torch.equal(first, RANDOM[name](photo, seeded(1)))
    assert not torch.equal(first, RANDOM[name](photo, seeded(2)))
    assert torch.equal(photo, before)
    assert (first.shape, first.dtype) == (photo.shape, photo.dtype)


def test_gaussian_has_its_deviation_and_is_not_clipped(photo: Tensor) -> None:
    noisy = noise.gaussian(photo, 50, seeded(0))
    error = (noisy - photo) * 255
    assert float(error.mean()) == pytest.approx(0, abs=0.3)
    assert float(error.std()) == pytest.approx(50, rel=0.01)
    assert noisy.min() < 0
    assert noisy.max() > 1


def test_each_image_may_have_its_own_level(photo: Tensor) -> None:
    batch = photo.expand(2, -1, -1, -1)
    levels = torch.tensor([10.0, 60.0]).view(2, 1, 1, 1)
    found = (noise.gaussian(batch, levels, seeded(0)) - batch).std((1, 2, 3)) * 255
    torch.testing.assert_close(found, levels.flatten(), rtol=0.01, atol=0)


@pytest.mark.parametrize("value", [0.1, 0.8])
def test_shot_noise_grows_with_the_light(value: float) -> None:
    x = torch.full((400, 400), value)
    noisy = noise.poisson_gaussian(x, 100, 10, seeded(0))
    assert float(noisy.mean()) == pytest.approx(value, rel=0.01)
    assert float(noisy.var()) == pytest.approx(value / 100 + (10 / 255) ** 2, rel=0.03)


def test_speckle_is_relative() -> None:
    x = torch.tensor([0.0, 0.25, 1.0])[:, None].expand(3, 100_000)
    deviations = noise.speckle(x, 0.2, seeded(0)).std(1)
    torch.testing.assert_close(deviations, torch.tensor([0.0, 0.05, 0.2]), rtol=0.02, atol=0)


def test_salt_and_pepper_hits_its_fraction(photo: Tensor) -> None:
    middle = photo.clamp(0.1, 0.9)
    noisy = noise.salt_and_pepper(middle, 0.3, seeded(0))
    assert float((noisy == 0).float().mean()) == pytest.approx(0.15, rel=0.03)
    assert float((noisy == 1).float().mean()) == pytest.approx(0.15, rel=0.03)
    kept = (noisy > 0) & (noisy < 1)
    assert torch.equal(noisy[kept], middle[kept])


def test_channels_may_share_their_fate(photo: Tensor) -> None:
    lost = noise.masking(photo.clamp_min(0.1), 0.5, seeded(0), shared_dim=-3) == 0
    assert torch.equal(lost.any(0), lost.all(0))
    assert float(lost.float().mean()) == pytest.approx(0.5, rel=0.02)
    alone = noise.masking(photo.clamp_min(0.1), 0.5, seeded(0)) == 0
    assert not torch.equal(alone.any(0), alone.all(0))


def test_jpeg_is_that_of_a_file_and_worse_at_low_quality(photo: Tensor) -> None:
    errors = [float((noise.jpeg(photo, q) - photo).square().mean()) for q in (10, 50, 95)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 0
    batch = photo[:, :64, :50].expand(2, -1, -1, -1)
    coded = noise.jpeg(batch, 30)
    assert torch.equal(coded[0], noise.jpeg(photo[:, :64, :50], 30))
    assert torch.equal(noise.to_8_bit(coded), coded)
    assert noise.jpeg(photo[:1], 30).shape == photo[:1].shape


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(sorted(RANDOM)),
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
    st.integers(0, 2**31),
)
def test_any_shape_stays_finite(name: str, shape: list[int], seed: int) -> None:
    x = torch.rand(shape, generator=seeded(seed))
    noisy = RANDOM[name](x, seeded(seed))
    assert noisy.shape == x.shape
    assert torch.isfinite(noisy).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: noise.gaussian(x, -1),
        lambda x: noise.gaussian(x, float("nan")),
        lambda x: noise.gaussian(x, float("inf")),
        lambda x: noise.poisson_gaussian(x, 1e20, 0),
        lambda x: noise.poisson_gaussian(x, 0, 0),
        lambda x: noise.speckle(x, -0.1),
        lambda x: noise.salt_and_pepper(x, 1.5),
        lambda x: noise.masking(x, torch.tensor([0.5, 2.0])[:, None, None]),
        lambda x: noise.jpeg(x, 0),
        lambda x: noise.jpeg(x[:2], 50),
    ],
)
def test_levels_that_make_no_sense_are_refused(
    call: Callable[[Tensor], Tensor], photo: Tensor
) -> None:
    with pytest.raises(ValueError, match="must be|need images"):
        call(photo)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_small_probabilities_are_right_in_halves_too(dtype: torch.dtype) -> None:
    x = torch.full((1000, 1000), 0.5, dtype=dtype)
    for kind in (noise.masking, noise.salt_and_pepper):
        hit = kind(x, 0.001, seeded(0)) != 0.5
        assert hit.float().mean() == pytest.approx(0.001, rel=0.15)


def test_jpeg_of_no_images() -> None:
    assert noise.jpeg(torch.rand(0, 3, 8, 8), 50).shape == (0, 3, 8, 8)
