"""Where texture hides errors more is rounded away."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.codec.masking import masking
from aecodec.evaluation.metrics import psnr, ssimulacra2
from aecodec.nn.arrays import FloatArray

KINDS = ("mse", "balanced")


def noise(deviation: float, rows: int = 4, columns: int = 4) -> FloatArray:
    """Grey, on all three channels alike."""
    values = np.random.default_rng(0).normal(0, deviation / 255, (16 * rows, 16 * columns))
    return np.broadcast_to(values, (1, 3, *values.shape)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_more_texture_hides_more_up_to_a_limit(kind: str) -> None:
    means = [masking(noise(d), kind).mean() for d in (0, 4, 8, 16, 24, 60, 100)]
    assert means == sorted(means)
    assert means[0] < 0.85
    assert means[-1] == pytest.approx(means[-2], abs=1e-6)  # edges and text hide no more
    assert means[-1] < 1.2


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_is_judged_by_itself(kind: str) -> None:
    pixels = noise(1, 4, 6)
    pixels[:, :, 16:32, 32:48] = noise(20, 1, 1)
    found = masking(pixels, kind)
    assert found.shape == (4, 6)
    assert found.dtype == np.float32
    assert found[1, 2] > 1
    assert (np.delete(found.ravel(), 6 + 2) < 0.9).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_always_a_number(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.choice([-0.5, 0.5, 0.0], (1, 3, 16 * rows, 16 * columns)).astype(np.float32)
    for kind in KINDS:
        found = masking(pixels, kind)
        assert found.shape == (rows, columns)
        assert ((found > 0.5) & (found < 1.3)).all()


@pytest.mark.parametrize("quality", [30, 60])
def test_it_pays_where_there_are_smooth_and_busy_places(
    quality: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # At no fewer pixels right, by SSIMULACRA 2 more for the bytes: a hundredth of them a point.
    image = Image.fromarray(skimage.data.astronaut())
    codec = Codec("cpu", "codec-psnr")
    data = codec.compress(image, quality)
    ones = lambda pixels, kind: np.ones(tuple(n // 16 for n in pixels.shape[2:]), np.float32)  # noqa: E731
    monkeypatch.setattr("aecodec.codec.codec.masking", ones)
    plain = codec.compress(image, quality)
    assert data != plain
    pictures = [codec.decompress(file) for file in (data, plain)]
    bits = 100 * np.log(len(data) / len(plain))
    # 100 % of bytes are worth some 6 dB and some 20 points.
    gained = [
        100 * (psnr(image, pictures[0]) - psnr(image, pictures[1])) / 6,
        100 * (ssimulacra2(image, pictures[0]) - ssimulacra2(image, pictures[1])) / 20,
    ]
    assert gained[0] - bits > -0.5
    assert gained[1] - bits > 0.3
