"""XMP without what announces parts of a file that are gone."""

from __future__ import annotations

from collections.abc import Callable
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
    gain_map = b"GainMap" in xmp
    removed = prune(document, _is_lost)
    if not removed:
        return xmp, []
    notes = []
    if removed & set(_GAIN_MAP) or (gain_map and removed & set(_CONTAINER)):
        notes.append(GAIN_MAP)
    elif removed & set(_CONTAINER) and _CAMERA not in removed:
        notes.append("what is appended to the picture (such as a depth map) is left out")
    if _CAMERA in removed:
        notes.append("the video of the motion photo is left out")
    return serialise(document), notes


def prune(node: Any, is_lost: Callable[[str | None, str], bool]) -> set[str]:
    """Remove elements and attributes below a node of minidom.

    Args:
        node: a document or element, changed in place.
        is_lost: tells by namespace and local name which are to go.

    Returns:
        The namespaces of what went.
    """
    removed: set[str] = set()
    for child in list(node.childNodes):
        if child.nodeType != child.ELEMENT_NODE:
            continue
        if is_lost(child.namespaceURI, child.localName):
            removed.add(child.namespaceURI)
            node.removeChild(child)
            continue
        for attribute in list(child.attributes.values()):
            if is_lost(attribute.namespaceURI, attribute.localName):
                removed.add(attribute.namespaceURI)
                child.removeAttributeNode(attribute)
        removed |= prune(child, is_lost)
        for attribute in list(child.attributes.values()):  # names that nothing uses any more
            if attribute.prefix == "xmlns" and attribute.value in (*_GAIN_MAP, *_CONTAINER):
                child.removeAttributeNode(attribute)
    return removed


def serialise(document: minidom.Document) -> bytes:
    """Without an XML declaration, which XMP has not, and with its packet's beginning and end."""
    return "".join(node.toxml() for node in document.childNodes).encode()


def _is_lost(namespace: str | None, name: str) -> bool:
    if namespace == _CAMERA:
        return name.startswith(_VIDEO)
    return namespace in _ALL
