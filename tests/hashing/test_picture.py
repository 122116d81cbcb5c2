"""What the hash sees of an image file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aecodec.hashing.picture import preview_of, read_preview


def test_orientation_and_size_of_a_reduced_jpeg(tmp_path: Path, cat: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    big = cat.resize((2000, 1200))
    big.save(tmp_path / "turned.jpg", exif=exif)
    small = read_preview(tmp_path / "turned.jpg")
    assert (small.width, small.height) == (1200, 2000)
    assert small.image.height > small.image.width
    big.rotate(-90, expand=True).save(tmp_path / "upright.png")
    whole = read_preview(tmp_path / "upright.png")
    difference = whole.to_square(32).astype(float) - small.to_square(32)
    assert np.abs(difference).mean() < 3


def test_what_16_bits_and_transparency_show_is_hashed() -> None:
    rng = np.random.default_rng(0)
    measured = np.kron(rng.integers(1000, 1400, (20, 20)), np.ones((5, 5))).astype(np.uint16)
    stretched = np.asarray(preview_of(Image.fromarray(measured)).image)
    assert stretched.min() < 10
    assert stretched.max() > 245
    logo = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    logo.paste((255, 255, 255, 255), (16, 16, 48, 48))
    assert np.asarray(preview_of(logo).image).std() > 50
    dark = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    dark.paste((0, 0, 0, 255), (16, 16, 48, 48))
    assert preview_of(dark).image.getpixel((0, 0)) == (255, 255, 255)
