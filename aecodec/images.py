"""Pillow images as the codec takes them: pixels, alpha and metadata, and back to files."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from aecodec.errors import UnsupportedImageError
from aecodec.folders import walk

IMAGE_SUFFIXES = frozenset(
    [
        ".avif",
        ".bmp",
        ".gif",
        ".heic",
        ".heif",
        ".jfif",
        ".jp2",
        ".jpeg",
        ".jpg",
        ".jxl",
        ".pgm",
        ".png",
        ".ppm",
        ".tga",
        ".tif",
        ".tiff",
        ".webp",
    ]
)

_FAITHFUL: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "HEIF": {"quality": 95},
    "JXL": {"quality": 95},
}

MAX_PIXELS = 178_000_000
"""Largest image that is read or written, in pixels; Pillow refuses little more."""

_EIGHT_BIT = {"AVIF", "GIF", "WEBP"}  # others that are so refuse 16 bits, these turn them white
_ALPHA_LOST = {"BMP", "GIF", "PPM"}  # without an error
_JPEG_SEGMENT = 65_000  # bytes, and some for the segment's name
_XMP_TAG = 700  # of TIFF
ORIENTATION = 0x0112  # EXIF tag
_METADATA = ("icc_profile", "exif", "xmp")
# How a TIFF file lays out its pixels; ICC, XMP and the like are kept by themselves.
_STRUCTURAL_TAGS = frozenset(
    [*range(254, 267), 273, *range(277, 285), 296, 317, 320, *range(322, 326), *range(330, 348)]
    + [700, 33723, 34377, 34675]
)
_OPENING = threading.Lock()  # filters of warnings are the whole process's
_DEEP = "aecodec: 16 bits a colour"  # among what Pillow knows of an image
_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N", "I"}


@dataclass(frozen=True)
class Picture:
    """An image taken apart.

    Attributes:
        pixels: Pillow image of mode "RGB", "L" or "I;16".
        alpha: Pillow image of mode "L" and the same size, or None.
        metadata: bytes under the keys "icc_profile", "exif", "xmp", where present.
    """

    pixels: Image.Image
    alpha: Image.Image | None = None
    metadata: dict[str, bytes] = field(default_factory=dict)

    @property
    def mode(self) -> str:
        """Pillow mode of the whole: "RGB", "RGBA", "L", "LA" or "I;16"."""
        return self.pixels.mode + ("A" if self.alpha is not None else "")

    def to_image(self) -> Image.Image:
        """Put pixels, alpha and metadata together as one Pillow image."""
        image = self.pixels
        if self.alpha is not None:
            image = Image.merge(self.mode, [*self.pixels.split(), self.alpha])
        image.info.update(self.metadata)
        return image


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
    path: str | os.PathLike[str], least: int | None = None, max_pixels: int | None = None
) -> tuple[Image.Image, tuple[int, int]]:
    suffix = os.path.splitext(path)[1].lower()
    missing = _register_plugin(suffix)
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
        size = image.size
        check_size(*size, max_pixels)
        if least is not None:
            image.draft(None, (least, least))
        _remember_depth(image)
        image.load()
    except UnidentifiedImageError:
        raise UnsupportedImageError(
            f"{path}: {missing or 'not an image in a format Pillow can read'}"
        ) from None
    except UnsupportedImageError as error:
        raise UnsupportedImageError(f"{path}: {error}") from None
    except Image.DecompressionBombError:
        raise UnsupportedImageError(f"{path}: over {max_pixels or MAX_PIXELS} pixels") from None
    except (FileNotFoundError, PermissionError, IsADirectoryError, MemoryError):
        raise
    except Exception as error:  # each format's reader has its own kinds
        raise UnsupportedImageError(f"{path}: damaged image ({error})") from None
    return image, size


def find_photos(folders: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """All image files below the folders, by suffix, sorted by file name.

    Hidden ones are left out, links to folders are not followed.

    Raises:
        UnsupportedImageError: when there are none.
        OSError: a folder cannot be listed.
    """
    photos = {Path(path) for folder in folders for path in walk(folder, IMAGE_SUFFIXES)}
    if not photos:
        raise UnsupportedImageError(f"no photos in {', '.join(map(str, folders))}")
    return sorted(photos, key=lambda path: (path.name, path))


def _register_plugin(suffix: str) -> str:
    """Let Pillow read HEIC and JPEG XL; where the extra `codecs` is not installed, say so."""
    module = {".heic": "pillow_heif", ".heif": "pillow_heif", ".jxl": "pillow_jxl"}.get(suffix)
    if module is None:
        return ""
    if not find_spec(module):
        return f"{suffix} needs pip install 'aecodec[codecs]'"
    plugin = import_module(module)  # that for JPEG XL registers itself
    if module == "pillow_heif":
        plugin.register_heif_opener()
    return ""


def check_size(width: int, height: int, max_pixels: int | None = None) -> None:
    """Raise UnsupportedImageError for an empty image or one that is too large."""
    limit = max_pixels or MAX_PIXELS
    if width < 1 or height < 1:
        raise UnsupportedImageError("the image is empty")
    if width * height > limit:
        raise UnsupportedImageError(f"{width}x{height} is over {limit} pixels")


def take_apart(image: Image.Image) -> Picture:
    """Orient an image upright and split it into pixels, alpha and metadata.

    Modes: RGB, RGBA, L, LA and 16-bit grey stay what they are; palettes become
    RGB or RGBA; bilevel becomes L; CMYK, YCbCr, Lab and HSV become RGB, with a
    `UserWarning` for those that lose something. EXIF orientation is applied to the
    pixels and removed from the EXIF.

    Raises:
        UnsupportedImageError: empty, too large, or of a mode without a sensible reading.
    """
    picture, notes = take_apart_quietly(image)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return picture


def take_apart_quietly(image: Image.Image) -> tuple[Picture, list[str]]:
    """As `take_apart`, with what it would warn of: whom that does not concern may work in threads."""
    check_size(image.width, image.height)
    _remember_depth(image)
    image.load()  # a TIFF file turns itself by this
    notes: list[str] = []
    if image.info.get(_DEEP):
        notes.append("16-bit colours were converted to 8 bits")
    if _frames(image) > 1:
        notes.append("only the first frame of the animation is kept")
    metadata = _metadata(image)
    try:
        upright = image
        if image.getexif().get(ORIENTATION, 1) != 1:  # else a copy for nothing
            upright = ImageOps.exif_transpose(image)
            metadata = _metadata(upright)  # in EXIF and XMP, the orientation is gone
    except Exception:  # Pillow raises many kinds on malformed EXIF; the pixels are still good
        metadata.pop("exif", None)
    return _split(upright, metadata, notes), notes


def _remember_depth(image: Image.Image) -> None:
    """Before it is decoded: whether its file has 16 bits a colour, of which Pillow keeps 8."""
    if image.mode in ("RGB", "RGBA", "LA") and any(
        ";16" in str(tile.args) or (tile.codec_name.startswith("ppm") and tile.args[-1] > 255)
        for tile in getattr(image, "tile", ())
    ):
        image.info[_DEEP] = True


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


def open_pixels(path: str | os.PathLike[str]) -> Image.Image:
    """The pixels of an image file, upright, of mode "RGB", "L" or "I;16", without metadata.

    Raises:
        UnsupportedImageError: as `open_image` and `take_apart`, with the path.
        OSError: the file cannot be read at all.
    """
    image = open_image(path)
    try:
        pixels = take_apart(image).pixels
    except UnsupportedImageError as error:
        raise UnsupportedImageError(f"{path}: {error}") from None
    import numpy as np

    return Image.fromarray(np.asarray(pixels))


def _metadata(image: Image.Image) -> dict[str, bytes]:
    kept = {}
    for key in _METADATA:
        value = image.info.get(key)
        if value:
            kept[key] = value.encode() if isinstance(value, str) else bytes(value)
    if "exif" not in kept and (exif := _tags(image)):
        kept["exif"] = exif
    return kept


def _tags(image: Image.Image) -> bytes:
    """EXIF of formats that do not keep it as one block: of TIFF, its tags about the photo."""
    if image.format != "TIFF" and "Raw profile type exif" not in image.info:
        return b""
    try:
        exif = image.getexif()
        for tag in _STRUCTURAL_TAGS & set(exif):
            del exif[tag]
        return exif.tobytes() if len(exif) else b""
    except Exception:  # malformed in one of many ways; the pixels are still good
        return b""


def _split(image: Image.Image, metadata: dict[str, bytes], notes: list[str]) -> Picture:
    """The picture; what is lost is added to the notes."""
    mode = image.mode
    if mode == "P" or (mode in ("1", "L", "RGB") and "transparency" in image.info):
        grey = mode in ("1", "L")
        transparent = "transparency" in image.info
        image = image.convert(
            ("LA" if grey else "RGBA") if transparent else ("L" if grey else "RGB")
        )
        mode = image.mode
    if mode in ("PA", "RGBa", "La"):
        image = image.convert("LA" if mode == "La" else "RGBA")
        mode = image.mode
    if mode in ("RGB", "L"):
        return Picture(image, None, metadata)
    if mode in ("RGBA", "LA"):
        # convert("RGB") would blend nothing, but split keeps the colours exactly as stored.
        *colours, alpha = image.split()
        return Picture(Image.merge(mode[:-1], colours), alpha, metadata)
    if mode == "1":
        return Picture(image.convert("L"), None, metadata)
    if mode in _SIXTEEN_BIT:
        if "transparency" in image.info:
            notes.append("16-bit grey loses its transparent level")
        return Picture(_sixteen_bit(image), None, metadata)
    return _convert_to_rgb(image, metadata, notes)


def _sixteen_bit(image: Image.Image) -> Image.Image:
    if image.mode == "I":
        low, high = image.getextrema()
        if low < 0 or high > 65535:  # type: ignore[operator]
            raise UnsupportedImageError("32-bit integer pixels outside 0..65535")
    import numpy as np

    return Image.fromarray(np.asarray(image).astype("<u2"))


def to_8_bits(image: Image.Image) -> Image.Image:
    """The image, with 8 bits where it has 16: `convert("RGB")` alone turns those white."""
    if not image.mode.startswith("I"):
        return image
    import numpy as np

    return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))


def _convert_to_rgb(image: Image.Image, metadata: dict[str, bytes], notes: list[str]) -> Picture:
    if image.mode not in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX"):
        raise UnsupportedImageError(f"pixels of mode {image.mode!r} are not supported")
    rest = dict(metadata)
    profile = rest.get("icc_profile")
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"{image.mode} pixels were converted to RGB")
        rest.pop("icc_profile", None)  # it describes colours that are no longer there
    if image.mode == "LAB" or (image.mode == "CMYK" and profile):
        converted = _to_srgb(image, profile)
        if converted is not None:
            return Picture(converted, None, rest)
    return Picture(image.convert("RGB"), None, rest)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Colour-managed conversion, or None where the profile is of no use."""
    try:
        source: Any = ImageCms.createProfile("LAB")
        if profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


def save_image(image: Image.Image, target: str | os.PathLike[str] | IO[bytes], format: str) -> None:
    """Write a decoded image with its ICC profile, EXIF and XMP, as far as the format carries them.

    Lossy formats get a high quality: what was decoded or denoised shall not be spoilt again.

    Raises:
        UnsupportedImageError: the format is unknown or cannot hold the image's mode.
    """
    suffix = "." + format.lower().lstrip(".")
    missing = _register_plugin(suffix)
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
    kept: dict[str, Any] = {key: image.info[key] for key in _METADATA if image.info.get(key)}
    exif = Image.Exif()
    try:
        exif.load(kept.get("exif", b""))
        if name == "TIFF" and "exif" in kept:
            for tag in _STRUCTURAL_TAGS & set(exif):  # else the layout of the new file
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
