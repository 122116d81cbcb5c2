"""Parts of image files that no .aec file has are noted; what Pillow does not read may be kept."""

from __future__ import annotations

import io
import struct
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from aecodec import images
from aecodec.errors import UnsupportedImageError
from aecodec.images.file_parts import jxl_header
from tests.images.files import chunk, saved, taken_apart, written


def segment(data: bytes, marker: int, payload: bytes) -> bytes:
    """A JPEG file with one more segment."""
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + data[2:]


def test_all_comments_of_jpeg_are_kept(small: Image.Image) -> None:
    data = segment(segment(saved(small, "JPEG"), 0xFE, b"second"), 0xFE, b"first")
    picture, notes = taken_apart(data)
    assert picture.to_image().info["comment"] == b"first\nsecond"
    assert not notes


def test_what_else_jpeg_holds_is_noted(small: Image.Image) -> None:
    data = saved(small, "JPEG", exif=Image.Exif(), icc_profile=b"x" * 70_000)
    assert not taken_apart(data)[1]
    captions = b"\x1c\x02\x78\x00\x06Hello!"
    resource = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(captions)) + captions
    for marker, payload, note in (
        (0xED, resource, "the IPTC block (captions, credits) is left out"),
        (0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb", "the content credentials (C2PA) are left out"),
        (0xE1, b"FLIR\0\1\0\0" + bytes(range(200)), "left out: JPEG's APP1 (FLIR)"),
        (0xE5, b"\1\2\3\4", "left out: JPEG's APP5"),
    ):
        (found,) = taken_apart(segment(data, marker, payload))[1]
        assert found.startswith(note)
    assert not taken_apart(data + bytes(9))[1]
    (found,) = taken_apart(data + b"\0\0\0\x18ftypmp42" + b"video" * 2000)[1]
    assert "follows the picture" in found


def test_what_else_png_holds_is_noted(small: Image.Image) -> None:
    data = saved(small, "PNG")
    for kind, note in (
        (b"caBX", "the content credentials (C2PA) are left out: they are of that file only"),
        (b"sTER", "left out: PNG's sTER"),
        (b"tIME", ""),
        (b"bKGD", ""),
    ):
        marked = data[:33] + chunk(kind, b"\0\0\0\0\0\0") + data[33:]
        assert taken_apart(marked)[1] == ([note] if note else [])
    texts = chunk(b"tEXt", b"Comment\0one") + chunk(b"tEXt", b"Comment\0two")
    picture, notes = taken_apart(data[:33] + texts + data[33:])
    assert picture.to_image().info["text"] == {"Comment": "two"}
    assert notes == ["of several texts by the name 'Comment' the last is kept"]


def tiff(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pytest.importorskip("tifffile").imwrite(buffer, array, **options)
    return buffer.getvalue()


def test_colours_of_tiff_in_planes(small: Image.Image) -> None:
    planes = (np.asarray(small).astype(np.uint16) * 257).transpose(2, 0, 1).copy()
    options: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}
    picture, notes = taken_apart(tiff(planes, compression="zlib", **options))
    assert picture.pixels.tobytes() == small.tobytes()
    assert notes == ["16-bit colours were converted to 8 bits"]
    with pytest.raises(UnsupportedImageError, match="16-bit colours in planes of their own"):
        taken_apart(tiff(planes, **options))  # which Pillow reads as noise


def test_a_tiff_without_resolution_gets_none(small: Image.Image) -> None:
    picture, notes = taken_apart(saved(small, "TIFF"))
    assert not notes
    assert not picture.metadata


def test_more_channels_and_captions_of_tiff_are_noted(small: Image.Image) -> None:
    grey = small.convert("L")
    array = np.dstack([np.asarray(small), np.asarray(grey)])
    options: dict[str, Any] = {"photometric": "rgb", "extrasamples": ["unspecified"]}
    assert taken_apart(tiff(array, **options))[1] == ["1 channel beside the colours left out"]
    captions = b"\x1c\x02\x78\x00\x06Hello!"
    tags = [(33723, "B", len(captions), captions)]
    (note,) = taken_apart(tiff(np.asarray(grey), extratags=tags))[1]
    assert note.startswith("the IPTC block")
    (note,) = taken_apart(tiff(np.asarray(grey), subfiletype=1))[1]
    assert note.startswith("only a reduced picture of this file can be read")


def test_grey_of_16_bits_where_zero_is_white() -> None:
    levels = np.arange(4096, dtype="<u2").reshape(64, 64)
    picture, _ = taken_apart(tiff(levels, photometric="miniswhite"))
    assert np.array_equal(np.asarray(picture.pixels), 65535 - levels)
    picture, _ = taken_apart(tiff(levels, photometric="minisblack"))
    assert np.array_equal(np.asarray(picture.pixels), levels)


def test_tags_of_a_big_tiff_are_exif_that_others_read(small: Image.Image) -> None:
    picture, _ = taken_apart(tiff(np.asarray(small), bigtiff=True, description="A cat"))
    image = picture.to_image()
    assert image.info["exif"][6:10] in (b"II*\0", b"MM\0*")
    assert image.getexif()[0x010E] == "A cat"


def test_plain_bitmaps_and_deep_pictures_of_sgi(small: Image.Image) -> None:
    picture, notes = taken_apart(b"P1\n4 2\n0 1 0 1 1 0 1 0\n")
    assert picture.pixels.tobytes() == bytes([255, 0, 255, 0, 0, 255, 0, 255])
    assert not notes
    assert not taken_apart(saved(small, "SGI"))[1]
    assert "16-bit" in taken_apart(saved(small, "SGI", bpc=2))[1][0]


def bitmap_with_profile(small: Image.Image, kind: bytes, profile: bytes) -> bytes:
    """With a header of version 5."""
    data = saved(small, "BMP")
    pixels = data[54:]
    head = struct.pack("<I", 124) + data[18:54] + bytes(16) + kind + bytes(48)
    head += struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    start = 14 + len(head)
    return data[:10] + struct.pack("<I", start) + head + pixels + profile


def test_the_profile_of_a_bitmap_is_kept_or_noted(small: Image.Image) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture, notes = taken_apart(bitmap_with_profile(small, b"DEBM", profile))
    assert not notes
    assert picture.metadata["icc_profile"] == profile
    assert picture.pixels.tobytes() == small.tobytes()
    for kind, raw, note in ((b"DEBM", b"?" * 40, "malformed"), (b"KNIL", b"a.icc", "another file")):
        (found,) = taken_apart(bitmap_with_profile(small, kind, raw))[1]
        assert note in found
    assert not taken_apart(bitmap_with_profile(small, b"BGRs", b""))[1]


def test_blocks_of_photoshop_are_noted(small: Image.Image) -> None:
    def block(number: int, content: bytes) -> bytes:
        head = b"8BIM" + struct.pack(">HHI", number, 0, len(content))
        return head + content + bytes(len(content) % 2)

    def notes(*blocks: bytes) -> list[str]:
        content = b"Photoshop 3.0\0" + b"".join(blocks)
        segment = b"\xff\xed" + struct.pack(">H", len(content) + 2) + content
        data = saved(small, "JPEG")
        return taken_apart(data[:2] + segment + data[2:])[1]

    path, flag = block(0x07D0, b"path"), block(0x040A, b"\1")
    assert notes(path, flag, block(0x9999, b"?")) == [
        "left out: Photoshop's path, copyright flag, block 9999"
    ]
    tags = [(34377, "B", len(path), path)]
    assert taken_apart(tiff(np.asarray(small), extratags=tags))[1] == ["left out: Photoshop's path"]
    assert notes(block(0x040A, b"\0"), block(0x03ED, bytes(16)), block(0x0425, b"digest")) == []


def test_a_malformed_profile_of_png_is_noted(small: Image.Image) -> None:
    data = saved(small, "PNG")
    marked = data[:33] + chunk(b"iCCP", b"name\0\0no deflated data") + data[33:]
    assert taken_apart(marked)[1] == ["the malformed ICC profile is left out"]


def test_comments_of_netpbm_and_tga_are_kept(small: Image.Image) -> None:
    pixels = small.tobytes()
    size = f"{small.width}#not wide\n# by hand\n {small.height}\n#\n255\n".encode()
    tga = saved(small, "TGA")
    for data, comment in (
        (b"P6\n# caf\xe9\n" + size + pixels, b"caf\xe9\nnot wide\nby hand"),
        (b"\x07" + tga[1:18] + b"by hand" + tga[18:], b"by hand"),
    ):
        picture, notes = taken_apart(data)
        assert not notes
        assert picture.to_image().info["comment"] == comment
        assert picture.pixels.tobytes() == pixels
    assert not taken_apart(saved(small, "PPM"))[0].metadata


def test_icons_of_several_sizes_say_so(small: Image.Image) -> None:
    icon = small.resize((64, 64))
    assert not taken_apart(saved(icon, "ICO", sizes=[(64, 64)]))[1]
    (note,) = taken_apart(saved(icon, "ICO", sizes=[(16, 16), (64, 64)]))[1]
    assert note == "only the largest of the file's pictures is kept"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_metadata_of_jpeg_2000_are_kept(small: Image.Image) -> None:
    data = saved(small, "JPEG2000", irreversible=False)
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    name = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    data += box(b"uuid", name + xmp) + box(b"uuid", b"JpgTiffExif->JP2" + exif.tobytes()[6:])
    start = data.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">I", data, start)
    colours = box(b"colr", b"\2\0\0" + b"profile")
    head = box(b"jp2h", data[start + 8 : start + length] + colours)
    data = data[:start] + head + data[start + length :]
    picture, notes = taken_apart(data)
    assert not notes
    assert picture.metadata["xmp"] == xmp
    assert picture.metadata["icc_profile"] == b"profile"
    assert picture.to_image().getexif()[0x010F] == "Maker"
    assert taken_apart(data + box(b"xml ", b"<a/>"))[1] == ["left out: XML of JPEG 2000"]


def test_jpeg_xl(small: Image.Image) -> None:
    images.reading.register_plugin(".jxl")
    if "JXL" not in Image.SAVE:
        pytest.skip("its extra is not installed")
    exif, image = Image.Exif(), small.copy()
    exif[0x010F] = "Maker"
    image.info |= {"exif": exif.tobytes(), "xmp": b"<x/>", "icc_profile": b"profile"}
    data, notes = written(image, "jxl")
    assert notes == ["JXL has no place for the image's ICC profile"]
    picture, notes = taken_apart(data)
    assert not notes
    assert picture.metadata["xmp"] == b"<x/>"
    assert picture.to_image().getexif()[0x010F] == "Maker"
    assert data[data.index(b"Exif") + 4 :][:4] == bytes(4)  # where the TIFF header begins
    deep = Image.fromarray(np.arange(4096, dtype="<u2").reshape(64, 64) * 16)
    for other, bits in ((small, 8), (deep, 16)):
        assert jxl_header(saved(other, "JXL")[:64]) == (bits, False)


def test_an_animation_of_jpeg_xl_is_told_by_its_header() -> None:
    fields = (  # value, bits: 8x8 pixels; animated at 100/1 ticks, for ever; 10 bits a colour
        *((1, 1), (0, 5), (1, 3)),
        *((0, 1), (1, 1), (0, 3), (0, 1), (0, 1), (1, 1)),
        *((0, 2), (0, 2), (0, 2), (0, 1)),
        *((0, 1), (1, 2)),
    )
    value = place = 0
    for number, width in fields:
        value, place = value | number << place, place + width
    assert jxl_header(b"\xff\x0a" + value.to_bytes(8, "little")) == (10, True)


@pytest.mark.parametrize("format", ["bmp", "gif", "jp2", "ppm", "qoi", "tga"])
def test_formats_without_metadata_say_so(small: Image.Image, format: str) -> None:
    image = small.quantize(64).convert("RGB")
    image.info |= {"exif": Image.Exif().tobytes(), "xmp": b"<x/>", "icc_profile": b"profile"}
    (note,) = written(image, format)[1]
    assert note.endswith("has no place for the image's ICC profile, EXIF, XMP")


def test_what_says_again_that_a_picture_is_srgb_is_no_loss(small: Image.Image) -> None:
    image = small.copy()
    image.info |= {"srgb": 0, "gamma": 0.45455, "chromaticity": (0.3127, 0.329) * 4}
    assert not written(image, "webp")[1]
    del image.info["srgb"]
    assert written(image, "webp")[1] == ["WEBP has no place for the image's gamma, chromaticity"]


def test_malformed_exif_is_said_to_be_lost(small: Image.Image) -> None:
    image = small.copy()
    image.info["exif"] = b"Exif\0\0no TIFF header"
    picture, notes = taken_apart(image)
    assert "exif" not in picture.metadata
    assert notes == ["malformed EXIF is left out"]
    assert written(image, "png")[1] == ["malformed EXIF is left out"]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damage_to_what_is_looked_at_is_no_crash(data: st.DataObject) -> None:
    image = Image.linear_gradient("L").resize((24, 24)).convert("RGB")
    format = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "JPEG2000", "AVIF", "SGI", "ICO"]))
    raw = bytearray(saved(image, format))
    for _ in range(3):
        raw[data.draw(st.integers(0, min(len(raw), 400) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with suppress(UnsupportedImageError):
                images.Picture.from_image(images.open_image(path))


def test_xmp_of_gif_and_credentials_of_avif_are_noted(small: Image.Image) -> None:
    data = saved(small.quantize(256), "GIF")
    start = 13 + 3 * 256  # after the palette
    block = b"\x21\xff\x0bXMP DataXMP\x04<x/>\0"
    assert taken_apart(data[:start] + block + data[start:])[1] == ["the XMP of GIF is left out"]
    name = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    (note,) = taken_apart(saved(small, "AVIF") + box(b"uuid", name + b"manifest"))[1]
    assert note.startswith("the content credentials (C2PA) are left out")
