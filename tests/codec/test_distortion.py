from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.codec.config import CodecConfig
from aecodec.codec.distortion import balanced_parts, distortion, is_defined
from aecodec.codec.rate_control import compress_to_target
from aecodec.evaluation.metrics import ms_ssim, psnr, ssimulacra2
from tests.pictures import photograph, to_tensor


@pytest.fixture(scope="module")
def for_psnr() -> Codec:
    return Codec("cpu", "codec-psnr")


def tensor(image: Image.Image) -> torch.Tensor:
    return to_tensor(image) - 0.5


def test_it_is_what_the_metrics_say(cat: Image.Image, codec: Codec) -> None:
    other = codec.decompress(codec.compress(cat, 10))
    quality = torch.tensor([10.0])
    squared = distortion(CodecConfig(), tensor(cat), tensor(other), quality)
    assert squared.shape == (1,)
    assert 10 * np.log10(255**2 / squared.item()) == pytest.approx(psnr(cat, other), abs=1e-3)
    config = CodecConfig(distortion="ms-ssim")
    similarity = distortion(config, tensor(cat), tensor(other), quality)
    assert 1 - similarity.item() == pytest.approx(ms_ssim(cat, other), abs=1e-5)
    assert not is_defined("ms-ssim", tensor(cat)[..., :160, :])
    with pytest.raises(ValueError, match="mse, ms-ssim, balanced"):
        CodecConfig(distortion="psnr")
    with pytest.raises(ValueError, match="four numbers"):
        CodecConfig(distortion="balanced", distortion_weights=(1.0, 1.0, 1.0))  # type: ignore[arg-type]


BALANCED = CodecConfig(distortion="balanced", distortion_weights=(0.5, 0.3, 0.1, 0.2))


def test_the_balance_is_of_its_parts_by_quality(cat: Image.Image, codec: Codec) -> None:
    assert not is_defined("balanced", tensor(cat)[..., :160, :])
    x = tensor(cat).expand(3, -1, -1, -1)
    coded = [tensor(codec.decompress(codec.compress(cat, q))) for q in (10, 50, 90)]
    other, quality = torch.cat(coded), torch.tensor([1.0, 50.5, 100.0])
    parts = balanced_parts(x, other)
    found = distortion(BALANCED, x, other, quality)
    similarity = torch.tensor([0.3, 0.2, 0.1])
    torch.testing.assert_close(found, 0.5 * parts[0] + similarity * parts[1] + 0.2 * parts[2])
    for part in parts:
        assert part.tolist() == sorted(part.tolist(), reverse=True)
    squared = distortion(CodecConfig(), x, other, quality)
    torch.testing.assert_close(parts[0], squared)
    # All are on the scale of the squared error.
    assert all(1 / 4 < ratio < 4 for part in parts[1:] for ratio in (part / squared).tolist())
    default = distortion(CodecConfig(distortion="balanced"), x, other, quality)
    stacked = torch.stack(parts)
    assert (default > 0.9 * stacked.min(0).values).all()
    assert (default < stacked.max(0).values).all()
    alone = [distortion(BALANCED, x[:1], y, q[None]) for y, q in zip(coded, quality, strict=True)]
    torch.testing.assert_close(torch.cat(alone), found)
    assert distortion(BALANCED, x, x, quality).tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", ["ms-ssim", "balanced"])
def test_gradients_are_finite_and_reach_every_pixel(cat: Image.Image, kind: str) -> None:
    x = tensor(cat)[..., :192, :192]
    config, quality = CodecConfig(distortion=kind), torch.tensor([50.0])
    for other in (x, -x, 40 * x, torch.full_like(x, -3.0), torch.full_like(x, 0.5), x + 1e-7):
        y = other.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            error = distortion(config, x, y, quality)
        error.sum().backward()
        assert error.dtype == torch.float32
        assert error.isfinite().all()
        assert y.grad is not None
        assert y.grad.isfinite().all()
    y = (40 * x).requires_grad_()
    for part in balanced_parts(x, y):  # far outside of what can be decoded, too
        (gradient,) = torch.autograd.grad(part.sum(), y, retain_graph=True)
        assert (gradient[y.abs() > 1] != 0).float().mean() > 0.2


def test_balanced_weights_are_stored_with_a_model() -> None:
    assert CodecConfig.from_json(BALANCED.to_json()) == BALANCED


@pytest.mark.parametrize("quality", [20, 50, 80])
@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_the_default_weights_win_for_the_eye_at_the_same_bytes(
    codec: Codec, for_psnr: Codec, name: str, quality: int
) -> None:
    image = photograph(name)
    data = codec.compress(image, quality)
    other = compress_to_target(for_psnr, image, max_bytes=len(data))
    balanced, plain = codec.decompress(data), for_psnr.decompress(other)
    assert ssimulacra2(image, balanced) > ssimulacra2(image, plain)
    assert ms_ssim(image, balanced) > ms_ssim(image, plain)


def test_effort_max_refines_for_the_distortion_of_the_weights(
    codec: Codec, small: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, quality = photograph("astronaut").crop((150, 100, 342, 292)), 60
    monkeypatch.setattr("aecodec.codec.refine.ITERATIONS", 40)
    config = codec.model.config

    def cost(data: bytes) -> float:
        decoded = tensor(codec.decompress(data))
        lacking = distortion(config, tensor(image), decoded, torch.tensor([float(quality)]))
        return 8 * len(data) / 192**2 + config.rd_lambda(quality) * lacking.item()

    assert config.distortion == "balanced"
    refined = codec.compress(image, quality, effort="max")
    assert cost(refined) < 0.998 * cost(codec.compress(image, quality))
    # Too small to be refined; what makes it is torch, whose last bits are not ONNX Runtime's.
    too_small, maximal = (codec.compress(small, quality, effort=e) for e in ("default", "max"))
    assert len(maximal) == pytest.approx(len(too_small), rel=0.01)
    assert psnr(codec.decompress(maximal), codec.decompress(too_small)) > 45
