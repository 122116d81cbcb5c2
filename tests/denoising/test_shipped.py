"""What the README promises of the denoiser that ships."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from aecodec.denoising.denoiser import Denoiser
from aecodec.evaluation.denoising.savings import with_noise
from aecodec.nn import noise
from tests.conftest import psnr
from tests.pictures import photograph, to_tensor


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return photograph("astronaut").crop((100, 0, 420, 320))


@pytest.mark.parametrize(
    ("sigma", "gain", "lost"), [(15, 7.0, 0.15), (25, 9.0, 0.15), (50, 11.0, 0.7)]
)
def test_noise_goes_and_blind_is_nearly_as_good(
    denoiser: Denoiser, photo: Image.Image, sigma: int, gain: float, lost: float
) -> None:
    corrupted = with_noise(photo, sigma, 0)
    told = psnr(denoiser.denoise(corrupted, sigma), photo)
    assert told > psnr(corrupted, photo) + gain
    assert psnr(denoiser.denoise(corrupted), photo) > told - lost


def test_a_clean_photo_stays_as_it_is(denoiser: Denoiser, photo: Image.Image) -> None:
    assert psnr(denoiser.denoise(photo), photo) > 40


@pytest.mark.parametrize("kind", ["salt-and-pepper", "masking"])
def test_impulses_are_recognised_and_go(denoiser: Denoiser, photo: Image.Image, kind: str) -> None:
    x = to_tensor(photo)
    generator = torch.Generator().manual_seed(0)
    if kind == "masking":
        corrupted = noise.masking(x, 0.5, generator, shared_dim=1)
    else:
        corrupted = noise.salt_and_pepper(x, 0.3, generator)
    picture = Image.fromarray((corrupted[0].permute(1, 2, 0) * 255).round().byte().numpy())
    restored = denoiser.denoise(picture)
    assert psnr(restored, photo) > psnr(picture, photo) + 15
    told = denoiser.denoise(picture, noise=kind)  # type: ignore[arg-type]
    assert told.tobytes() == restored.tobytes()  # it sees what it is
