"""What an image file holds that Pillow does not pass on: deeper colours, gain maps, and more.

Looked for before the file is decoded, since Pillow then closes it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import IO, Any

from PIL import Image

from aecodec.errors import UnsupportedImageError

_NOTES, _COUNTED = "aecodec: lost", "aecodec: counted"  # among what Pillow knows of an image
_EIGHT_BIT = {"L", "LA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK"}
_IFDS = {0x8769, 0x8825, 0xA005, 0x014A}  # of EXIF, GPS, interoperability, and SubIFDs
_HEAD = 1 << 18  # bytes in which the description of an AVIF, HEIC or JPEG 2000 file is
_LIKE_SRGB = ({1, 2}, {1, 2, 6, 13, 14, 15})  # primaries and transfers that are shown as sRGB


def remember(image: Image.Image) -> None:
    """Before an image is decoded: keep in its `info` what Pillow loses of its file.

    That is notes (see `notes_of`) and "cicp", the colour space by four numbers (ITU-T H.273),
    of PNG, AVIF and HEIC.
    """
    if _NOTES in image.info:
        return
    if image.format == "PNG" and getattr(image, "is_animated", False):
        _ = getattr(image, "text", None)  # behind the frames: Pillow forgets `info` on the way
    notes = []
    depth = _depth_of_tiles(image)
    head = _head(image)
    if image.format == "PNG":
        for kind, payload in _png_chunks(image):
            if kind == b"cICP" and len(payload) == 4:
                image.info["cicp"] = tuple(payload)
            elif kind in (b"mDCV", b"mDCv", b"cLLI", b"cLLi"):
                notes.append(f"{kind.decode()}, about the range of light, is left out")
    elif image.format in ("AVIF", "HEIF"):
        depth = _iso_depth(image, head)
        if (cicp := _iso_cicp(head)) is not None:
            image.info["cicp"] = cicp
        auxiliary = " ".join(map(str, image.info.get("aux") or ()))
        if b"tmap" in head or "gainmap" in auxiliary.lower() or b"hdrgainmap" in head:
            notes.append(GAIN_MAP)
        if image.info.get("depth_images"):
            notes.append("the depth map is left out")
    elif image.format == "JPEG2000":
        depth = _jpeg2000_depth(head)
    elif image.format in ("JPEG", "MPO"):
        segments = [content for _, content in getattr(image, "applist", ())]
        if any(part.startswith(b"urn:iso:std:iso:ts:21496") for part in segments):
            notes.append(GAIN_MAP)
        if any(part.startswith(b"http://ns.adobe.com/xmp/extension/") for part in segments):
            notes.append("XMP beyond the first 64 kB is left out")
    if depth > 8 and image.mode in _EIGHT_BIT:
        notes.append(f"{depth}-bit colours were converted to 8 bits")
    image.info[_NOTES] = tuple(notes)


GAIN_MAP = "the gain map is left out: the picture is that of a standard range of light"


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


def _depth_of_tiles(image: Image.Image) -> int:
    for tile in getattr(image, "tile", ()):
        if re.search(r";16[LBN]", str(tile.args)):  # without a letter it is 16 bits a pixel
            return 16
        if tile.codec_name.startswith("ppm") and tile.args[-1] > 255:
            return int(tile.args[-1]).bit_length()
    return 8


def _head(image: Image.Image) -> bytes:
    """The first bytes of its file, as long as it is open."""
    file: IO[bytes] | None = getattr(image, "fp", None)
    if file is None or image.format not in ("AVIF", "HEIF", "JPEG2000"):
        return b""
    try:
        position = file.tell()
        file.seek(0)
        head = file.read(_HEAD)
        file.seek(position)
    except (OSError, ValueError):
        return b""
    return head


def _png_chunks(image: Image.Image) -> Iterator[tuple[bytes, bytes]]:
    """Type and payload of the short ones before the pixels."""
    file: IO[bytes] | None = getattr(image, "fp", None)
    if file is None:
        return
    try:
        position = file.tell()
        start = 8
        while True:
            file.seek(start)
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind in (b"IDAT", b"IEND"):
                break
            if length <= 64:
                yield kind, file.read(length)
            start += 12 + length
    except (OSError, ValueError, struct.error):
        pass
    finally:
        file.seek(position)


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


def _jpeg2000_depth(head: bytes) -> int:
    start = head.find(b"\xff\x4f\xff\x51")  # SIZ, whose 41st byte is the first component's depth
    if start < 0 or len(head) < start + 43:
        return 8
    return int(head[start + 42] & 0x7F) + 1


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
        return "only the first frame of the animation is kept"
    return notes.get(image.format, "only the first of the file's pictures is kept")
