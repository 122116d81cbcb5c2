"""What a file says beside its pixels is kept, or a note says that it is lost."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.dom import minidom

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from aecodec import images
from aecodec.errors import UnsupportedImageError
from aecodec.images.properties import pack_properties, pillow_info, unpack_properties
from aecodec.images.xmp import without_lost_parts
from tests.images.files import saved, taken_apart, written


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_resolution_is_kept(small: Image.Image, format: str) -> None:
    picture, notes = taken_apart(saved(small, format, dpi=(300, 150)))
    assert not notes
    assert picture.to_image().info["dpi"] == (300, 150)
    again, notes = written(picture.to_image(), format)
    assert not notes
    assert Image.open(io.BytesIO(again)).info["dpi"] == pytest.approx((300, 150), abs=0.02)


def test_a_turned_picture_turns_its_resolution(small: Image.Image) -> None:
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    picture, _ = taken_apart(saved(small, "JPEG", dpi=(300, 150), exif=exif.tobytes()))
    assert picture.pixels.size == (small.height, small.width)
    assert picture.to_image().info["dpi"] == (150, 300)


def test_colours_and_text_of_png_are_kept(small: Image.Image) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Ms. Ünal")
    info.add_itxt("Title", "猫")
    info.add(b"gAMA", struct.pack(">I", 45455))
    white = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    info.add(b"cHRM", struct.pack(">8I", *white))
    info.add(b"cICP", bytes([12, 13, 0, 1]))
    picture, notes = taken_apart(saved(small, "PNG", pnginfo=info))
    assert not notes
    again, notes = written(picture.to_image(), "png")
    assert not notes
    other, _ = taken_apart(again)
    assert other.metadata == picture.metadata
    known = other.to_image().info
    assert known["text"] == {"Author": "Ms. Ünal", "Title": "猫"}
    assert known["cicp"] == (12, 13, 0, 1)
    assert known["gamma"] == pytest.approx(0.45455)
    assert known["chromaticity"] == pytest.approx([value / 1e5 for value in white])
    _, notes = written(picture.to_image(), "jpg")
    assert notes == ["JPEG has no place for the image's gamma, chromaticity, cicp, text"]


def test_comments_are_kept(small: Image.Image) -> None:
    picture, _ = taken_apart(saved(small, "JPEG", comment=b"caf\xe9 \xff"))
    again, notes = written(picture.to_image(), "jpg")
    assert not notes
    assert Image.open(io.BytesIO(again)).info["comment"] == b"caf\xe9 \xff"
    png, notes = written(picture.to_image(), "png")
    assert not notes
    assert Image.open(io.BytesIO(png)).info["Comment"] == "café ÿ"


def test_long_comments_are_several_in_jpeg_or_noted(small: Image.Image) -> None:
    image = small.copy()
    for first, second in ((60_000, 60_000), (65_533, 65_533), (65_533, 0), (65_532, 100)):
        image.info["comment"] = b"x" * first + b"\n" + b"y" * second
        data, notes = written(image, "jpg")
        assert not notes
        again, notes = taken_apart(data)
        assert not notes
        assert again.to_image().info["comment"] == image.info["comment"]
    for format, name, room in (("jpg", "JPEG", 65_533), ("jp2", "JPEG2000", 65_531)):
        image.info["comment"] = b"x" * room
        data, notes = written(image, format)
        assert not notes
        assert Image.open(io.BytesIO(data)).info["comment"] == image.info["comment"]
        image.info["comment"] += b"x"
        data, notes = written(image, format)
        assert notes == [f"{name} has no room for {room + 1:,} bytes of comment"]
        assert Image.open(io.BytesIO(data)).size == image.size


VALUES = st.dictionaries(
    st.sampled_from(["dpi", "aspect", "gamma", "chromaticity", "srgb", "cicp", "text", "other"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
)


@settings(deadline=None)
@given(VALUES)
def test_only_properties_that_make_sense_are_written(found: dict[str, Any]) -> None:
    raw = pack_properties(found)
    if raw:
        assert unpack_properties(raw).keys() <= found.keys() - {"other"}
        assert pillow_info(raw)


@pytest.mark.parametrize("raw", [b"[1]", b'{"dpi":"x"}', b'{"dpi":NaN}', b"{", b"[" * 10**5])
def test_malformed_properties_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the messages are the JSON parser's)
        unpack_properties(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (rb'{"text":{"a":"\ud800"}}', "text is not of its kind"),
        (rb'{"text":{"\udfff":"a"}}', "text is not of its kind"),
        (rb'{"comment":"\udc80"}', "comment is not of its kind"),
        (b'{"dpi":' + b"9" * 5000 + b"}", "a number of too many digits"),
    ],
)
def test_properties_that_no_writer_takes_are_refused(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unpack_properties(raw)


def test_a_text_of_png_with_an_odd_name_leaves_the_others(small: Image.Image) -> None:
    info = PngImagePlugin.PngInfo()
    for name in ("Author", "x" * 100, ""):
        info.add_text(name, "kept?")
    info.add(b"iTXt", b"Title\0\0\0\0\0\xff")
    picture, notes = taken_apart(saved(small, "PNG", pnginfo=info))
    assert picture.to_image().info["text"] == {"Author": "kept?"}
    assert notes == [
        "malformed text by the name '' is left out",
        "malformed text by the name 'Title' is left out",
        f"left out: text by the name '{'x' * 24}', which PNG does not allow",
    ]


GAIN_MAP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    b' xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg"'
    b' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
    b' xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    b' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"><Container:Directory><rdf:Seq>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"/></rdf:li>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap"/></rdf:li>'
    b"</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"
    b'<?xpacket end="w"?>'
)


def test_no_gain_map_is_announced_that_is_not_there(small: Image.Image) -> None:
    picture, notes = taken_apart(saved(small, "JPEG", xmp=GAIN_MAP))
    assert len(notes) == 1
    assert "gain map is left out" in notes[0]
    xmp = picture.metadata["xmp"]
    assert b"image/jpeg" in xmp
    assert xmp.startswith(b"<?xpacket")
    for gone in (b"hdrgm", b"hdr-gain-map", b"Directory", b"GainMap"):
        assert gone not in xmp
    assert minidom.parseString(xmp).documentElement.tagName == "x:xmpmeta"


def test_apple_gain_maps_and_motion_photos() -> None:
    apple = GAIN_MAP.replace(
        b"http://ns.adobe.com/hdr-gain-map/1.0/", b"http://ns.apple.com/HDRGainMap/1.0/"
    )
    kept, notes = without_lost_parts(apple)
    assert b"HDRGainMap" not in kept
    assert len(notes) == 1
    camera = b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"'
    motion = GAIN_MAP.replace(
        b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"', camera
    )
    motion = motion.replace(b"GainMap", b"MotionPhoto")
    kept, notes = without_lost_parts(motion)
    assert b"MotionPhoto" not in kept
    assert notes == ["the video of the motion photo is left out"]


def test_other_xmp_stays_as_it_is_and_what_cannot_be_parsed_goes() -> None:
    plain = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>  \n"
    assert without_lost_parts(plain) == (plain, [])
    assert without_lost_parts(GAIN_MAP[:-80])[0] == b""
    assert without_lost_parts(b"<!DOCTYPE a>" + GAIN_MAP)[0] == b""


def test_gain_maps_of_iso_21496() -> None:
    data = saved(Image.new("RGB", (16, 16)), "JPEG")
    segment = b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"
    marked = data[:2] + b"\xff\xe2" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    assert "gain map" in taken_apart(marked)[1][0]


def test_deep_colours_of_avif_and_heic_are_noted() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    levels = np.linspace(0, 1023, 64 * 64 * 3).astype("<u2").reshape(64, 64, 3) << 6
    buffer = io.BytesIO()
    heif.encode("RGB;16", (64, 64), levels.tobytes(), buffer, quality=90)
    assert "bit colours were converted to 8 bits" in taken_apart(buffer.getvalue())[1][0]
    small = Image.linear_gradient("L").convert("RGB")
    avif = bytearray(saved(small, "AVIF"))
    assert not taken_apart(bytes(avif))[1]
    flags = avif.index(b"av1C") + 6
    avif[flags] |= 0x40  # high bit depth, by the box that describes it
    image: Any = SimpleNamespace(format="AVIF", mode="RGB", info={}, fp=io.BytesIO(avif))
    images.lost.remember(image)
    assert images.lost.notes_of(image) == ["10-bit colours were converted to 8 bits"]


def test_deep_jpeg_2000_is_noted_and_deep_grey_is_kept() -> None:
    deep = Image.fromarray(np.arange(4096, dtype="<u2").reshape(64, 64) * 16)
    data = saved(deep, "JPEG2000", irreversible=False)
    picture, notes = taken_apart(data)
    assert picture.mode == "I;16"
    assert not notes


def bitmap_of_16_bits_a_pixel() -> bytes:
    pixels = np.full((16, 16), 0xF81F, dtype="<u2").tobytes()
    header = struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, 16, 3, len(pixels), 0, 0, 0, 0)
    header += struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    return (
        b"BM"
        + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header))
        + header
        + pixels
    )


def test_16_bits_a_pixel_are_not_16_bits_a_colour() -> None:
    picture, notes = taken_apart(bitmap_of_16_bits_a_pixel())
    assert not notes
    assert picture.pixels.getpixel((3, 3)) == (255, 0, 255)


def test_a_palette_of_colours_with_alpha_keeps_it(small: Image.Image) -> None:
    image = small.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(small.size))
    palette = image.quantize(64)
    picture, _ = taken_apart(palette)
    assert picture.mode == "RGBA"
    assert picture.to_image().tobytes() == palette.convert("RGBA").tobytes()


def test_pages_are_no_animation(small: Image.Image) -> None:
    _, notes = taken_apart(saved(small, "TIFF", save_all=True, append_images=[small]))
    assert notes == ["only the first page is kept"]
    for format in ("GIF", "PNG", "WEBP"):
        other = small.rotate(180)
        _, notes = taken_apart(saved(small, format, save_all=True, append_images=[other]))
        assert notes == ["only the first frame of the animation is kept"]


def test_gif_of_many_colours_says_so(small: Image.Image) -> None:
    assert written(small, "gif")[1] == ["GIF holds 256 colours: the others were replaced"]
    assert not written(small.quantize(200).convert("RGB"), "gif")[1]
    assert not written(small.convert("L"), "gif")[1]


@pytest.mark.parametrize(("key", "room"), [("exif", 65_533), ("xmp", 65_504)])
def test_jpeg_takes_metadata_up_to_its_limit(small: Image.Image, key: str, room: int) -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    raw = exif.tobytes() if key == "exif" else b"<x/>"
    image = small.copy()
    image.info[key] = raw + b" " * (room - len(raw))
    data, notes = written(image, "jpg")
    assert not notes
    assert len(Image.open(io.BytesIO(data)).info[key]) == room
    image.info[key] += b" "
    assert "JPEG has no room" in written(image, "jpg")[1][0]


def test_exif_of_webp_fits_jpeg(small: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    picture, _ = taken_apart(saved(small, "WEBP", exif=exif.tobytes()))
    data, _ = written(picture.to_image(), "jpg")
    assert Image.open(io.BytesIO(data)).getexif()[0x010F] == "Maker"


@pytest.mark.parametrize("format", ["AVIF", "WEBP"])
def test_resolution_that_only_exif_tells_is_that_of_tiff(small: Image.Image, format: str) -> None:
    def of_tiff(values: dict[int, Any], **known: Any) -> dict[int, Any]:
        exif = Image.Exif()
        exif.update(values)
        image = taken_apart(saved(small, format, exif=exif.tobytes()))[0].to_image()
        image.info |= known
        data, notes = written(image, "tif")
        assert not notes
        tags = Image.open(io.BytesIO(data)).getexif()
        return {tag: tags[tag] for tag in (282, 283, 296) if tag in tags}

    assert of_tiff({282: 240.0, 283: 120.0, 296: 2}) == {282: 240, 283: 120, 296: 2}
    assert of_tiff({282: 100.0, 283: 100.0, 296: 3}) == {282: 100, 283: 100, 296: 3}
    assert of_tiff({282: 240.0, 283: 240.0}, dpi=(300, 300)) == {282: 300, 283: 300, 296: 2}
    for malformed in ({282: 0.0, 283: 0.0, 296: 2}, {282: 1.0}, {296: 2}):
        assert not {282, 283} & set(of_tiff(malformed))


def test_netpbm_is_what_its_suffix_says(small: Image.Image) -> None:
    for format, message in (("pgm", "grey only; try ppm"), ("pbm", "black and white only")):
        with pytest.raises(UnsupportedImageError, match=message):
            images.save_image(small, io.BytesIO(), format)
    assert written(small.convert("L"), "ppm")[0].startswith(b"P6")
    assert written(small.convert("L"), "pgm")[0].startswith(b"P5")
    assert written(small.convert("L"), "pnm")[0].startswith(b"P5")


def test_deep_grey_is_deep_colours_by_the_suffix_of_those(tmp_path: Path) -> None:
    levels = np.arange(48, dtype="<u2").reshape(4, 12) * 1357
    data, notes = written(Image.fromarray(levels), "ppm")
    assert not notes
    head = b"P6\n12 4\n65535\n"
    assert data.startswith(head)
    found = np.frombuffer(data[len(head) :], ">u2").reshape(4, 12, 3)
    assert (found == levels[..., None]).all()
    assert Image.open(io.BytesIO(data)).convert("RGB").size == (12, 4)
    images.save_image(Image.fromarray(levels), tmp_path / "x.ppm", "ppm")
    assert (tmp_path / "x.ppm").read_bytes() == data
    assert written(Image.fromarray(levels), "pgm")[0].startswith(b"P5")


def test_more_suffixes_are_found_in_folders(small: Image.Image, tmp_path: Path) -> None:
    names = ["a.pbm", "b.jpe", "c.apng", "d.avifs", "e.hif", "f.j2k", "g.PNM", "h.mpo", "i.icb"]
    names += ["j.psd", "k.ico", "l.icns", "m.pcx", "n.sgi"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in images.find_photos([tmp_path])] == names


def test_an_mpo_of_one_picture_is_a_jpeg(small: Image.Image) -> None:
    assert written(small, "mpo") == written(small, "jpg")


def test_an_aec_file_by_another_name_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89AEC\1")
    with pytest.raises(UnsupportedImageError, match=r"x\.png: an \.aec file by its content"):
        images.open_image(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / "x.AEC")
    with pytest.raises(UnsupportedImageError, match=r"x\.AEC: an \.aec file already; decompress"):
        images.open_image(tmp_path / "x.AEC")
