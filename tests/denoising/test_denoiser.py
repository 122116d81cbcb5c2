from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torch import Generator, Tensor

import aecodec
from aecodec.denoising import camera, weights
from aecodec.denoising import denoiser as denoiser_module
from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.denoiser import Denoiser, Diagnosis, Found
from aecodec.denoising.model import DenoiserModel
from aecodec.errors import AecodecError
from aecodec.evaluation.denoising.savings import with_noise
from aecodec.images import Picture
from aecodec.nn import noise
from tests.conftest import psnr
from tests.pictures import photograph, to_tensor


def test_floats_are_taken_as_they_are(denoiser: Denoiser, floats: Tensor) -> None:
    noisy = noise.gaussian(floats, 50, Generator().manual_seed(0))
    restored = denoiser.restore(noisy.numpy(), Diagnosis("gaussian", 50))
    before, after = (np.square(x - floats.numpy()).mean() for x in (noisy.numpy(), restored))
    assert after < before / 2


def test_tiles_leave_no_seams(
    denoiser: Denoiser, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = with_noise(cat, 25, 0)
    whole = denoiser.denoise(noisy, 25)
    monkeypatch.setattr(denoiser_module, "TILE", 10)  # 80 pixels
    tiled = denoiser.denoise(noisy, 25)
    difference = np.abs(np.asarray(tiled, int) - np.asarray(whole, int))
    # The order of sums depends on the shape, and a rounding may go the other way.
    assert difference.max() <= 1
    assert (difference > 0).mean() < 5e-3


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"]),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_size_and_mode(denoiser: Denoiser, width: int, height: int, mode: str) -> None:
    rng = np.random.default_rng(width * 41 + height)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (height, width), dtype=np.uint16))
    else:
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).convert(mode)
    clean = denoiser.denoise(image)
    assert clean.size == (width, height)
    assert clean.mode == {"P": "RGB", "1": "L", "CMYK": "RGB"}.get(mode, mode)


def test_alpha_and_metadata_are_kept(denoiser: Denoiser, cat: Image.Image) -> None:
    image = with_noise(cat, 25, 0)
    alpha = Image.linear_gradient("L").resize(cat.size)
    image.putalpha(alpha)
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "a cat", 6  # description; stored on its side
    image.info.update(exif=exif.tobytes(), icc_profile=b"profile")
    clean = denoiser.denoise(image, 25)
    assert clean.size == (cat.height, cat.width)
    turned = alpha.transpose(Image.Transpose.ROTATE_270)
    assert clean.getchannel("A").tobytes() == turned.tobytes()
    assert clean.info["icc_profile"] == b"profile"
    assert clean.getexif()[0x010E] == "a cat"
    assert 0x0112 not in clean.getexif()


def test_grey_stays_grey_and_loses_its_noise(denoiser: Denoiser, cat: Image.Image) -> None:
    grey = cat.convert("L")
    noisy = with_noise(grey, 25, 0)
    clean = denoiser.denoise(noisy)
    assert psnr(grey, clean) > psnr(grey, noisy) + 1.5
    # The same picture stored in colour is recognised for what it is.
    assert psnr(clean.convert("RGB"), denoiser.denoise(noisy.convert("RGB"))) > 60


def test_sixteen_bits_keep_their_precision(denoiser: Denoiser, cat: Image.Image) -> None:
    deep = Image.fromarray(np.asarray(cat.convert("L")).astype("<u2") * 257)
    clean = np.asarray(denoiser.denoise(deep, 10))
    assert clean.dtype == np.uint16
    assert len(np.unique(clean)) > 1000


@pytest.mark.parametrize("sigma", [25, None])
def test_strength_scales_what_is_done(
    denoiser: Denoiser, cat: Image.Image, sigma: float | None
) -> None:
    noisy = with_noise(cat, 25, 0)
    assert denoiser.denoise(noisy, sigma, strength=0).tobytes() == noisy.tobytes()
    changes = [
        psnr(noisy, denoiser.denoise(noisy, sigma, strength=strength)) for strength in (0.3, 1, 2)
    ]
    assert changes[0] > changes[1] + 0.3
    # Twice what there is may take a little less again.
    assert changes[2] < changes[1] + (0 if sigma else 0.3)


def test_strength_is_a_factor_on_sigma(denoiser: Denoiser, cat: Image.Image) -> None:
    noisy = with_noise(cat, 25, 0)
    stronger = denoiser.denoise(noisy, 20, strength=1.5)
    same = np.asarray(denoiser.denoise(noisy, 30), int)
    assert np.abs(np.asarray(stronger, int) - same).max() <= 1  # 1.5 times 20 / 255, in floats


def test_what_was_found_is_the_median_of_the_map(denoiser: Denoiser, cat: Image.Image) -> None:
    found = {}
    for sigma in (10, 40):
        picture = Picture.from_image(with_noise(cat, sigma, 0))
        cleaned, found[sigma] = denoiser.denoise_picture(picture, None, "auto", 1.0)
        assert found[sigma].kind == "gaussian"
        told = denoiser.denoise_picture(picture, 7.5, "auto", 1.0)[1]
        assert told == Found("gaussian", 7.5)
    assert found[40].sigma > 1.5 * found[10].sigma > 0


def test_noise_that_varies_is_taken_where_it_is(denoiser: Denoiser, cat: Image.Image) -> None:
    half = cat.width // 2
    mixed = cat.copy()
    mixed.paste(with_noise(cat, 40, 0).crop((half, 0, *cat.size)), (half, 0))
    cleaned = denoiser.denoise(mixed)
    left, right = (0, 0, half, cat.height), (half, 0, *cat.size)
    gain = psnr(cat.crop(right), cleaned.crop(right)) - psnr(cat.crop(right), mixed.crop(right))
    assert gain > 2
    # As strong noise is taken for, the clean half would lose more.
    everywhere = denoiser.denoise(mixed, 40)
    assert (
        psnr(cat.crop(left), cleaned.crop(left)) > psnr(cat.crop(left), everywhere.crop(left)) + 0.5
    )


def test_noise_that_clipping_and_texture_hide_is_that_of_the_rest(denoiser: Denoiser) -> None:
    cup = photograph("coffee").crop((0, 0, 256, 256))
    noisy = Picture.from_image(with_noise(cup, 50, 0))
    cleaned, _ = denoiser.denoise_picture(noisy, None, "auto", 1.0)
    x = to_tensor(noisy.pixels).numpy()
    of_each_part = denoiser.restore(x, Diagnosis("gaussian", least=0))
    median_at_least = denoiser.restore(x, Diagnosis("gaussian"))
    restored = of_each_part, median_at_least
    errors = [np.square(y - to_tensor(cup).numpy()).mean() for y in restored]
    assert errors[1] < 0.98 * errors[0]
    assert psnr(cup, cleaned.to_image()) == pytest.approx(-10 * math.log10(errors[1]), abs=0.1)


@pytest.mark.parametrize(
    "arguments",
    [{"sigma": -1}, {"sigma": float("nan")}, {"noise": "hum"}, {"strength": 3}],
)
def test_arguments_out_of_range(
    denoiser: Denoiser, cat: Image.Image, arguments: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        denoiser.denoise(cat, **arguments)  # type: ignore[arg-type]


def test_a_file_that_is_no_weights(tmp_path: Path) -> None:
    codec = Path(str(weights.__file__)).parents[1] / "weights" / "codec-psnr.safetensors"
    (tmp_path / "text").write_text("weights")
    for path, what in (
        (tmp_path / "none", "no such weight file"),
        (tmp_path / "text", "not a denoiser weight file"),
        (codec, "not a denoiser weight file"),
    ):
        with pytest.raises(AecodecError, match=what) as caught:
            Denoiser("cpu", path)
        assert "\n" not in str(caught.value)


def test_weights_that_were_written_again_are_read_again(tmp_path: Path) -> None:
    config, path = DenoiserConfig((8, 8, 8), (1, 1, 1)), tmp_path / "weights"
    grey = Image.new("RGB", (64, 64), (90, 120, 150))
    results = []
    for value in (0.0, 0.5):
        model = DenoiserModel(config)
        for network in (model.white, model.camera):
            torch.nn.init.constant_(network.tail.weight, value)
        save_file(model.state_dict(), path, metadata={"config": config.to_json()})
        results.append(Denoiser("cpu", path).denoise(with_noise(grey, 20, 0), 20).tobytes())
    assert results[0] != results[1]


def test_nothing_done_is_still_another_image(denoiser: Denoiser, cat: Image.Image) -> None:
    same = denoiser.denoise(cat, strength=0)
    assert same is not cat
    assert same.tobytes() == cat.tobytes()


def test_a_build_without_weights_says_so(cat: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "DEFAULT_MODEL", "none-such")
    aecodec._denoiser.cache_clear()
    with pytest.raises(AecodecError, match="none-such: no such weight file.*aecodec train denoise"):
        aecodec.denoise(cat)


def test_the_shortcut_uses_the_shipped_weights(cat: Image.Image, denoiser: Denoiser) -> None:
    aecodec._denoiser.cache_clear()
    noisy = with_noise(cat, 25, 0)
    assert aecodec.denoise(noisy, 25).tobytes() == denoiser.denoise(noisy, 25).tobytes()


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_white_noise_and_a_cameras_have_their_own_networks(denoiser: Denoiser, name: str) -> None:
    crop = to_tensor(photograph(name).crop((40, 0, 296, 256)))
    generator = Generator().manual_seed(0)
    white = [noise.to_8_bit(noise.gaussian(crop, sigma, generator)) for sigma in (5, 15, 50)]
    developed = [
        camera.photograph(crop, camera.plain_camera(iso, 95), generator)[0]
        for iso in (400, 1600, 6400)
    ]
    logits = [denoiser._networks.whiteness_logit(x.numpy()) for x in (*white, *developed)]
    assert min(logits[:3]) > 0 > max(logits[3:])
