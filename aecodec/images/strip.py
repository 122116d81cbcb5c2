"""Images without some of what they say beside their pixels."""

from __future__ import annotations

from collections.abc import Collection

from PIL import Image

from aecodec.errors import warn_caller
from aecodec.images.picture import PROPERTIES, Picture
from aecodec.images.places import without_gps, without_places
from aecodec.images.properties import pack_properties, unpack_properties
from aecodec.images.text_profiles import texts_without

STRIPPABLE = ("all", "exif", "xmp", "icc", "location")

_KEYS = {"exif": "exif", "xmp": "xmp", "icc": "icc_profile"}
_LESS_PLACES = {"exif": without_gps, "xmp": without_places}


def without_metadata(image: Image.Image, what: str | Collection[str]) -> Image.Image:
    """An image as `Picture.from_image` takes it apart, less some of its metadata.

    Args:
        image: of any mode that `Picture.from_image` takes; its notes are given.
        what: "exif", "xmp" or "icc", in PNG's text too; "location": the GPS data of EXIF, XMP and
            PNG's text, the tags of GeoTIFF and the names of places in XMP and text; "all": all of
            it, resolution, text and comments too. Orientation is applied before. What the maker
            of a camera hides in EXIF may tell more. Or several of them.

    Raises:
        ValueError: `what` is none of these.
        UnsupportedImageError: as `Picture.from_image`.
    """
    parts = [what] if isinstance(what, str) else list(what)
    for part in parts:
        if part not in STRIPPABLE:
            raise ValueError(f"what must be one of {', '.join(STRIPPABLE)}, not {part!r}")
    picture = Picture.from_image(image)
    kept = {} if "all" in parts else picture.metadata
    for part in parts:
        kept = _without(kept, part)
    pixels = picture.pixels.copy()  # no longer of a format that has tags
    pixels.info = {}
    return Picture(pixels, picture.alpha, kept).to_image()


def _without(metadata: dict[str, bytes], what: str) -> dict[str, bytes]:
    kept = {key: raw for key, raw in metadata.items() if key != _KEYS.get(what)}
    if what == "location":
        kept = {key: _LESS_PLACES.get(key, bytes)(raw) for key, raw in kept.items()}
    if PROPERTIES in kept:
        kept[PROPERTIES] = _without_texts(kept[PROPERTIES], what)
    return {key: raw for key, raw in kept.items() if raw}


def _without_texts(raw: bytes, what: str) -> bytes:
    known = unpack_properties(raw)
    known["text"], notes = texts_without(known.get("text", {}), what)
    for note in notes:
        warn_caller(note)
    return pack_properties(known)
