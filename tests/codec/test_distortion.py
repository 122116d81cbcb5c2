from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.codec.config import CodecConfig
from aecodec.codec.distortion import distortion, is_defined
from aecodec.codec.rate_control import compress_to_target
from aecodec.evaluation.metrics import ms_ssim, psnr


@pytest.fixture(scope="module")
def for_ms_ssim() -> Codec:
    return Codec("cpu", "codec-cpu-ms-ssim")


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255 - 0.5


def test_it_is_what_the_metrics_say(cat: Image.Image, codec: Codec) -> None:
    other = codec.decompress(codec.compress(cat, 10))
    squared = distortion("mse", tensor(cat), tensor(other))
    assert squared.shape == (1,)
    assert 10 * np.log10(255**2 / squared.item()) == pytest.approx(psnr(cat, other), abs=1e-3)
    similarity = distortion("ms-ssim", tensor(cat), tensor(other))
    assert 1 - similarity.item() == pytest.approx(ms_ssim(cat, other), abs=1e-5)
    assert not is_defined("ms-ssim", tensor(cat)[..., :160, :])
    with pytest.raises(ValueError, match="mse or ms-ssim"):
        CodecConfig(distortion="psnr")


@pytest.mark.parametrize("quality", [20, 50, 80])
@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_weights_for_ms_ssim_win_by_it_with_fewer_bytes(
    codec: Codec, for_ms_ssim: Codec, name: str, quality: int
) -> None:
    image = Image.fromarray(getattr(skimage.data, name)())
    data = for_ms_ssim.compress(image, quality)
    other = compress_to_target(codec, image, max_bytes=round(1.15 * len(data)))
    tuned, plain = for_ms_ssim.decompress(data), codec.decompress(other)
    assert ms_ssim(image, tuned) > ms_ssim(image, plain)
    assert psnr(image, tuned) < psnr(image, plain)  # which is what the others are for


def test_effort_max_refines_for_the_distortion_of_the_weights(
    for_ms_ssim: Codec, cat: Image.Image, small: Image.Image
) -> None:
    image, quality = cat.crop((100, 50, 292, 242)), 60

    def cost(data: bytes) -> float:
        lacking = 1 - ms_ssim(image, for_ms_ssim.decompress(data))
        return 8 * len(data) / 192**2 + for_ms_ssim.model.config.rd_lambda(quality) * lacking

    refined = for_ms_ssim.compress(image, quality, effort="max")
    assert cost(refined) < 0.99 * cost(for_ms_ssim.compress(image, quality))
    too_small = for_ms_ssim.compress(small, quality)
    assert for_ms_ssim.compress(small, quality, effort="max") == too_small
