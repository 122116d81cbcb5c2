"""Images without some of what they say beside their pixels."""

from __future__ import annotations

from xml.dom import minidom
from xml.parsers.expat import ExpatError

from PIL import Image

from aecodec.images.picture import PROPERTIES, Picture
from aecodec.images.properties import pack_properties, unpack_properties
from aecodec.images.xmp import prune, serialise

STRIPPABLE = ("all", "exif", "xmp", "icc", "location")

_KEYS = {"exif": "exif", "xmp": "xmp", "icc": "icc_profile"}
# EXIF's GPS, and the tags of GeoTIFF.
_PLACE_TAGS = frozenset([0x8825, 33550, 33922, 34264, 34735, 34736, 34737])
_EXIF_SPACE = "http://ns.adobe.com/exif/1.0/"
_PLACES = {
    "http://ns.adobe.com/photoshop/1.0/": ("City", "State", "Country"),
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": ("Location", "CountryCode"),
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": ("LocationCreated", "LocationShown"),
}


def without_metadata(image: Image.Image, what: str) -> Image.Image:
    """An image as `Picture.from_image` takes it apart, less some of its metadata.

    Args:
        image: of any mode that `Picture.from_image` takes; its notes are given.
        what: "exif", "xmp" or "icc"; "location": the GPS data of EXIF, XMP and PNG's text, the
            tags of GeoTIFF and the names of places in XMP; "all": all of it, resolution, text and
            comments too. Orientation is applied before. What the maker of a camera hides in EXIF
            may tell more.

    Raises:
        ValueError: `what` is none of these.
        UnsupportedImageError: as `Picture.from_image`.
    """
    if what not in STRIPPABLE:
        raise ValueError(f"what must be one of {', '.join(STRIPPABLE)}, not {what!r}")
    picture = Picture.from_image(image)
    kept = dict(picture.metadata)
    if what == "all":
        kept = {}
    elif what == "location":
        kept = {key: _without_location(key, raw) for key, raw in kept.items()}
    else:
        kept.pop(_KEYS[what], None)
    pixels = picture.pixels.copy()  # no longer of a format that has tags
    pixels.info = {}
    return Picture(pixels, picture.alpha, {key: raw for key, raw in kept.items() if raw}).to_image()


def _without_location(key: str, raw: bytes) -> bytes:
    if key == "exif":
        return _without_gps(raw)
    if key == PROPERTIES:
        return _without_gps_text(raw)
    return _without_places(raw) if key == "xmp" else raw


def _without_gps_text(raw: bytes) -> bytes:
    """ImageMagick writes EXIF as PNG's text, exif:GPSLatitude and so on."""
    known = unpack_properties(raw)
    known["text"] = {k: text for k, text in known.get("text", {}).items() if "gps" not in k.lower()}
    return pack_properties(known)


def _without_gps(raw: bytes) -> bytes:
    """Nothing of it if it is malformed: it might still tell the place to some reader."""
    exif = Image.Exif()
    try:
        exif.load(raw)
        if not _PLACE_TAGS & set(exif):
            return raw
        for directory in {0x8769, 0x014A} & set(exif):
            exif.get_ifd(directory)  # read now: what is not read is not written
        for tag in _PLACE_TAGS & set(exif):
            del exif[tag]
        return exif.tobytes()
    except Exception:  # Pillow raises many kinds on malformed EXIF
        return b""


def _without_places(raw: bytes) -> bytes:
    try:
        if b"<!DOCTYPE" in raw:
            return b""
        document = minidom.parseString(raw.strip(b"\0 \r\n\t"))
    except (ExpatError, ValueError, LookupError):
        return b""
    removed = prune(document, _is_place)
    return serialise(document) if removed else raw


def _is_place(namespace: str | None, name: str) -> bool:
    if namespace == _EXIF_SPACE:
        return name.startswith("GPS")
    return name in _PLACES.get(namespace or "", ())
