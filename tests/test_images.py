from __future__ import annotations

import gc
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import aecodec
from aecodec import images
from aecodec.errors import AecodecError, UnsupportedImageError
from aecodec.hashing.picture import read_preview
from tests.images.files import chunk, saved, taken_apart, written
from tests.processes import run_python


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    with pytest.raises(UnsupportedImageError, match=r"notes\.jpg: not an image"):
        images.open_image(text)
    with pytest.raises(FileNotFoundError):
        images.open_image(tmp_path / "missing.png")


def test_cut_files_are_called_damaged(small: Image.Image, tmp_path: Path) -> None:
    data, path = saved(small, "PNG"), tmp_path / "cut.png"
    for length in (60, 500, len(data) - 30):
        path.write_bytes(data[:length])
        with pytest.raises(UnsupportedImageError, match=r"cut\.png"):
            images.open_image(path)


def test_huge_images_are_refused_before_they_are_decoded(
    small: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.save(tmp_path / "x.png")
    monkeypatch.setattr(images.picture, "MAX_PIXELS", 6_999)
    with pytest.raises(UnsupportedImageError, match=r"x\.png: 100x70 is over"):
        images.open_image(tmp_path / "x.png")


@pytest.mark.parametrize("format", ["GIF", "TIFF"])
def test_damage_behind_the_first_frame_is_no_matter(format: str) -> None:
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (17, 24, 3), dtype=np.uint8)) for _ in range(3)]
    first, *others = (image.convert("P") for image in noise) if format == "GIF" else noise
    data = saved(first, format, save_all=True, append_images=others)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.integers(1500, len(data))] = rng.integers(256)
        cut = bytes(data[: rng.integers(1500, len(data))])
        for candidate in (bytes(damaged), cut):
            picture, _ = taken_apart(candidate)
            assert picture.pixels.tobytes() == first.convert("RGB").tobytes()


@pytest.mark.parametrize("suffix", ["gif", "png", "tif", "webp", "avif"])
def test_files_of_more_frames_are_closed(small: Image.Image, tmp_path: Path, suffix: str) -> None:
    path, exif = tmp_path / f"x.{suffix}", Image.Exif()
    exif.get_ifd(0x8769)[0x829A] = 0.01
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"Author\0someone", after_idat=True)
    options: dict[str, Any] = {"exif": exif.tobytes(), "pnginfo": info}
    small.save(path, save_all=True, append_images=[small.rotate(180)], **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = images.Picture.from_image(images.open_image(path))
        gc.collect()
    assert [warning.category for warning in caught] == [UserWarning]
    assert str(caught[0].message).startswith("only the first ")
    kept = Image.Exif()
    kept.load(picture.metadata.get("exif", b""))
    assert kept.get_ifd(0x8769).get(0x829A) == (None if suffix == "gif" else pytest.approx(0.01))
    assert (b"someone" in picture.metadata.get("properties", b"")) == (suffix == "png")


def test_notes_of_threads_leave_the_filters_of_warnings_alone(
    small: Image.Image, tmp_path: Path
) -> None:
    small.save(tmp_path / "x.gif", save_all=True, append_images=[small.rotate(90)])
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: read_preview(tmp_path / "x.gif"), range(200)))
    assert list(warnings.filters) == before


def test_tags_of_another_layout_do_not_scramble_a_tiff(small: Image.Image) -> None:
    structural = {254: 1, 257: 3, 258: 4, 259: 5, 262: 2, 266: 2, 278: 0, 284: 2, 338: 1, 339: 3}
    for tag, value in structural.items():
        exif = Image.Exif()
        exif[tag], exif[271] = value, "a camera"
        image = small.copy()
        image.info["exif"] = exif.tobytes()
        with Image.open(io.BytesIO(written(image, "tiff")[0])) as again:
            assert again.convert("RGB").tobytes() == small.tobytes()
            assert again.getexif()[271] == "a camera"


@pytest.mark.parametrize("format", ["bmp", "dib", "gif", "ppm"])
def test_alpha_is_not_lost_without_a_word(small: Image.Image, format: str) -> None:
    image = small.convert("RGBA")
    written(image, format)  # opaque: nothing is lost
    image.putpixel((3, 4), (10, 20, 30, 127))
    with pytest.raises(UnsupportedImageError, match="alpha; try png"):
        images.save_image(image, io.BytesIO(), format)
    image.putpixel((3, 4), (10, 20, 30, 0))
    if format == "gif":  # which can tell all from nothing
        with Image.open(io.BytesIO(written(image, format)[0])) as again:
            assert again.convert("RGBA").getpixel((3, 4))[3] == 0  # type: ignore[index]


def test_signed_and_wide_integers() -> None:
    wide = Image.fromarray(np.full((4, 4), 70_000, dtype=np.int32))
    with pytest.raises(UnsupportedImageError, match="32-bit"):
        images.Picture.from_image(wide)
    fitting = Image.fromarray(np.full((4, 4), 60_000, dtype=np.int32))
    assert images.Picture.from_image(fitting).mode == "I;16"


def sixteen_bit_png(small: Image.Image) -> bytes:
    wide = np.asarray(small).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    header = struct.pack(">IIBBBBB", small.width, small.height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def sixteen_bit_ppm(small: Image.Image) -> bytes:
    wide = np.asarray(small).astype(">u2") * 257
    return f"P6 {small.width} {small.height} 65535\n".encode() + wide.tobytes()


def sixteen_bit_plain_ppm(small: Image.Image) -> bytes:
    wide = np.asarray(small).astype(int) * 257
    return f"P3 {small.width} {small.height} 65535\n{' '.join(map(str, wide.flat))}\n".encode()


@pytest.mark.parametrize("write", [sixteen_bit_png, sixteen_bit_ppm, sixteen_bit_plain_ppm])
def test_colours_of_sixteen_bits_become_eight_with_a_note(
    small: Image.Image, tmp_path: Path, write: Callable[[Image.Image], bytes]
) -> None:
    path = tmp_path / "deep"
    path.write_bytes(write(small))
    for image in (images.open_image(path), Image.open(path)):
        with pytest.warns(UserWarning, match="16-bit colours were converted to 8 bits"):
            picture = images.Picture.from_image(image)
        assert np.array_equal(np.asarray(picture.pixels), np.asarray(small))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.Picture.from_image(small)
        small.save(path, "PPM")
        images.Picture.from_image(images.open_image(path))


def test_sixteen_bits_become_eight_and_not_white(small: Image.Image) -> None:
    grey = small.convert("L")
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert np.array_equal(np.asarray(images.to_8_bits(wide)), np.asarray(grey))
    assert images.to_8_bits(small) is small


def test_what_a_file_holds_is_said_with_its_name(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), dtype=np.float32)).save(tmp_path / "deep.tif")
    with pytest.raises(UnsupportedImageError, match=r"deep\.tif: pixels of mode 'F'"):
        images.open_pixels(tmp_path / "deep.tif")


def test_photos_are_found_but_not_what_is_hidden(small: Image.Image, tmp_path: Path) -> None:
    (tmp_path / ".thumbs").mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "folder.jpg").mkdir()
    for name in (".thumbs/a.png", "._b.png", "below/a.PNG", "b.png"):
        small.save(tmp_path / name)
    found = images.find_photos([tmp_path, tmp_path / "below"])
    assert [path.name for path in found] == ["a.PNG", "b.png"]
    with pytest.raises(AecodecError, match="nowhere: no such file or folder"):
        images.find_photos([tmp_path / "nowhere"])


def test_a_format_of_the_extra_tells_what_to_install(
    small: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images.reading, "find_spec", lambda name: None)
    monkeypatch.delitem(Image.EXTENSION, ".jxl", raising=False)  # from an earlier test
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(UnsupportedImageError, match=r"phone\.heic: .*aecodec\[codecs\]"):
        images.open_image(tmp_path / "phone.heic")
    with pytest.raises(UnsupportedImageError, match=r"aecodec\[codecs\]"):
        images.save_image(small, io.BytesIO(), "jxl")


def test_colour_under_transparent_pixels_is_kept(small: Image.Image) -> None:
    image = small.convert("RGBA")
    image.putalpha(0)
    picture = images.Picture.from_image(image)
    assert picture.pixels.tobytes() == small.tobytes()
    assert picture.to_image().tobytes() == image.tobytes()


def test_formats_that_cannot_hold_a_mode_say_so(small: Image.Image, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedImageError, match="JPEG cannot hold this image"):
        images.save_image(small.convert("RGBA"), tmp_path / "x.jpg", "jpg")
    with pytest.raises(UnsupportedImageError, match="unknown image format 'doc'"):
        images.save_image(small, tmp_path / "x.doc", "doc")


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6" dc:title="cat"/>'


@pytest.mark.parametrize("format", ["webp", "avif", "gif", "jpg"])
def test_sixteen_bits_do_not_turn_white(format: str) -> None:
    grey = Image.fromarray(np.full((32, 32), 20_000, dtype=np.uint16))
    with pytest.raises(UnsupportedImageError, match="cannot hold this image"):
        images.save_image(grey, io.BytesIO(), format)


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tif", "avif"])
def test_malformed_exif_damages_no_picture(small: Image.Image, format: str) -> None:
    image = small.copy()
    image.info.update(exif=b"garbage-not-tiff", xmp=XMP.replace(b"Orientation", b"Other"))
    assert taken_apart(written(image, format)[0])[0].pixels.size == small.size


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tif", "avif"])
def test_xmp_and_exif_survive(small: Image.Image, format: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    image = small.copy()
    image.info.update(xmp=XMP, exif=exif.tobytes())
    kept = taken_apart(written(image, format)[0])[0].metadata
    assert (kept["xmp"].count(b"cat"), kept["exif"].count(b"Maker")) == (1, 1)


def test_metadata_that_jpeg_has_no_room_for_is_left_out(small: Image.Image) -> None:
    image = small.copy()
    image.info.update(xmp=70_000 * b"x", icc_profile=200_000 * b"x")
    data, (note,) = written(image, "jpg")
    assert "JPEG has no room for 70,000 bytes of xmp" in note
    assert list(taken_apart(data)[0].metadata) == ["icc_profile"]


def test_orientation_in_xmp_is_applied_once(small: Image.Image) -> None:
    turned, _ = taken_apart(saved(small, "JPEG", xmp=XMP))
    assert turned.pixels.size == (70, 100)
    assert b"cat" in turned.metadata["xmp"]
    assert b"Orientation" not in turned.metadata["xmp"]
    assert images.Picture.from_image(turned.to_image()).pixels.size == (70, 100)


def test_exif_of_a_turned_tiff_is_about_the_photo_only(small: Image.Image) -> None:
    exif, kept = Image.Exif(), Image.Exif()
    exif[images.ORIENTATION], exif[0x010F] = 6, "Maker"
    picture, _ = taken_apart(saved(small, "TIFF", exif=exif))
    assert picture.pixels.size == (70, 100)
    kept.load(picture.metadata["exif"])
    assert dict(kept) == {0x010F: "Maker"}


@pytest.mark.parametrize("format", ["AVIF", "WEBP", "JPEG", "TIFF", "GIF", "JPEG2000"])
def test_damaged_files_of_any_format_are_called_damaged(
    small: Image.Image, tmp_path: Path, format: str
) -> None:
    whole = saved(small, format)
    path, rng = tmp_path / "corrupted.img", np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 8):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        with suppress(UnsupportedImageError):  # no other error
            images.open_image(path)


def test_compressing_does_not_import_heavy_packages() -> None:
    code = """
import sys, aecodec
from PIL import Image
aecodec.decompress(aecodec.compress(Image.new("RGB", (32, 32))))
heavy = ["compressai", "torch_geometric", "matplotlib", "lightning", "torchvision", "faiss"]
heavy += ["scipy"]
print(*(m for m in heavy if m in sys.modules))
"""
    assert run_python(code, check=True).stdout.strip() == ""


@pytest.mark.parametrize(("plugin", "suffix"), [("pillow_jxl", "jxl"), ("pillow_heif", "heic")])
def test_plugins_are_registered_when_a_file_needs_them(
    plugin: str, suffix: str, small: Image.Image, tmp_path: Path
) -> None:
    pytest.importorskip(plugin)
    code = f"""
import {plugin}
getattr({plugin}, "register_heif_opener", lambda: None)()
from PIL import Image
Image.open({str(tmp_path / "x.png")!r}).save({str(tmp_path / f"x.{suffix}")!r})
"""
    small.save(tmp_path / "x.png")
    if run_python(code).returncode:
        pytest.skip("this plugin cannot write here")
    assert images.open_image(tmp_path / f"x.{suffix}").size == small.size


def test_warnings_name_the_line_that_called_aecodec(small: Image.Image) -> None:
    with pytest.warns(UserWarning, match="CMYK") as caught:
        aecodec.compress(small.convert("CMYK"))
    with pytest.warns(UserWarning, match="has no place") as more:
        images.image_bytes(with_comment(small), "webp")
    assert {warning.filename for warning in [*caught, *more]} == {__file__}


def with_comment(image: Image.Image) -> Image.Image:
    image = image.copy()
    image.info["comment"] = b"by hand"
    return image
