"""What kinds of WebP and PNG an .aec file may hold: those that every reader reads alike."""

from __future__ import annotations

import struct
import zlib

from aecodec.errors import CorruptFileError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20  # bytes inflated at once
_GREY = 0  # PNG's type of colours


def check_webp(data: bytes, size: tuple[int, int], where: str) -> None:
    """Raise CorruptFileError unless it begins as a simple lossless WebP of this size."""
    if data[:4] != b"RIFF" or data[8:16] != b"WEBPVP8L" or len(data) < 25:
        raise CorruptFileError(f"{where}: not a lossless WebP")
    (bits,) = struct.unpack_from("<I", data, 21)
    if ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1) != size:
        raise CorruptFileError(f"{where}: not of the right size")


def check_grey_png(data: bytes, size: tuple[int, int], depth: int, where: str) -> None:
    """Raise CorruptFileError unless it is a grey PNG that is not interlaced.

    Args:
        data: the file.
        size: that it must have.
        depth: bits of a level that it must have.
        where: the chunk's name.
    """
    if data[:8] != _SIGNATURE or len(data) < 33:
        raise CorruptFileError(f"{where}: not a PNG")
    if struct.unpack_from(">II", data, 16) != size:
        raise CorruptFileError(f"{where}: not of the right size")
    if data[24] != depth or data[25] != _GREY or data[28]:
        raise CorruptFileError(f"{where}: not a plain {depth}-bit grey PNG")
    rows = size[1] * (1 + size[0] * depth // 8)
    try:
        if not _inflates_to(rows, data):
            raise CorruptFileError(f"{where}: more or fewer rows than its header says")
    except (zlib.error, struct.error):
        raise CorruptFileError(f"{where}: the deflated data are damaged or cut short") from None


def _inflates_to(wanted: int, png: bytes) -> bool:
    """Whether the pixels of a PNG are so many bytes; no more are inflated."""
    inflate, length, position = zlib.decompressobj(), 0, len(_SIGNATURE)
    while position < len(png):
        size, kind = struct.unpack_from(">I4s", png, position)
        piece = png[position + 8 : position + 8 + size] if kind == b"IDAT" else b""
        while piece and length <= wanted:
            length += len(inflate.decompress(piece, _PIECE))
            piece = inflate.unconsumed_tail
        position += 12 + size
    return length + len(inflate.flush()) == wanted and inflate.eof and not inflate.unused_data
