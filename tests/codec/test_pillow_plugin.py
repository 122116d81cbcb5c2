from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

import aecodec
from tests.conftest import psnr


@pytest.fixture(autouse=True)
def _registered() -> None:
    aecodec.register_pillow()


def test_save_and_open(small: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "x.aec"
    small.save(path, quality=70)
    assert path.read_bytes() == aecodec.compress(small, 70)
    with Image.open(path) as image:
        assert (image.format, image.size, image.mode) == ("AEC", small.size, "RGB")
        assert image.info["quality"] == 70
        assert psnr(small, image.convert("RGB")) > 28
        assert image.fp is None  # closed: Windows replaces no file that is open


def test_default_quality_and_copy_to_png(small: Image.Image, tmp_path: Path) -> None:
    small.save(tmp_path / "x.aec")
    with Image.open(tmp_path / "x.aec") as image:
        image.save(tmp_path / "x.png")
    assert psnr(small, Image.open(tmp_path / "x.png")) > 25


def test_metadata_passes_through(small: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a cat"
    small.save(tmp_path / "x.aec", exif=exif.tobytes(), icc_profile=b"profile")
    with Image.open(tmp_path / "x.aec") as image:
        image.load()
        assert image.info["icc_profile"] == b"profile"
        assert image.getexif()[0x010E] == "a cat"


def test_exif_as_pillow_hands_it_over_and_before_decoding(
    small: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    small.save(tmp_path / "x.aec", exif=exif)
    with Image.open(tmp_path / "x.aec") as image:
        assert image.getexif()[0x010F] == "Maker"
        image.load()
        assert image.getexif()[0x010F] == "Maker"


def test_alpha_and_grey(small: Image.Image, tmp_path: Path) -> None:
    for mode in ("RGBA", "L"):
        small.convert(mode).save(tmp_path / "x.aec")
        with Image.open(tmp_path / "x.aec") as image:
            assert image.mode == mode
            image.load()
            assert image.getbands() == small.convert(mode).getbands()


def test_a_damaged_file_is_not_an_image(small: Image.Image, tmp_path: Path) -> None:
    data = aecodec.compress(small)
    (tmp_path / "x.aec").write_bytes(data[:-3])
    with pytest.raises(UnidentifiedImageError):
        Image.open(tmp_path / "x.aec")
