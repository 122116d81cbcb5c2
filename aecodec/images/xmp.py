"""XMP without what announces parts of a file that are gone."""

from __future__ import annotations

from typing import Any
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from aecodec.images.lost import GAIN_MAP

_GAIN_MAP = ("http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/")
_CONTAINER = (
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/container/item/",
)
_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_EXTENDED = "http://ns.adobe.com/xmp/note/"
_ALL = (*_GAIN_MAP, *_CONTAINER, _CAMERA, _EXTENDED)
_VIDEO = ("MotionPhoto", "MicroVideo")


def without_lost_parts(xmp: bytes) -> tuple[bytes, list[str]]:
    """The XMP without gain maps, videos and pictures appended to the file, and notes of them.

    A viewer that finds them announced would look for them. Otherwise the bytes stay as they are;
    XMP that announces such a thing but cannot be parsed is left out.
    """
    if not any(name.encode() in xmp for name in _ALL):
        return xmp, []
    try:
        if b"<!DOCTYPE" in xmp:
            raise ValueError("no XMP has one")
        document = minidom.parseString(xmp.strip(b"\0 \r\n\t"))
    except (ExpatError, ValueError, LookupError):
        return b"", ["malformed XMP is left out"]
    removed: set[str] = set()
    gain_map = b"GainMap" in xmp
    _prune(document, removed)
    if not removed:
        return xmp, []
    notes = []
    if removed & set(_GAIN_MAP) or (gain_map and removed & set(_CONTAINER)):
        notes.append(GAIN_MAP)
    elif removed & set(_CONTAINER) and _CAMERA not in removed:
        notes.append("what is appended to the picture (such as a depth map) is left out")
    if _CAMERA in removed:
        notes.append("the video of the motion photo is left out")
    return "".join(node.toxml() for node in document.childNodes).encode(), notes


def _prune(node: Any, removed: set[str]) -> None:
    """Remove elements and attributes below a node; the namespaces of what went are added."""
    for child in list(node.childNodes):
        if child.nodeType != child.ELEMENT_NODE:
            continue
        if _is_lost(child.namespaceURI, child.localName):
            removed.add(child.namespaceURI)
            node.removeChild(child)
            continue
        for attribute in list(child.attributes.values()):
            if _is_lost(attribute.namespaceURI, attribute.localName):
                removed.add(attribute.namespaceURI)
                child.removeAttributeNode(attribute)
        _prune(child, removed)
        for attribute in list(child.attributes.values()):  # names that nothing uses any more
            if attribute.prefix == "xmlns" and attribute.value in (*_GAIN_MAP, *_CONTAINER):
                child.removeAttributeNode(attribute)


def _is_lost(namespace: str | None, name: str) -> bool:
    if namespace == _CAMERA:
        return name.startswith(_VIDEO)
    return namespace in _ALL
