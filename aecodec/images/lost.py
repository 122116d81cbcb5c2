"""What an image file holds that Pillow does not pass on: deeper colours, gain maps, and more.

Looked for before the file is decoded, since Pillow then closes it.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from PIL import Image

from aecodec.errors import UnsupportedImageError
from aecodec.images.file_parts import (
    boxes,
    has_more_than_jpeg,
    jxl_header,
    netpbm_comments,
    png_chunks,
)
from aecodec.images.photoshop import IPTC, notes_of_photoshop

_NOTES, _COUNTED = "aecodec: lost", "aecodec: counted"  # among what Pillow knows of an image
_WHITE_IS_ZERO = "aecodec: white is zero"
_EIGHT_BIT = {"L", "LA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK"}
_IFDS = {0x8769, 0x8825, 0xA005, 0x014A}  # of EXIF, GPS, interoperability, and SubIFDs
_HEAD = 1 << 18  # bytes in which the description of an AVIF, HEIC or JPEG 2000 file is
_MOST = 1 << 26  # bytes of a profile or the like
_JXL_HEADER = 68  # bytes in which it is
_LIKE_SRGB = ({1, 2}, {1, 2, 6, 13, 14, 15})  # primaries and transfers that are shown as sRGB

GAIN_MAP = "the gain map is left out: the picture is that of a standard range of light"
APPENDED = "what follows the picture in the file, such as a video, is left out"
_CREDENTIALS = "the content credentials (C2PA) are left out: they are of that file only"
_LAYERS = "the layers of Photoshop are left out"


def remember(image: Image.Image) -> None:
    """Before an image is decoded: keep in its `info` what Pillow loses of its file.

    That is notes (see `notes_of`); "cicp", the colour space by four numbers (ITU-T H.273), of
    PNG, AVIF and HEIC; all comments of JPEG; those of PPM and
    TGA; ICC profile of BMP; ICC profile, EXIF and XMP of JPEG 2000; XMP of
    JPEG XL.

    Raises:
        UnsupportedImageError: a kind of TIFF that Pillow would read as noise.
    """
    if _NOTES in image.info:
        return
    if image.format == "PNG" and getattr(image, "is_animated", False):
        _ = getattr(image, "text", None)  # behind the frames: Pillow forgets `info` on the way
    notes: list[str] = []
    depth = _depth_of_tiles(image)
    file: IO[bytes] | None = getattr(image, "fp", None)
    if file is not None and image.format in _LOOKS:
        with _unmoved(file):
            depth = max(depth, _LOOKS[image.format](image, file, notes))
    if depth > 8 and image.mode in _EIGHT_BIT:
        notes.append(f"{depth}-bit colours were converted to 8 bits")
    image.info[_NOTES] = tuple(dict.fromkeys(notes))


def remember_frames(image: Image.Image) -> None:
    """Before an image is decoded: keep a note in its `info` if its file has more than one.

    What Pillow would read of the file later is read now: the IFDs of TIFF.

    Raises:
        UnsupportedImageError: counting them has lost the first.
    """
    if _COUNTED in image.info:
        return
    if _frames(image) > 1:
        image.info[_NOTES] = (*notes_of(image), _kind_of_frames(image))
        if image.format == "TIFF":
            try:
                exif = image.getexif()
                for tag in _IFDS & set(exif):
                    exif.get_ifd(tag)
            except Exception:  # malformed in one of many ways; the pixels are still good
                pass
    image.info[_COUNTED] = True


def _frames(image: Image.Image) -> int:
    """How many there are; 1 where a damaged one ends the counting, as the first may be whole."""
    shown = image.tell()
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # it reads all frames, and each format has its own kinds
        pass
    try:  # the image was left at the damaged one
        image.seek(shown)
        image.load()
    except Exception as error:
        raise UnsupportedImageError(f"damaged image ({error})") from None
    return 1


def notes_of(image: Image.Image) -> list[str]:
    """What was found to be lost."""
    return list(image.info.get(_NOTES, ()))


def is_negative(image: Image.Image) -> bool:
    """Whether its pixels are those of a file where zero is white: Pillow turns only 8 bits."""
    return bool(image.info.get(_WHITE_IS_ZERO))


def _depth_of_tiles(image: Image.Image) -> int:
    for tile in getattr(image, "tile", ()):
        if re.search(r";16[LBN]", str(tile.args)):  # without a letter it is 16 bits a pixel
            return 16
        highest = tile.args[-1] if isinstance(tile.args, tuple) and tile.args else 0
        if tile.codec_name.startswith("ppm") and isinstance(highest, int) and highest > 255:
            return highest.bit_length()
    return 8


@contextmanager
def _unmoved(file: IO[bytes]) -> Iterator[None]:
    """A file that is where it was in the end; what is malformed only ends the block."""
    try:
        position = file.tell()
    except (OSError, ValueError):  # closed
        return
    try:
        yield
    except UnsupportedImageError:
        raise
    except Exception:  # malformed in one of many ways; the pixels may still be good
        pass
    finally:
        file.seek(position)


# ---- format by format: each gives the bits of a colour, and adds its notes ---------------------


def _look_at_png(image: Any, file: IO[bytes], notes: list[str]) -> int:
    known = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"eXIf", b"pHYs"}
    about_the_file = {b"tIME", b"sBIT", b"hIST", b"sPLT", b"iDOT", b"vpAg", b"acTL", b"fcTL"}
    keys, others = set(), []
    if not image.has_transparency_data:
        known.add(b"bKGD")  # nothing lets it be seen
    for kind, payload in png_chunks(file):
        if kind == b"cICP" and len(payload) == 4:
            image.info["cicp"] = tuple(payload)
        elif kind in (b"mDCV", b"mDCv", b"cLLI", b"cLLi"):
            notes.append(f"{kind.decode()}, about the range of light, is left out")
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            key = payload.partition(b"\0")[0].decode("latin-1")
            if key in keys:
                notes.append(f"of several texts by the name {key!r} the last is kept")
            keys.add(key)
            # Pillow keeps none of these; longer names are no matter of damage.
            if key not in image.info and key != "XML:com.adobe.xmp" and len(key) < 80:
                notes.append(f"malformed text by the name {key!r} is left out")
        elif kind == b"iCCP" and not image.info.get("icc_profile"):
            notes.append("the malformed ICC profile is left out")
        elif kind == b"caBX":
            notes.append(_CREDENTIALS)
        elif kind not in known | about_the_file:
            others.append(kind.decode("latin-1"))
    if others:
        notes.append(f"left out: PNG's {', '.join(dict.fromkeys(others))}")
    return 8


def _look_at_jpeg(image: Any, file: IO[bytes], notes: list[str]) -> int:
    known = (b"JFIF\0", b"JFXX\0", b"Exif\0", b"ICC_PROFILE\0", b"MPF\0", b"Adobe", b"Ducky")
    comments, others = [], []
    for marker, content in getattr(image, "applist", ()):
        if marker == "COM":
            comments.append(content)
        elif content.startswith(b"urn:iso:std:iso:ts:21496"):
            notes.append(GAIN_MAP)
        elif content.startswith(b"http://ns.adobe.com/xmp/extension/"):
            notes.append("XMP beyond the first 64 kB is left out")
        elif marker == "APP11" and content.startswith(b"JP"):
            notes.append(_CREDENTIALS)
        elif content.strip(b"\0") and not content.startswith(
            (*known, b"http://ns.adobe.com/xap/", b"Photoshop ", b"AVI1")
        ):
            name = content[:24].partition(b"\0")[0]
            printable = name.isascii() and name.decode("latin-1").isprintable() and len(name) > 2
            others.append(f"{marker} ({name.decode()})" if printable else marker)
    if len(comments) > 1:
        image.info["comment"] = b"\n".join(comments)
    notes += notes_of_photoshop(image.info.get("photoshop", {}))
    if others:
        notes.append(f"left out: JPEG's {', '.join(dict.fromkeys(others))}")
    if image.format == "JPEG" and has_more_than_jpeg(file):
        notes.append(APPENDED)
    return 8


def _look_at_tiff(image: Any, file: IO[bytes], notes: list[str]) -> int:
    tags = image.tag_v2
    if not {282, 283} <= set(tags):  # Pillow makes one up
        for key in ("dpi", "resolution"):
            image.info.pop(key, None)
    depth = max(tags.get(258, (8,)))
    apart = tags.get(284) == 2 and any(tile.codec_name == "raw" for tile in image.tile)
    if depth > 8 and image.mode in _EIGHT_BIT and apart:
        raise UnsupportedImageError(
            f"{depth}-bit colours in planes of their own cannot be read; save it compressed"
        )
    if (extra := tags.get(277, 1) - len(image.getbands())) > 0 and image.mode in _EIGHT_BIT:
        notes.append(f"{extra} channel{'s' * (extra > 1)} beside the colours left out")
    if tags.get(254, 0) & 1:
        notes.append("only a reduced picture of this file can be read: export the full one")
    if 33723 in tags:
        notes.append(IPTC)
    if 34377 in tags:
        blocks = image.get_photoshop_blocks()
        notes += notes_of_photoshop({number: block["data"] for number, block in blocks.items()})
    if 37724 in tags:
        notes.append(_LAYERS)
    if tags.get(262) == 0 and image.mode.startswith("I"):
        image.info[_WHITE_IS_ZERO] = True
    return int(depth)


def _look_at_iso(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    """AVIF and HEIC."""
    head = _head(file)
    if (cicp := _iso_cicp(head)) is not None:
        image.info["cicp"] = cicp
    auxiliary = " ".join(map(str, image.info.get("aux") or ()))
    if b"tmap" in head or "gainmap" in auxiliary.lower() or b"hdrgainmap" in head:
        notes.append(GAIN_MAP)
    if image.info.get("depth_images"):
        notes.append("the depth map is left out")
    depth = _iso_depth(image, head)
    for kind, start, _ in boxes(file):
        file.seek(start)
        if kind == b"uuid" and file.read(4) == b"\xd8\xfe\xc3\xd6":
            notes.append(_CREDENTIALS)
    return depth


def _look_at_jpeg_2000(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    head = _head(file)
    for kind, content in _contents(file, {b"jp2h", b"uuid", b"xml "}) if head[4:6] == b"jP" else ():
        if kind == b"jp2h":
            for _, colours in _contents(io.BytesIO(content), {b"colr"}):
                if colours[:1] in (b"\2", b"\3"):  # a profile, restricted or not
                    image.info.setdefault("icc_profile", colours[3:])
        elif content.startswith(b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8"):
            image.info.setdefault("xmp", content[16:])
        elif content.startswith(b"JpgTiffExif->JP2"):
            image.info.setdefault("exif", content[16:])
        elif content.startswith(b"\x33\xc7\xa4\xd2"):
            notes.append(IPTC)
        else:
            notes.append(f"left out: {'XML' if kind == b'xml ' else 'a box'} of JPEG 2000")
    start = head.find(b"\xff\x4f\xff\x51")  # SIZ, whose 41st byte is the first component's depth
    return 8 if start < 0 else (head[start + 42] & 0x7F) + 1


def _look_at_jpeg_xl(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    head = stream = _head(file)
    if head[:2] != b"\xff\x0a":
        stream = b""
        for kind, content in _contents(
            file, {b"jxlc", b"jxlp", b"xml ", b"brob", b"jumb", b"jhgm"}
        ):
            if kind in (b"jxlc", b"jxlp"):
                stream = stream or content[4 * (kind == b"jxlp") :]
            elif kind == b"xml ":
                image.info.setdefault("xmp", content)
            elif kind == b"brob" and content[:4] in (b"xml ", b"Exif"):
                notes.append(f"compressed {'XMP' if content[:1] == b'x' else 'EXIF'} is left out")
            elif kind in (b"jhgm", b"jumb"):
                notes.append(GAIN_MAP if kind == b"jhgm" else _CREDENTIALS)
    depth, animated = jxl_header(stream[:_JXL_HEADER])
    if animated:
        notes.append(_FIRST_FRAME)
    return depth


def _look_at_icons(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    if len(image.info.get("sizes", ())) > 1:
        notes.append("only the largest of the file's pictures is kept")
    return 8


def _look_at_gif(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    if b"\x21\xff\x0bXMP DataXMP" in _head(file):
        notes.append("the XMP of GIF is left out")
    return 8


def _look_at_bmp(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    """Version 5 of its header may have a profile, somewhere behind it."""
    head = _head(file)
    kind = head[70:74] if head[14:18] == struct.pack("<I", 124) else b""
    if kind == b"DEBM":  # "MBED", embedded
        start, length = struct.unpack_from("<II", head, 126)
        file.seek(14 + start)
        profile = file.read(min(length, _MOST))
        if profile[36:40] == b"acsp":
            image.info["icc_profile"] = profile
        else:
            notes.append("the malformed ICC profile is left out")
    elif kind == b"KNIL":
        notes.append("the ICC profile is left out: it is in another file")
    return 8


def _look_at_netpbm(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    if comments := netpbm_comments(_head(file)):
        image.info["comment"] = b"\n".join(comments)
    return 8


def _look_at_tga(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    if text := image.info.get("id_section", b"").strip(b"\0 "):
        image.info["comment"] = text
    return 8


def _look_at_sgi(image: Image.Image, file: IO[bytes], notes: list[str]) -> int:
    return 8 * _head(file)[3]


_LOOKS: dict[str | None, Callable[[Image.Image, IO[bytes], list[str]], int]] = {
    "AVIF": _look_at_iso,
    "BMP": _look_at_bmp,
    "GIF": _look_at_gif,
    "HEIF": _look_at_iso,
    "ICNS": _look_at_icons,
    "ICO": _look_at_icons,
    "JPEG": _look_at_jpeg,
    "JPEG2000": _look_at_jpeg_2000,
    "JXL": _look_at_jpeg_xl,
    "MPO": _look_at_jpeg,
    "PNG": _look_at_png,
    "PPM": _look_at_netpbm,
    "SGI": _look_at_sgi,
    "TGA": _look_at_tga,
    "TIFF": _look_at_tiff,
}


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_HEAD)


def _contents(file: IO[bytes], kinds: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The contents of boxes of some kinds, not beyond a limit."""
    for kind, start, length in boxes(file):
        if kind in kinds:
            file.seek(start)
            yield kind, file.read(min(length, _MOST))


def _iso_depth(image: Image.Image, head: bytes) -> int:
    if depth := image.info.get("bit_depth"):  # HEIC
        return int(depth)
    start = head.find(b"av1C") + 4
    if start < 4 or len(head) < start + 3 or not head[start + 2] & 0x40:
        return 8
    return 12 if head[start + 2] & 0x20 else 10


def _iso_cicp(head: bytes) -> tuple[int, ...] | None:
    """Of RGB pixels, which the decoder made: no matrix, the full range."""
    start = head.find(b"colrnclx") + 8
    if start < 8 or len(head) < start + 4:
        return None
    primaries, transfer = struct.unpack_from(">HH", head, start)
    if primaries in _LIKE_SRGB[0] and transfer in _LIKE_SRGB[1]:
        return None
    return (primaries, transfer, 0, 1) if max(primaries, transfer) < 256 else None


_FIRST_FRAME = "only the first frame of the animation is kept"


def _kind_of_frames(image: Image.Image) -> str:
    """A note on an image file that has more than one of what it shows, by its format."""
    notes: dict[Any, str] = {
        "PSD": "the layers were merged",
        "TIFF": "only the first page is kept",
        "DCX": "only the first page is kept",
        "MPO": "only the first of the file's pictures is kept",
        "HEIF": "only the main one of the file's pictures is kept",
    }
    animated = {"AVIF", "FLI", "GIF", "JXL", "PNG", "WEBP"}
    if image.format in animated:
        return _FIRST_FRAME
    return notes.get(image.format, "only the first of the file's pictures is kept")
