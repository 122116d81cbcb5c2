from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

import aecodec
from aecodec.codec.inference import InferenceModel
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


def test_metadata_pass_through_and_are_there_before_decoding(
    small: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    for given in (exif, exif.tobytes()):
        small.save(tmp_path / "x.aec", exif=given, icc_profile=b"profile")
        with Image.open(tmp_path / "x.aec") as image:
            assert image.getexif()[0x010F] == "Maker"
            image.load()
            assert image.getexif()[0x010F] == "Maker"
            assert image.info["icc_profile"] == b"profile"


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
    with pytest.raises(UnidentifiedImageError, match=r"x\.aec: chunk 1 of 1: cut short"):
        Image.open(tmp_path / "x.aec")


def test_no_file_is_kept_open(small: Image.Image, tmp_path: Path) -> None:
    small.save(tmp_path / "x.aec")
    image = Image.open(tmp_path / "x.aec")
    assert image.crop((1, 2, 30, 40)).size == (29, 38)
    assert image.fp is None
    (tmp_path / "x.aec").unlink()
    assert image.convert("L").size == small.size
    stream = io.BytesIO(aecodec.compress(small))
    Image.open(stream).load()
    assert not stream.closed


@pytest.mark.parametrize("dpi", [300, (300, 300), [300, 300]])
def test_resolution_in_any_form(small: Image.Image, tmp_path: Path, dpi: object) -> None:
    small.save(tmp_path / "x.aec", dpi=dpi)
    with Image.open(tmp_path / "x.aec") as image:
        assert image.info["dpi"] == (300, 300)


def test_options_and_properties(small: Image.Image, tmp_path: Path) -> None:
    small.save(tmp_path / "x.aec", lossless=True, dpi=(300, 150), comment=b"a cat")
    with Image.open(tmp_path / "x.aec") as image:
        assert image.info["dpi"] == (300, 150)
        assert image.info["comment"] == b"a cat"
        assert image.tobytes() == small.tobytes()


def test_drafts_and_thumbnails(cat: Image.Image, tmp_path: Path) -> None:
    cat.save(tmp_path / "x.aec", quality=60)
    with Image.open(tmp_path / "x.aec") as image:
        assert image.draft("RGB", (50, 30)) == ("RGB", (0, 0, 451 / 8, 300 / 8))
        assert image.size == (57, 38)
        image.load()
        assert image.im.size == (57, 38)
        assert psnr(cat.reduce(8), image.convert("RGB")) > 30
    with Image.open(tmp_path / "x.aec") as image:
        image.draft(None, (400, 200))
        assert image.size == cat.size
        image.draft(None, (1, 1))
        assert image.size == (29, 19)
        image.thumbnail((12, 12))
        assert image.size == (12, 8)


def test_a_crop_before_loading(cat: Image.Image, tmp_path: Path) -> None:
    cat.save(tmp_path / "x.aec", dpi=(200, 200))
    box = (100, 50, 230, 101)
    with Image.open(tmp_path / "x.aec") as image:
        part = image.crop(box)
        beyond = image.crop((-5, -5, 20, 20))
        whole = image.crop((0, 0, *image.size))
    assert part.info["dpi"] == (200, 200)
    assert part.tobytes() == whole.crop(box).tobytes()
    assert beyond.tobytes() == whole.crop((-5, -5, 20, 20)).tobytes()


@pytest.mark.parametrize(("size", "thumbnail"), [((56, 56), (56, 37)), ((28, 99), (28, 19))])
def test_a_thumbnail_needs_no_synthesis(
    cat: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    thumbnail: tuple[int, int],
) -> None:
    data = aecodec.compress(cat, 70)
    monkeypatch.setattr(InferenceModel, "synthesise", None)
    with Image.open(io.BytesIO(data)) as image:
        image.thumbnail(size)
    assert image.size == thumbnail
    assert psnr(cat.resize(thumbnail, Image.Resampling.BICUBIC), image.copy()) > 27


def test_a_thumbnail_of_no_pixels_is_refused(cat: Image.Image) -> None:
    with (
        Image.open(io.BytesIO(aecodec.compress(cat))) as image,
        pytest.raises(ValueError, match="a thumbnail of 0x5 has no pixels"),
    ):
        image.thumbnail((0, 5))


def test_a_larger_thumbnail_is_made_of_the_picture(cat: Image.Image) -> None:
    with Image.open(io.BytesIO(aecodec.compress(cat, 70))) as image:
        image.thumbnail((57, 57))
    assert image.size == (57, 38)
    wanted = cat.copy()
    wanted.thumbnail((57, 57))
    assert psnr(wanted, image.copy()) > 30
