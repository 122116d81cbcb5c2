"""Image files to Pillow images."""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from aecodec.errors import UnsupportedImageError
from aecodec.images.arrays import image_of_array
from aecodec.images.lost import remember, remember_frames
from aecodec.images.picture import MAX_PIXELS, Picture, check_size
from aecodec.storage.folders import find_files

_HEIF = (".heic", ".heics", ".heif", ".heifs", ".hif")
_READ_ONLY = frozenset([".icns", ".ico", ".pcx", ".psd", ".sgi"])
IMAGE_SUFFIXES = _READ_ONLY | frozenset(
    [
        *(".jfif", ".jpe", ".jpeg", ".jpg", ".apng", ".png", ".gif", ".webp", ".tif", ".tiff"),
        *(".avif", ".avifs", *_HEIF, ".jxl", ".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx"),
        *(".bmp", ".dib", ".mpo", ".pbm", ".pgm", ".pnm", ".ppm", ".qoi"),
        *(".icb", ".tga", ".vda", ".vst"),
    ]
)
WRITTEN_SUFFIXES = IMAGE_SUFFIXES - _READ_ONLY
"""Of the formats that results are written in: these hold photos as they are."""

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_HEAD = 12  # bytes that tell HEIC and JPEG XL
_BEGINNING = 1 << 16  # bytes that tell what is no image
_PREFIX = 16  # bytes by which Pillow tells most formats
_AEC = b"\x89AEC"  # how an .aec file begins, whatever its name

_OPENING = threading.Lock()  # filters of warnings are the whole process's


def open_image(path: str | os.PathLike[str], max_pixels: int | None = None) -> Image.Image:
    """Open and decode an image file.

    Args:
        path: of the file.
        max_pixels: larger images are refused before they are decoded; None: `MAX_PIXELS`.

    Raises:
        UnsupportedImageError: not an image that Pillow can read, damaged, or too large.
        OSError: the file cannot be read at all.
    """
    return _decode(path, max_pixels=max_pixels)[0]


def image_of(source: Any) -> Image.Image:
    """A Pillow image of one, the path or the bytes of an image file, that opened, or an array.

    Raises:
        UnsupportedImageError: as `open_image` and `image_of_array`; or opened as text.
        OSError: the file cannot be read at all.
    """
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, (str, os.PathLike)):
        return open_image(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(bytes(source))[0]
    if hasattr(source, "read"):
        return _decode(_bytes_of(source))[0]
    return image_of_array(source)


def _bytes_of(file: Any) -> bytes:
    """All that is left of it, if it begins as an image does."""
    beginning = file.read(_BEGINNING)
    if not isinstance(beginning, bytes):
        raise UnsupportedImageError("the file is open for text; open it in mode 'rb'")
    return beginning + file.read() if may_be_image(beginning) else beginning


def open_reduced(path: str | os.PathLike[str], least: int) -> tuple[Image.Image, tuple[int, int]]:
    """As `open_image`, but a JPEG may come at a half, a quarter or an eighth of its size.

    That is several times faster to decode.

    Args:
        path: of the file.
        least: pixels; no side becomes shorter than this by it.

    Returns:
        The image, and width and height as they are in the file.
    """
    return _decode(path, least)


def _decode(
    source: str | os.PathLike[str] | bytes,
    least: int | None = None,
    max_pixels: int | None = None,
) -> tuple[Image.Image, tuple[int, int]]:
    name = "the bytes" if isinstance(source, bytes) else source
    missing = "" if isinstance(source, bytes) else register_plugin(os.path.splitext(source)[1])
    try:
        head = _beginning(source)
        missing = register_plugin(_suffix_by_content(head)) or missing
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        with image:  # whose file Pillow leaves open where there are more frames in it
            size = image.size
            check_size(*size, max_pixels)
            if least is not None:
                image.draft(None, (least, least))
            remember(image)
            remember_frames(image)
            image.load()
    except UnidentifiedImageError:
        why = missing or "not an image in a format Pillow can read"
        if head.startswith(_AEC):
            why = "an .aec file by its content; decompress it, or give it that suffix"
            if isinstance(source, bytes) or os.fspath(source).lower().endswith(".aec"):
                why = "an .aec file already; decompress it first where an image is needed"
        raise UnsupportedImageError(f"{name}: {why}") from None
    except UnsupportedImageError as error:
        raise UnsupportedImageError(f"{name}: {error}") from None
    except Image.DecompressionBombError:
        raise UnsupportedImageError(f"{name}: over {max_pixels or MAX_PIXELS} pixels") from None
    except (FileNotFoundError, PermissionError, IsADirectoryError, MemoryError):
        raise
    except Exception as error:  # each format's reader has its own kinds
        raise UnsupportedImageError(f"{name}: damaged image ({error})") from None
    return image, size


def _beginning(source: str | os.PathLike[str] | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:_HEAD]
    with open(source, "rb") as file:
        return file.read(_HEAD)


def _suffix_by_content(head: bytes) -> str:
    """Of HEIC and JPEG XL files, whatever their names; else nothing."""
    if head[4:8] == b"ftyp" and head[8:] in _HEIC_BRANDS:
        return ".heic"
    return ".jxl" if head[:2] == b"\xff\x0a" or head[4:8] == b"JXL " else ""


def may_be_image(beginning: bytes) -> bool:
    """Whether a file that begins so (with 64 kB, if it has them) may be one."""
    register_plugin(_suffix_by_content(beginning[:_HEAD]))
    Image.init()
    unsure = [name for name in Image.ID if Image.OPEN[name][1] is None]
    for _, accepts in Image.OPEN.values():
        if accepts and accepts(beginning[:_PREFIX]) is True:
            return True
    try:
        with Image.open(io.BytesIO(beginning), formats=unsure):
            return True
    except Exception:  # each format's reader has its own kinds
        return False


def open_pixels(path: str | os.PathLike[str]) -> Image.Image:
    """The pixels of an image file, upright, of mode "RGB", "L" or "I;16", without metadata.

    Raises:
        UnsupportedImageError: as `open_image` and `Picture.from_image`, with the path.
        OSError: the file cannot be read at all.
    """
    image = open_image(path)
    try:
        pixels = Picture.from_image(image).pixels
    except UnsupportedImageError as error:
        raise UnsupportedImageError(f"{path}: {error}") from None
    import numpy as np

    return Image.fromarray(np.asarray(pixels))


def find_photos(folders: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """All image files below the folders, by suffix, sorted by file name.

    Hidden ones are left out, links to folders are not followed.

    Raises:
        UnsupportedImageError: when there are none.
        AecodecError: a folder is not there.
        OSError: a folder cannot be listed.
    """
    photos = [Path(path) for path in find_files(folders, IMAGE_SUFFIXES)]
    if not photos:
        raise UnsupportedImageError(f"no photos in {', '.join(map(str, folders))}")
    return sorted(photos, key=lambda path: (path.name, path))


def register_plugin(suffix: str) -> str:
    """Let Pillow read HEIC and JPEG XL; where the extra `codecs` is not installed, say so."""
    suffix = suffix.lower()
    module = "pillow_heif" if suffix in _HEIF else "pillow_jxl" if suffix == ".jxl" else None
    if module is None:
        return ""
    if not find_spec(module):
        return f"{suffix} needs pip install 'aecodec[codecs]'"
    plugin = import_module(module)  # that for JPEG XL registers itself
    if module == "pillow_heif":
        plugin.register_heif_opener()
    return ""
