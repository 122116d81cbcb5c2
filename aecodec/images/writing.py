"""Pillow images to files, with the metadata that each format can keep."""

from __future__ import annotations

import io
import os
import struct
import warnings
from typing import IO, Any

from PIL import Image, PngImagePlugin

from aecodec.errors import UnsupportedImageError
from aecodec.images.picture import METADATA, STRUCTURAL_TAGS
from aecodec.images.reading import register_plugin

_FAITHFUL: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "HEIF": {"quality": 95},
    "JXL": {"quality": 95},
}

_EIGHT_BIT = {"AVIF", "GIF", "WEBP"}  # others that are so refuse 16 bits, these turn them white
_ALPHA_LOST = {"BMP", "GIF", "PPM"}  # without an error
_JPEG_SEGMENT = 65_000  # bytes, and some for the segment's name
_XMP_TAG = 700  # of TIFF


def save_image(image: Image.Image, target: str | os.PathLike[str] | IO[bytes], format: str) -> None:
    """Write a decoded image with its ICC profile, EXIF and XMP, as far as the format carries them.

    Lossy formats get a high quality: what was decoded or denoised shall not be corrupted again.

    Raises:
        UnsupportedImageError: the format is unknown or cannot hold the image's mode.
    """
    suffix = "." + format.lower().lstrip(".")
    missing = register_plugin(suffix)
    name = Image.registered_extensions().get(suffix)
    if name is None or name not in Image.SAVE:
        raise UnsupportedImageError(missing or f"unknown image format {format!r}; try png")
    if image.mode.startswith("I") and name in _EIGHT_BIT:
        raise UnsupportedImageError(f"{name} cannot hold this image: it has 16 bits; try png")
    if name in _ALPHA_LOST and _loses_alpha(image, name):
        raise UnsupportedImageError(f"{name} cannot hold this image: it has alpha; try png")
    options = _kept_metadata(image, name) | _FAITHFUL.get(name, {})
    try:
        image.save(target, format=name, **options)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, struct.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the format
        raise UnsupportedImageError(f"{name} cannot hold this image: {error}") from None


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
            for tag in STRUCTURAL_TAGS & set(exif):  # else the layout of the new file
                del exif[tag]
            kept["exif"] = exif.tobytes()
    except Exception:  # malformed in one of many ways; the pixels are still good
        del kept["exif"]
        exif = Image.Exif()
    if name == "PNG" and (xmp := kept.pop("xmp", None)):  # which Pillow reads but does not write
        kept["pnginfo"] = PngImagePlugin.PngInfo()
        kept["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    if name == "TIFF" and (xmp := kept.pop("xmp", None)):
        exif[_XMP_TAG] = xmp
        kept["exif"] = exif.tobytes()
    if name == "JPEG":
        for key in ("exif", "xmp"):
            if len(kept.get(key, b"")) > _JPEG_SEGMENT:
                warnings.warn(
                    f"JPEG has no room for {len(kept.pop(key)):,} bytes of {key}", stacklevel=3
                )
    return kept


def image_bytes(image: Image.Image, format: str) -> memoryview:
    """As `save_image`, to memory; not a copy, as it can be hundreds of megabytes."""
    buffer = io.BytesIO()
    save_image(image, buffer, format)
    return buffer.getbuffer()
