"""What images say of themselves beside ICC profile, EXIF and XMP: resolution, colours, text.

Kept as a JSON object with these keys, each where it is known:

    dpi           number, or two of them (across, down) where they differ
    aspect        two integers: how many pixels across are as long as how many down
    gamma         number: PNG's gAMA
    chromaticity  eight numbers: PNG's cHRM (x and y of white, red, green, blue)
    srgb          integer: PNG's sRGB, the rendering intent
    cicp          four integers: primaries, transfer, matrix, full range (ITU-T H.273)
    text          object of strings: PNG's text
    comment       string in which each character is a byte: that of JPEG, GIF, PPM and the like, TGA
"""

from __future__ import annotations

import json
import re
from typing import Any

from PIL import Image

KEYS = ("dpi", "aspect", "gamma", "chromaticity", "srgb", "cicp", "text", "comment")

_SHOWN = 24  # characters of a name, in notes
_XMP, _EXIF = "XML:com.adobe.xmp", "Raw profile type exif"  # texts of PNG that are taken for these


def read_properties(image: Image.Image, *, turned: bool = False) -> tuple[bytes, list[str]]:
    """The JSON of a loaded Pillow image, or nothing if there is none of these; notes of the lost.

    Args:
        image: as it was opened.
        turned: its sides will be exchanged.
    """
    notes: list[str] = []
    info: dict[Any, Any] = image.info
    found: dict[str, Any] = {}
    for key in ("dpi", "aspect"):
        pair = info.get(key) or (_ratio(info) if key == "aspect" else None)
        if isinstance(pair, (int, float)):
            pair = (pair, pair)
        if isinstance(pair, (tuple, list)) and len(pair) == 2:
            across, down = (float(value) for value in (pair[::-1] if turned else pair))
            found[key] = _short(across) if across == down else [_short(across), _short(down)]
    if found.get("aspect") is not None and not isinstance(found["aspect"], list):
        del found["aspect"]  # square, as is usual
    for key in ("gamma", "srgb", "comment"):
        if info.get(key) is not None:
            found[key] = info[key]
    if isinstance(found.get("comment"), bytes):
        found["comment"] = found["comment"].decode("latin-1")
    for key in ("chromaticity", "cicp"):
        if info.get(key) is not None:
            found[key] = list(info[key])
    text = getattr(image, "text", None) if image.format == "PNG" else info.get("text")
    if isinstance(text, dict):
        taken = {_EXIF, _XMP} if info.get("xmp") else {_EXIF}
        texts = {k: str(v) for k, v in text.items() if k not in taken}
        found["text"] = {k: v for k, v in texts.items() if _is_named_text(k, v)}
        if lost := [repr(k[:_SHOWN]) for k in texts if k not in found["text"]]:
            notes.append(f"left out: text by the name {', '.join(lost)}, which PNG does not allow")
    return pack_properties(found), notes


def pack_properties(found: dict[str, Any]) -> bytes:
    """The JSON of those that make sense; nothing if none do."""
    kept = {key: value for key, value in found.items() if key in _CHECKS and _CHECKS[key](value)}
    if not kept:
        return b""
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def unpack_properties(raw: bytes) -> dict[str, Any]:
    """The JSON as an object; unknown keys are left out.

    Raises:
        ValueError: it is none, or a value is not of its kind.
    """
    try:
        values = json.loads(raw)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
            raise
        raise ValueError("a number of too many digits") from None  # Python's limit
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    for key, value in values.items():
        if key in _CHECKS and not _CHECKS[key](value):
            raise ValueError(f"{key} is not of its kind")
    return {key: value for key, value in values.items() if key in _CHECKS}


def pillow_info(raw: bytes) -> dict[str, Any]:
    """As they are among a Pillow image's `info`; PNG's text as one dictionary, "text"."""
    info = unpack_properties(raw) if raw else {}
    if "dpi" in info and not isinstance(info["dpi"], list):
        info["dpi"] = [info["dpi"]] * 2
    if "comment" in info:
        info["comment"] = info["comment"].encode("latin-1")
    return {key: tuple(v) if isinstance(v, list) else v for key, v in info.items()}


def _ratio(info: dict[str, Any]) -> Any:
    """The density of JPEG and TIFF where it has no unit."""
    return info.get("jfif_density") if info.get("jfif_unit") == 0 else info.get("resolution")


def _short(value: float) -> float | int:
    """PNG counts pixels a metre: 299.9994 a inch is 300."""
    near = round(value)
    return near if abs(value - near) < 0.013 else round(value, 4)


def _is_number(value: Any, low: float = 0, high: float = 65535) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return low < value <= high


def _are_numbers(value: Any, count: int, low: float = 0, high: float = 65535) -> bool:
    some = isinstance(value, list) and len(value) == count
    return some and all(_is_number(number, low, high) for number in value)


def _are_bytes(value: Any, count: int) -> bool:
    return _are_numbers(value, count, -1, 255) and all(isinstance(n, int) for n in value)


def _is_text(value: Any) -> bool:
    some = isinstance(value, dict) and bool(value)
    return some and all(_is_named_text(key, text) for key, text in value.items())


def _is_named_text(key: str, text: Any) -> bool:
    """Whether PNG can have it, and UTF-8: halves of surrogate pairs it has not."""
    named = 1 <= len(key) <= 79 and min(key) > "\0" and max(key) < "\u0100"
    return named and isinstance(text, str) and not re.search("[\ud800-\udfff]", text)


_CHECKS = {
    "dpi": lambda value: _is_number(value) or _are_numbers(value, 2),
    "aspect": lambda value: _are_numbers(value, 2),
    "gamma": _is_number,
    "chromaticity": lambda value: _are_numbers(value, 8, -100, 100),
    "srgb": lambda value: _are_bytes([value], 1),
    "cicp": lambda value: _are_bytes(value, 4),
    "text": _is_text,
    "comment": lambda value: isinstance(value, str) and len(value) > 0 and max(value) < "\u0100",
}
