"""Parts of image files that Pillow does not read: chunks, boxes, comments, a header of JPEG XL.

For all of them: OSError where the file cannot be read, ValueError or struct.error where it is
malformed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import IO

_BEGINNING = 128  # bytes of a chunk that are given
_MOST_BOXES = 1000  # of a file
_NETPBM = re.compile(rb"\s*(?:#([^\r\n]*)|[^\s#]+)")  # a comment, or a number
_TAIL = 4096  # bytes, of which padding after a picture is no more


def png_chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Type and the first bytes of each chunk before the pixels."""
    start = 8
    while True:
        file.seek(start)
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"IDAT", b"IEND"):
            return
        yield kind, file.read(min(length, _BEGINNING))
        start += 12 + length


def boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Type of each outermost box (ISO/IEC 15444-1, 14496-12), start and length of its content."""
    start = 0
    for _ in range(_MOST_BOXES):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        size = 8
        if length == 1:
            (length,), size = struct.unpack(">Q", file.read(8)), 16
        if length == 0:  # to the end of the file
            length = file.seek(0, 2) - start
        if length < size:
            raise ValueError("a box without room for its head")
        yield kind, start + size, length - size
        start += length


def has_more_than_jpeg(file: IO[bytes]) -> bool:
    """Whether something follows the end of a JPEG picture that is no padding."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _TAIL))
    tail = file.read().rstrip(b"\0\r\n \xff")
    return bool(tail) and not tail.endswith(b"\xd9")


def netpbm_comments(head: bytes) -> list[bytes]:
    """Of the header of a PBM, PGM or PPM file: what follows a #, line by line."""
    numbers = 2 if head[1:2] in (b"1", b"4") else 3
    comments, position = [], 2
    while numbers and (part := _NETPBM.match(head, position)):
        position = part.end()
        if part[1] is None:
            numbers -= 1
        elif comment := part[1].strip():
            comments.append(comment)
    return comments


def jxl_header(data: bytes) -> tuple[int, bool]:
    """Bits of a colour, and whether it is an animation, of how a JPEG XL codestream begins.

    ISO/IEC 18181-1: SizeHeader and ImageMetadata. A picture with a preview in it is taken for
    one of 8 bits.
    """
    bits = _Bits(data[2:])
    _skip_size(bits)
    if bits.take(1):  # all as is usual
        return 8, False
    animated = False
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            _skip_size(bits)  # as it should be shown
        if bits.take(1):
            return 8, False
        if animated := bool(bits.take(1)):
            bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))  # ticks a second
            bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
            bits.choice((0, 0), (0, 3), (0, 16), (0, 32))  # loops
            bits.take(1)
    if bits.take(1):  # real numbers
        return bits.choice((32, 0), (16, 0), (24, 0), (1, 6)), animated
    return bits.choice((8, 0), (10, 0), (12, 0), (1, 6)), animated


def _skip_size(bits: _Bits) -> None:
    of_eights = bits.take(1)

    def side() -> None:
        if of_eights:
            bits.take(5)
        else:
            bits.choice((1, 9), (1, 13), (1, 18), (1, 30))

    side()
    if not bits.take(3):  # no ratio of the sides
        side()


class _Bits:
    """Bits of some bytes, lowest first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the header is cut short")
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return found

    def choice(self, *ways: tuple[int, int]) -> int:
        """One of four: a number, and so many bits more."""
        offset, count = ways[self.take(2)]
        return offset + self.take(count)
