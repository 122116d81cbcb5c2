from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from aecodec.codec import container, tiling
from aecodec.codec.codec import Codec
from aecodec.errors import (
    AecodecError,
    UnsupportedImageError,
    WeightsMismatchError,
)
from aecodec.weights import loading, weight_file
from tests.conftest import psnr


def test_a_photo_comes_back_close(codec: Codec, cat: Image.Image) -> None:
    data = codec.compress(cat, 50)
    assert psnr(cat, codec.decompress(data)) > 30
    assert len(data) < 0.05 * cat.width * cat.height * 3


def test_fewer_bytes_than_jpeg_at_the_same_psnr(codec: Codec, cat: Image.Image) -> None:
    for quality in (20, 40, 60):
        data = codec.compress(cat, quality)
        wanted = psnr(cat, codec.decompress(data))
        for jpeg_quality in range(5, 96):
            buffer = io.BytesIO()
            cat.save(buffer, "JPEG", quality=jpeg_quality, optimize=True, progressive=True)
            if psnr(cat, Image.open(buffer)) >= wanted:
                break
        assert len(data) < 0.85 * len(buffer.getvalue())


def test_rate_and_quality_rise_with_quality(codec: Codec, cat: Image.Image) -> None:
    files = [codec.compress(cat, q, effort="fast") for q in range(1, 101, 3)]
    sizes = [len(f) for f in files]
    assert sizes == sorted(sizes)
    values = [psnr(cat, codec.decompress(f)) for f in files[::4]]
    assert values == sorted(values)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_any_size_comes_back_at_its_size(
    codec: Codec, width: int, height: int, quality: int, seed: int
) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    decoded = codec.decompress(codec.compress(image, quality))
    assert (decoded.mode, decoded.size) == ("RGB", (width, height))


def test_tall_and_narrow_pictures_do_not_depend_on_what_memory_holds(
    codec: Codec, cat: Image.Image
) -> None:
    image = cat.resize((44, 363))
    expected = codec.compress(image, 57, effort="fast")
    for size in range(100, 100_000, 7_919):
        junk = [torch.full((size + 64 * k,), float("nan")) for k in range(8)]
        del junk
        assert codec.compress(image, 57, effort="fast") == expected


def test_extreme_pixels_survive(codec: Codec) -> None:
    checker = np.indices((64, 64)).sum(0) % 2 * 255
    image = Image.fromarray(np.stack([checker, 255 - checker, checker], -1).astype(np.uint8))
    assert codec.decompress(codec.compress(image, 100)).size == (64, 64)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_modes_are_kept(codec: Codec, small: Image.Image, mode: str) -> None:
    image = small.convert(mode)
    decoded = codec.decompress(codec.compress(image, 80))
    assert decoded.mode == mode
    assert psnr(image.convert("RGB"), decoded.convert("RGB")) > 28


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_exact(codec: Codec, small: Image.Image, mode: str) -> None:
    image = small.convert(mode)
    noise = np.random.default_rng(0).integers(0, 256, (small.height, small.width), dtype=np.uint8)
    image.putalpha(Image.fromarray(noise))
    decoded = codec.decompress(codec.compress(image, 10))
    np.testing.assert_array_equal(np.asarray(decoded.getchannel("A")), noise)


def test_constant_alpha_costs_a_few_bytes(codec: Codec, small: Image.Image) -> None:
    opaque = small.convert("RGBA")
    assert len(codec.compress(opaque)) - len(codec.compress(small)) < 10
    assert codec.decompress(codec.compress(opaque)).getchannel("A").getextrema() == (255, 255)


def test_sixteen_bit_grey(codec: Codec) -> None:
    levels = skimage.data.coins()[:96, :128].astype(np.uint16) * 257 + 100
    image = Image.fromarray(levels)
    assert image.mode == "I;16"
    decoded = codec.decompress(codec.compress(image, 90))
    assert decoded.mode == "I;16"
    assert psnr(image, decoded, peak=65535) > 30
    assert len(np.unique(np.asarray(decoded) % 257)) > 50  # more than 8 bits deep


def test_palette_and_bilevel(codec: Codec, small: Image.Image) -> None:
    palette = small.quantize(64)
    assert codec.decompress(codec.compress(palette, 90)).mode == "RGB"
    palette.info["transparency"] = 3
    expected = palette.convert("RGBA").getchannel("A")
    decoded = codec.decompress(codec.compress(palette, 90))
    assert decoded.getchannel("A").tobytes() == expected.tobytes()
    assert codec.decompress(codec.compress(small.convert("1"), 90)).mode == "L"


def test_other_colours_are_converted_and_those_of_print_are_said(
    codec: Codec, small: Image.Image
) -> None:
    srgb, cielab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(small, srgb, cielab, outputMode="LAB")
    assert lab is not None
    for image in (lab, small.convert("CMYK")):
        with pytest.warns(UserWarning, match=f"{image.mode} pixels were converted to RGB"):
            data = codec.compress(image, 80)
        assert psnr(small, codec.decompress(data)) > 25
    for mode in ("YCbCr", "HSV", "RGBX"):
        assert psnr(small, codec.decompress(codec.compress(small.convert(mode), 80))) > 25


def test_modes_without_a_reading_are_refused(codec: Codec) -> None:
    with pytest.raises(UnsupportedImageError, match="mode 'F'"):
        codec.compress(Image.new("F", (8, 8)))


def test_metadata_is_kept(codec: Codec, small: Image.Image) -> None:
    image = small.copy()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "a cat"
    image.info.update(icc_profile=profile, exif=exif.tobytes(), xmp=b"<x:xmpmeta/>")
    decoded = codec.decompress(codec.compress(image))
    assert decoded.info["icc_profile"] == profile
    assert decoded.info["xmp"] == b"<x:xmpmeta/>"
    assert decoded.getexif()[0x010E] == "a cat"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(
    codec: Codec, small: Image.Image, tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "kept"
    small.save(tmp_path / "x.png", exif=exif)
    decoded = codec.decompress(codec.compress(Image.open(tmp_path / "x.png"), 80))
    swapped = orientation >= 5
    assert decoded.size == (small.size[::-1] if swapped else small.size)
    assert decoded.getexif().get(0x0112, 1) == 1
    if orientation == 6:
        assert psnr(small.transpose(Image.Transpose.ROTATE_270), decoded) > 28
    assert decoded.getexif()[0x010E] == "kept"


def test_tiles_leave_no_seams(
    codec: Codec, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = codec.compress(cat, 50, effort="fast")
    monkeypatch.setattr(tiling, "TILE", 8)  # 128 pixels: twelve tiles
    tiled = codec.compress(cat, 50, effort="fast")
    a, b = codec.decompress(whole), codec.decompress(tiled)
    assert psnr(cat, b) > psnr(cat, a) - 0.05  # it may be better: latents near borders differ
    assert len(tiled) < 1.1 * len(whole)
    # Error along the tiles' borders is no larger than elsewhere.
    error = np.abs(np.asarray(cat, dtype=float) - np.asarray(b, dtype=float)).mean((0, 2))
    borders = [x + d for x in range(128, 451, 128) for d in (-1, 0)]
    assert error[borders].mean() < 1.25 * error.mean()


def test_tiling_covers_every_latent_once() -> None:
    seen = np.zeros((23, 37), dtype=int)
    for window in tiling.windows(23, 37, 8, 3):
        seen[window.inner.rows, window.inner.columns] += 1
        outer = np.zeros_like(seen)[window.outer.rows, window.outer.columns]
        assert outer.shape == (window.outer_height, window.outer_width)
        inside = outer[window.inside.rows, window.inside.columns]
        assert inside.shape == (window.height, window.width)
    assert (seen == 1).all()


@pytest.mark.parametrize(("quality", "most"), [(20, 1.001), (90, 0.995)])
def test_max_effort_is_worth_it(cat: Image.Image, quality: int, most: float) -> None:
    piece, codec = cat.crop((0, 100, 160, 228)), Codec("cpu", "codec-psnr")
    weight = codec.model.config.rd_lambda(quality)

    def cost(effort: str) -> float:
        data = codec.compress(piece, quality, effort=effort)
        mse = 255**2 / 10 ** (psnr(piece, codec.decompress(data)) / 10)
        return 8 * len(data) / (piece.width * piece.height) + weight * mse

    assert cost("max") < most * cost("default")


def test_an_image_always_makes_the_same_file_even_where_gradients_are_off(
    cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecodec.codec.refine.ITERATIONS", 10)
    piece, codec = cat.crop((0, 100, 160, 228)), Codec("cpu", "codec-psnr")
    for effort in ("fast", "default", "max"):
        (made,) = {codec.compress(piece, 90, effort=effort) for _ in range(3)}
    for mode in (torch.no_grad, torch.inference_mode):
        loading._load.cache_clear()
        with mode():
            assert Codec("cpu", "codec-psnr").compress(piece, 90, effort="max") == made


def test_weights_that_change_are_loaded_anew(tmp_path: Path, small: Image.Image) -> None:
    file = tmp_path / "mine.safetensors"
    digests = set()
    for number, name in enumerate(("codec-psnr", "codec-balanced")):
        shutil.copy(weight_file(name), file)
        os.utime(file, (number, number))
        digests.add(Codec("cpu", file).digest)
    assert len(digests) == 2


def test_metadata_that_could_not_be_read_back_are_left_out(
    codec: Codec, small: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = small.copy()
    image.info["xmp"] = (container.MAX_METADATA + 1) * b"x"
    image.info["icc_profile"] = b"profile"
    with pytest.warns(UserWarning, match="xmp of 67,108,865 bytes is left out"):
        data = codec.compress(image)
    assert codec.decompress(data).info == {"icc_profile": b"profile"}


def test_what_is_all_padding_is_refused(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    thin = Image.new("L", (140_000, 2))
    with pytest.raises(UnsupportedImageError, match="thin; it can be kept lossless"):
        codec.compress(thin)
    assert codec.decompress(codec.compress(thin, lossless=True)).size == thin.size
    monkeypatch.setattr(container, "MAX_PIXELS", 100_000)
    codec.compress(Image.new("L", (300, 300)))
    with pytest.raises(UnsupportedImageError, match="140000x2 is too long and thin$"):
        codec.compress(thin, lossless=True)


def test_effort_and_device_are_checked(codec: Codec, small: Image.Image) -> None:
    with pytest.raises(ValueError, match="effort must be one of"):
        codec.compress(small, effort="heroic")
    with pytest.raises(AecodecError, match="unknown device"):
        Codec("abacus")


def test_other_weights_are_refused(codec: Codec, small: Image.Image) -> None:
    other = Codec("cpu")
    other.digest = bytes(range(8))
    with pytest.raises(WeightsMismatchError, match="0001020304050607"):
        codec.decompress(other.compress(small))
