"""EXIF, XMP and IPTC in the texts of PNG, where ImageMagick, ExifTool and others write them.

A "Raw profile type ..." is hexadecimal, led by its name and its length.
"""

from __future__ import annotations

import re

from aecodec.images.places import PLACE_NAMES, without_gps, without_places

_RAW = "raw profile type "
_BLOCK = "exif"  # a text of this name is a block of EXIF, which Pillow takes for the picture's
_SINGLE = "exif:"  # ImageMagick's, one text for each tag
_KINDS = {
    "exif": {"exif"},
    "app1": {"exif", "xmp"},  # unless what is in it says which
    "xmp": {"xmp"},
    "icc": {"icc"},
    "icm": {"icc"},
    "iptc": {"iptc"},
    "8bim": {"iptc"},
    "app13": {"iptc"},
}
_EXIF_STARTS = (b"Exif\0\0", b"II*\0", b"MM\0*")
_XMP_START = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_SIGNS = ("<x:xmpmeta", "<rdf:RDF", "adobe:ns:meta/", "http://ns.adobe.com/exif/1.0/")
_BLOCKS = {b"8BIM\x04\x22": "exif", b"8BIM\x04\x24": "xmp", b"8BIM\x04\x0f": "icc"}  # Photoshop's
_HEX = re.compile(r"\s*([^\n]*)\n\s*\d+\n([0-9a-fA-F\s]*)\Z")
# IPTC's city, part of it, province, code and name of the country, and of what is shown.
_IPTC_PLACE = re.compile(rb"\x1c\x02[\x1a\x1b\x5a\x5c\x5f\x64\x65]")


def texts_without(texts: dict[str, str], what: str) -> tuple[dict[str, str], list[str]]:
    """The texts of PNG less what is no longer wanted, and notes of what goes with it.

    Args:
        texts: by their names.
        what: "exif", "xmp", "icc" or "location".
    """
    kept: dict[str, str] = {}
    notes = []
    for key, text in texts.items():
        kinds = _kinds(key, text)
        if what == "location":
            left = _without_location(key, text, kinds)
        else:
            left = None if what in kinds else text
        if left is not None:
            kept[key] = left
        elif kinds - {what} and not key.lower().startswith((_SINGLE, _BLOCK)):
            notes.append(f"the text {key!r} is left out as a whole, not only its {what}")
    return kept, notes


def _kinds(key: str, text: str) -> set[str]:
    """What it holds: some of "exif", "xmp", "icc" and "iptc"."""
    name = key.lower()
    if name.startswith(_RAW):
        return _kinds_of_raw(name.removeprefix(_RAW).strip(), _unpack(text))
    if _is_xmp(text):
        return {"xmp"}
    return {"exif"} if name.startswith(_SINGLE) or name == _BLOCK else set()


def _kinds_of_raw(name: str, raw: bytes) -> set[str]:
    if raw.startswith(_EXIF_STARTS):
        return {"exif"}
    if raw.startswith(_XMP_START):
        return {"xmp"}
    return _KINDS.get(name, set()) | {kind for sign, kind in _BLOCKS.items() if sign in raw}


def _is_xmp(text: str) -> bool:
    return any(sign in text for sign in _XMP_SIGNS)


def _without_location(key: str, text: str, kinds: set[str]) -> str | None:
    """What is left of a text; None: nothing."""
    name = key.lower()
    if name.startswith(_RAW) and kinds - {"icc"}:
        raw = _unpack(text)
        left = _raw_without_location(raw, kinds)
        return text if left and left == raw else _pack(text, left) if left else None
    if kinds == {"xmp"}:
        return without_places(text.encode()).decode() or None
    says = "gps" in name or name == _BLOCK or name.rpartition(":")[2] in PLACE_NAMES
    return None if says else text


def _raw_without_location(raw: bytes, kinds: set[str]) -> bytes:
    """Nothing where it cannot be told what it says."""
    if kinds == {"exif"}:
        return without_gps(raw)
    if kinds == {"xmp"}:
        start = _XMP_START if raw.startswith(_XMP_START) else b""
        left = without_places(raw.removeprefix(start))
        return start + left if left else b""
    return b"" if kinds != {"iptc"} or _IPTC_PLACE.search(raw) else raw


def _unpack(text: str) -> bytes:
    """The bytes of a raw profile; nothing if it is malformed."""
    found = _HEX.match(text)
    try:
        return bytes.fromhex(found[2]) if found else b""
    except ValueError:
        return b""


def _pack(text: str, raw: bytes) -> str:
    """A raw profile by the name that it has in another."""
    found = _HEX.match(text)
    digits = raw.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return f"\n{found[1] if found else ''}\n{len(raw):8d}\n{lines}\n"
