"""A Pillow image taken apart into pixels, alpha and metadata, and put together again."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageCms, ImageOps

from aecodec.errors import UnsupportedImageError, warn_caller
from aecodec.images.lost import APPENDED, is_negative, notes_of, remember, remember_frames
from aecodec.images.properties import pillow_info, read_properties
from aecodec.images.xmp import without_lost_parts

MAX_PIXELS = 178_000_000
"""Largest image that is read or written, in pixels; Pillow refuses little more."""

ORIENTATION = 0x0112  # EXIF tag
METADATA = ("icc_profile", "exif", "xmp")
"""What is kept of an image as it is, under these keys of its `info`."""
PROPERTIES = "properties"
"""What else is kept, as JSON (`aecodec.images.properties`)."""
# How a TIFF file lays out its pixels; ICC, XMP and the like are kept by themselves.
STRUCTURAL_TAGS = frozenset(
    [*range(254, 267), 273, *range(277, 285), 296, 317, 320, *range(322, 326), *range(330, 348)]
    + [700, 33723, 34377, 34675, 37724]
)
_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N", "I"}


@dataclass(frozen=True)
class Picture:
    """An image taken apart.

    Attributes:
        pixels: Pillow image of mode "RGB", "L" or "I;16".
        alpha: Pillow image of mode "L" and the same size, or None.
        metadata: bytes under the keys "icc_profile", "exif", "xmp" and "properties" (JSON, see
            `aecodec.images.properties`), where present.
    """

    pixels: Image.Image
    alpha: Image.Image | None = None
    metadata: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def from_image(cls, image: Image.Image, *, warn: bool = True) -> Picture:
        """Orient an image upright and split it into pixels, alpha and metadata.

        Modes: RGB, RGBA, L, LA and 16-bit grey stay what they are; palettes become
        RGB or RGBA; bilevel becomes L; CMYK, YCbCr, Lab and HSV become RGB. EXIF orientation
        is applied to the pixels and removed from the EXIF.

        Args:
            image: a Pillow image.
            warn: give a `UserWarning` for what is lost. Without it nothing of the process's
                warning filters is touched, so that threads may use it.

        Raises:
            UnsupportedImageError: empty, too large, or of a mode without a sensible reading.
        """
        picture, notes = _take_apart(image)
        for note in notes if warn else ():
            warn_caller(note)
        return picture

    @property
    def mode(self) -> str:
        """Pillow mode of the whole: "RGB", "RGBA", "L", "LA" or "I;16"."""
        return self.pixels.mode + ("A" if self.alpha is not None else "")

    def to_image(self) -> Image.Image:
        """Put pixels, alpha and metadata together as one Pillow image."""
        image = self.pixels
        if self.alpha is not None:
            image = Image.merge(self.mode, [*self.pixels.split(), self.alpha])
        image.info.update(image_info(self.metadata))
        return image


def image_info(metadata: dict[str, bytes]) -> dict[str, Any]:
    """A picture's metadata as Pillow has them in an image's `info`.

    Raises:
        ValueError: the properties are malformed.
    """
    kept = {key: raw for key, raw in metadata.items() if key != PROPERTIES}
    return kept | pillow_info(metadata.get(PROPERTIES, b""))


def check_size(width: int, height: int, max_pixels: int | None = None) -> None:
    """Raise UnsupportedImageError for an empty image or one that is too large."""
    limit = max_pixels or MAX_PIXELS
    if width < 1 or height < 1:
        raise UnsupportedImageError("the image is empty")
    if width * height > limit:
        raise UnsupportedImageError(f"{width}x{height} is over {limit} pixels")


def _take_apart(image: Image.Image) -> tuple[Picture, list[str]]:
    """The picture, and notes of what is lost."""
    check_size(image.width, image.height)
    remember(image)
    remember_frames(image)
    image.load()  # a TIFF file turns itself by this
    notes = notes_of(image)
    metadata, turned = _metadata(image), False
    upright = image
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
        if orientation != 1:  # else a copy for nothing
            upright = ImageOps.exif_transpose(image)
            metadata = _metadata(upright)  # in EXIF and XMP, the orientation is gone
            turned = upright is not image and orientation >= 5
    except Exception:  # Pillow raises many kinds on malformed EXIF; the pixels are still good
        if metadata.pop("exif", None):
            notes.append("malformed EXIF is left out")
    properties, lost = read_properties(image, turned=turned)
    notes += lost
    if properties:
        metadata[PROPERTIES] = properties
    if "xmp" in metadata:
        metadata["xmp"], lost = without_lost_parts(metadata["xmp"])
        if lost and APPENDED in notes:  # the XMP says what that is
            notes.remove(APPENDED)
        notes += [note for note in lost if note not in notes]
        if not metadata["xmp"]:
            del metadata["xmp"]
    return _split(upright, metadata, notes), notes


def _metadata(image: Image.Image) -> dict[str, bytes]:
    kept = {}
    for key in METADATA:
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
        exif.bigtiff = False  # nobody reads EXIF of that kind
        for tag in STRUCTURAL_TAGS & set(exif):
            del exif[tag]
        return exif.tobytes() if len(exif) else b""
    except Exception:  # malformed in one of many ways; the pixels are still good
        return b""


def _split(image: Image.Image, metadata: dict[str, bytes], notes: list[str]) -> Picture:
    """The picture; what is lost is added to the notes."""
    mode = image.mode
    if mode == "P" or (mode in ("1", "L", "RGB") and "transparency" in image.info):
        grey = mode in ("1", "L")
        transparent = image.has_transparency_data  # of a palette's colours, too
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

    levels = np.asarray(image).astype("<u2")
    return Image.fromarray(~levels if is_negative(image) else levels)


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
