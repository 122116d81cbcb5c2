"""Unsigned LEB128, the numbers of the file format."""

from __future__ import annotations

from aecodec.errors import CorruptFileError


def pack_varint(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def unpack_varint(data: bytes | bytearray, position: int, where: str) -> tuple[int, int]:
    """(value, next position) of an unsigned LEB128 number of at most 35 bits.

    Raises:
        CorruptFileError: cut short or too long; `where` names the chunk.
    """
    value = 0
    for shift in range(0, 35, 7):
        if position >= len(data):
            raise CorruptFileError(f"{where}: cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise CorruptFileError(f"{where}: a number is too long")
