from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aecodec.denoising import corrupt as module
from aecodec.denoising.corrupt import corrupt
from aecodec.nn import noise
from tests.conftest import psnr

gaussian = lambda x, g: noise.gaussian(x, 25, g)  # noqa: E731


def test_the_noise_is_that_of_the_process_and_the_seed(cat: Image.Image) -> None:
    noisy = corrupt(cat, gaussian, 3)
    assert psnr(cat, noisy) == pytest.approx(20 * np.log10(255 / 25), abs=0.5)
    assert noisy.tobytes() == corrupt(cat, gaussian, 3).tobytes()
    assert noisy.tobytes() != corrupt(cat, gaussian, 4).tobytes()


def test_grey_stays_grey_and_alpha_and_metadata_are_kept(cat: Image.Image) -> None:
    image = cat.convert("LA")
    image.info["icc_profile"] = b"profile"
    noisy = corrupt(image, gaussian, 0)
    assert noisy.mode == "LA"
    assert noisy.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    assert noisy.info["icc_profile"] == b"profile"
    # Noise drawn for each of three channels would lose by the mean.
    assert psnr(cat.convert("L"), noisy.getchannel("L")) == pytest.approx(20.3, abs=0.5)


def test_jpeg_in_tiles_is_jpeg(cat: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    process = lambda x, g: noise.jpeg(x, 30)  # noqa: E731
    whole = corrupt(cat, process, 0)
    monkeypatch.setattr(module, "TILE", 4)  # 64 pixels
    # Colour is interpolated across the blocks' edges, the rest is the same.
    assert psnr(whole, corrupt(cat, process, 0)) > 40


def test_tiles_do_not_repeat_their_noise(cat: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TILE", 4)
    grey = Image.new("RGB", (128, 64), (128, 128, 128))
    pixels = np.asarray(corrupt(grey, gaussian, 0))
    assert not np.array_equal(pixels[:, :64], pixels[:, 64:])
