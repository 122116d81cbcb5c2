"""Pillow images to files, with the metadata that each format can keep."""

from __future__ import annotations

import io
import os
import struct
from typing import IO, Any

from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from aecodec.errors import UnsupportedImageError, warn_caller
from aecodec.images.picture import METADATA, STRUCTURAL_TAGS
from aecodec.images.properties import KEYS
from aecodec.images.reading import register_plugin

_FAITHFUL: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "HEIF": {"quality": 95},
    "JXL": {"quality": 95},
}

_EIGHT_BIT = {"AVIF", "GIF", "WEBP"}  # others that are so refuse 16 bits, these turn them white
_ALPHA_LOST = {"BMP", "DIB", "GIF", "PPM"}  # without an error
_JPEG_ROOM = {"exif": 65_533, "xmp": 65_504}  # bytes of a segment, less the name of XMP's
_COMMENT_ROOM = {"JPEG": 65_533, "JPEG2000": 65_531}  # bytes; JPEG has several comments
_EXIF_NAME = b"Exif\0\0"
_GIF_COLOURS = 256
# What of metadata and properties each format's writer takes; "comment" becomes a text of PNG.
_ALL = set(METADATA)
_HELD = {
    "AVIF": _ALL,
    "BMP": {"dpi"},
    "DIB": {"dpi"},
    "GIF": {"comment"},
    "HEIF": _ALL,
    "JPEG": {*_ALL, "dpi", "comment"},
    "JPEG2000": {"comment"},
    "JXL": {"exif", "xmp"},
    "PCX": {"dpi"},
    "PNG": {*_ALL, "dpi", "gamma", "chromaticity", "srgb", "cicp", "text", "comment"},
    "TIFF": {*_ALL, "dpi"},
    "WEBP": _ALL,
}
_NAMES = {"icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP"}
# Of a picture that says it is sRGB, they say it again; where nothing says so, it is meant.
_OF_SRGB = {"srgb", "gamma", "chromaticity"}
_XMP_TAG = 700  # of TIFF
_SCALES, _UNIT = {282, 283}, 296  # of EXIF and TIFF: pixels a unit across and down, and the unit


def save_image(image: Image.Image, target: str | os.PathLike[str] | IO[bytes], format: str) -> None:
    """Write a decoded image with its metadata, as far as the format carries them.

    ICC profile, EXIF, XMP, and what `aecodec.images.properties` lists; a `UserWarning` says what
    is lost.
    Lossy formats get a high quality: what was decoded or denoised shall not be corrupted again.

    Raises:
        UnsupportedImageError: the format is unknown or cannot hold the image's mode.
    """
    suffix = "." + format.lower().lstrip(".")
    missing = register_plugin(suffix)
    name = Image.registered_extensions().get(suffix)
    if name is None or name not in Image.SAVE:
        raise UnsupportedImageError(missing or f"unknown image format {format!r}; try png")
    if name == "MPO":
        name = "JPEG"  # which one of a single picture is
    if image.mode.startswith("I") and name in _EIGHT_BIT:
        raise UnsupportedImageError(f"{name} cannot hold this image: it has 16 bits; try png")
    if name in _ALPHA_LOST and _loses_alpha(image, name):
        raise UnsupportedImageError(f"{name} cannot hold this image: it has alpha; try png")
    image = _as_the_suffix_says(image, suffix)
    if name == "GIF" and image.mode.startswith("RGB") and _has_many_colours(image):
        warn_caller(f"GIF holds {_GIF_COLOURS} colours: the others were replaced")
    options = _kept_metadata(image, name) | _FAITHFUL.get(name, {})
    try:
        if suffix == ".ppm" and image.mode.startswith("I"):
            _write_deep_ppm(image, target)
        else:
            image.save(target, format=name, **options)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, struct.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the format
        raise UnsupportedImageError(f"{name} cannot hold this image: {error}") from None


def _as_the_suffix_says(image: Image.Image, suffix: str) -> Image.Image:
    """Of the netpbm formats, Pillow writes the one that the mode has, whatever the suffix."""
    coloured = image.mode.startswith("RGB")
    if (suffix == ".pgm" and coloured) or (suffix == ".pbm" and image.mode != "1"):
        kind = "grey" if suffix == ".pgm" else "black and white"
        raise UnsupportedImageError(
            f"{suffix} holds {kind} only; try {'ppm' if coloured else 'pgm'}"
        )
    if suffix == ".ppm" and image.mode in ("1", "L", "LA"):
        return image.convert("RGB")
    return image


def _write_deep_ppm(image: Image.Image, target: str | os.PathLike[str] | IO[bytes]) -> None:
    """Grey of 16 bits as colours: Pillow has none so deep, and writes grey by this suffix."""
    import numpy as np

    levels = np.asarray(image).clip(0, 65535).astype(">u2")
    data = b"P6\n%d %d\n65535\n" % image.size + levels.repeat(3).tobytes()
    if isinstance(target, (str, os.PathLike)):
        with open(target, "wb") as file:
            file.write(data)
    else:
        target.write(data)


def _has_many_colours(image: Image.Image) -> bool:
    return image.convert("RGB").getcolors(_GIF_COLOURS) is None


def _loses_alpha(image: Image.Image, name: str) -> bool:
    """Whether pixels are more transparent than a format without alpha can tell."""
    if not image.mode.endswith("A"):
        return False
    levels = {level for level, count in enumerate(image.getchannel("A").histogram()) if count}
    return not levels <= ({0, 255} if name == "GIF" else {255})


def _kept_metadata(image: Image.Image, name: str) -> dict[str, Any]:
    """Options for Pillow's writer of a format: the metadata that it can keep."""
    kept: dict[str, Any] = {key: image.info[key] for key in METADATA if image.info.get(key)}
    exif = Image.Exif()
    try:
        exif.load(kept.get("exif", b""))
        if name == "TIFF" and "exif" in kept:
            kept_tags = set() if "dpi" in image.info else _resolution(exif)
            for tag in (STRUCTURAL_TAGS - kept_tags) & set(exif):  # else the new file's layout
                del exif[tag]
            kept["exif"] = exif.tobytes()
    except Exception:  # malformed in one of many ways; the pixels are still good
        del kept["exif"]
        exif = Image.Exif()
        warn_caller("malformed EXIF is left out")
    if name == "PNG":
        kept["pnginfo"] = _png_info(image, kept.pop("xmp", b""))
    if name == "TIFF" and (xmp := kept.pop("xmp", None)):
        exif[_XMP_TAG] = xmp
        kept["exif"] = exif.tobytes()
    if name == "JPEG":
        if "exif" in kept and not kept["exif"].startswith(_EXIF_NAME):  # as WebP has it
            kept["exif"] = _EXIF_NAME + kept["exif"]
        for key, room in _JPEG_ROOM.items():
            if len(kept.get(key, b"")) > room:
                warn_caller(f"JPEG has no room for {len(kept.pop(key)):,} bytes of {key}")
    if name == "JXL" and "exif" in kept:  # after how many bytes the TIFF header begins
        kept["exif"] = bytes(4) + kept["exif"].removeprefix(_EXIF_NAME)
    held = _HELD.get(name, set())
    kept |= {key: image.info[key] for key in ("dpi", "comment") if key in held & set(image.info)}
    if name == "PNG":
        kept.pop("comment", None)
    if name in _COMMENT_ROOM and "comment" in kept:
        kept |= _comments(kept["comment"], name)
    known = image.info
    needless = held | (_OF_SRGB if known.get("srgb") is not None else set())
    lost = [key for key in (*METADATA, *KEYS) if known.get(key) and key not in needless]
    if lost:
        names = ", ".join(_NAMES.get(key, key) for key in lost)
        warn_caller(f"{name} has no place for the image's {names}")
    return kept


def _resolution(exif: Image.Exif) -> set[int]:
    """The tags of a resolution that only EXIF tells, as of AVIF and WebP; none if malformed."""
    known = [exif.get(tag) for tag in _SCALES]
    good = all(isinstance(v, int | float | IFDRational) and 0 < float(v) < 1e9 for v in known)
    return {*_SCALES, _UNIT} if good and exif.get(_UNIT, 2) in (1, 2, 3) else set()


def _comments(comment: bytes, name: str) -> dict[str, bytes]:
    """Options for Pillow's writer: a long one of JPEG as several, by lines, as it was read."""
    room = _COMMENT_ROOM[name]
    if len(comment) <= room:
        return {"comment": comment}
    pieces = _by_lines(comment, room) if name == "JPEG" else []
    if not pieces:
        warn_caller(f"{name} has no room for {len(comment):,} bytes of comment")
    segments = (b"\xff\xfe" + struct.pack(">H", len(piece) + 2) + piece for piece in pieces)
    return {"comment": b"", "extra": b"".join(segments)}  # else Pillow takes that of `info`


def _by_lines(text: bytes, room: int) -> list[bytes]:
    """In as few pieces as fit; none if a line does not."""
    pieces: list[bytes] = []
    for line in text.split(b"\n"):
        if len(line) > room:
            return []
        if pieces and len(pieces[-1]) + 1 + len(line) <= room:
            pieces[-1] += b"\n" + line
        else:
            pieces.append(line)
    return pieces


def _png_info(image: Image.Image, xmp: bytes) -> PngImagePlugin.PngInfo:
    """The chunks that Pillow reads but does not write by itself."""
    chunks, known = PngImagePlugin.PngInfo(), image.info
    if xmp:
        chunks.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    text = known.get("text")
    for key, value in text.items() if isinstance(text, dict) else ():
        chunks.add_text(key, value)
    if isinstance(known.get("comment"), bytes):
        chunks.add_text("Comment", known["comment"].decode("latin-1"))
    if "gamma" in known:
        chunks.add(b"gAMA", struct.pack(">I", round(100_000 * known["gamma"])))
    if "chromaticity" in known:
        points = (round(100_000 * value) for value in known["chromaticity"])
        chunks.add(b"cHRM", struct.pack(">8i", *points))
    if "srgb" in known:
        chunks.add(b"sRGB", bytes([known["srgb"]]))
    if "cicp" in known:
        chunks.add(b"cICP", bytes(known["cicp"]))
    return chunks


def image_bytes(image: Image.Image, format: str) -> memoryview:
    """As `save_image`, to memory; not a copy, as it can be hundreds of megabytes."""
    buffer = io.BytesIO()
    save_image(image, buffer, format)
    return buffer.getbuffer()
