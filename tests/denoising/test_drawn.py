from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageFont

import aecodec
from aecodec.training.drawn import draw
from tests.conftest import psnr
from tests.pictures import game, through_jpeg


@pytest.mark.parametrize("sigma", [None, 0, 5])
@pytest.mark.parametrize("kind", ["page", "chart", "flag", "terminal", "interface", "pixel_art"])
def test_drawn_pictures_pass_unharmed(kind: str, sigma: float | None) -> None:
    image = draw(200, kind, (270, 200))
    assert psnr(image, aecodec.denoise(image, sigma)) > 45


@pytest.mark.parametrize("sigma", [None, 0])
@pytest.mark.parametrize("kind", ["colour_bars", "dithering", "shapes", "stripes", "icons", "code"])
def test_what_looks_like_noise_passes_too(kind: str, sigma: float | None) -> None:
    image = draw(201, kind, (270, 200))
    assert psnr(image, aecodec.denoise(image, sigma)) > 45


@pytest.mark.parametrize("kind", ["flag", "colour_bars", "shapes", "page"])
def test_saturated_graphics_from_jpeg_do_not_blow_up(kind: str) -> None:
    image = draw(202, kind, (270, 200))
    coded = through_jpeg(image, 85)
    for sigma in (None, 0, 1, 5):
        assert psnr(image, aecodec.denoise(coded, sigma)) > psnr(image, coded) - 1


def test_saturated_text_stays_as_it_is() -> None:
    image = Image.new("RGB", (400, 300))
    pen = ImageDraw.Draw(image)
    for line, colour in enumerate(["magenta", "cyan", (57, 255, 20), "yellow"]):
        pen.text((20, 20 + 60 * line), "NEON SIGN", font=ImageFont.load_default(40), fill=colour)
    assert aecodec.denoise(image, 0).tobytes() == image.tobytes()


def test_dense_text_and_textures_of_few_colours_stay_as_they_are() -> None:
    """They had 40.6 to 42.2 and 20.3 dB: few pixels of theirs repeat their neighbours."""
    page, rng = Image.new("RGB", (416, 320), (250, 246, 235)), np.random.default_rng(0)
    pen = ImageDraw.Draw(page)
    for line in range(24):
        words = "many small words, one line under another, 0123456789"
        colour = tuple(rng.integers(0, 256, 3).tolist())
        pen.text((8, 6 + 13 * line), words, font=ImageFont.load_default(11), fill=colour)
    for image in (page, game()):
        assert aecodec.denoise(image).tobytes() == image.tobytes()


def test_a_noisy_photo_beside_clean_text_is_still_denoised() -> None:
    photo = skimage.data.chelsea()[40:232, 100:356].astype(float)
    noise = np.random.default_rng(0).normal(0, 20, photo.shape)
    noisy = (photo + noise).round().clip(0, 255).astype(np.uint8)
    page = Image.new("RGB", (256, 384), "white")
    page.paste(Image.fromarray(noisy), (0, 192))
    ImageDraw.Draw(page).text((20, 20), "a caption", font=ImageFont.load_default(30), fill="black")
    restored = aecodec.denoise(page)
    assert restored.crop((0, 0, 256, 160)).tobytes() == page.crop((0, 0, 256, 160)).tobytes()
    clean = Image.fromarray(photo.astype(np.uint8))
    shown = (0, 192, 256, 384)
    assert psnr(clean, restored.crop(shown)) > psnr(clean, page.crop(shown)) + 3
