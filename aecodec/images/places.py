"""EXIF and XMP without where a picture was taken."""

from __future__ import annotations

from xml.dom import minidom
from xml.parsers.expat import ExpatError

from PIL import Image

from aecodec.images.xmp import prune, serialise

# EXIF's GPS, and the tags of GeoTIFF.
_PLACE_TAGS = frozenset([0x8825, 33550, 33922, 34264, 34735, 34736, 34737])
_EXIF_SPACE = "http://ns.adobe.com/exif/1.0/"
_PLACES = {
    "http://ns.adobe.com/photoshop/1.0/": ("City", "State", "Country"),
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": ("Location", "CountryCode"),
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": ("LocationCreated", "LocationShown"),
}
PLACE_NAMES = frozenset(name.lower() for names in _PLACES.values() for name in names)


def without_gps(raw: bytes) -> bytes:
    """EXIF without GPS; nothing of it if it is malformed: it might still tell the place."""
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


def without_places(raw: bytes) -> bytes:
    """XMP without GPS and names of places; nothing of it if it is malformed."""
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
