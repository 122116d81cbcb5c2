"""The .aec file: magic, version, then typed chunks, each with its length and CRC-32.

    file   = "\\x89AEC" version:u8 chunk*
    chunk  = type:u8 length:varint payload crc32:u32le       (CRC over type, length, payload)

The first chunk is the header; it says how many chunks follow, so that a file cut at
a chunk's boundary is noticed too. A chunk type with the high bit set is optional: a
reader that does not know it skips it. Integers are LEB128 varints.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import IO

from aecodec.codec.varint import pack_varint, unpack_varint
from aecodec.errors import CorruptFileError, UnsupportedVersionError
from aecodec.images import MAX_PIXELS, PROPERTIES
from aecodec.images.properties import unpack_properties

MAGIC = b"\x89AEC"
VERSION = 1
DIGEST_BYTES = 8
OPTIONAL = 0x80
LATENT_STRIDE = 16  # pixels a latent

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
MAX_TILE = 128  # side in latents: it bounds what one tile takes in memory
MAX_METADATA = 1 << 26  # bytes of an unpacked ICC, EXIF or XMP block

MODES = ("RGB", "RGBA", "L", "LA", "I;16")


class ChunkType(IntEnum):
    """Known chunk types."""

    HEADER = 0x01
    TILE = 0x02
    ALPHA = 0x03
    EXACT = 0x04
    LEVELS = 0x05
    FEW_COLOURS = 0x06
    FILTER = 0x07
    ICC = OPTIONAL | 0x01
    EXIF = OPTIONAL | 0x02
    XMP = OPTIONAL | 0x03
    HASH = OPTIONAL | 0x04
    PROPERTIES = OPTIONAL | 0x05


_BEGINNING = 4096  # bytes, in which the header is
_PIECE = 1 << 24  # bytes
_CHUNK_HEAD = 6  # bytes at most of a chunk's type and length

EXACT_TYPES = (ChunkType.EXACT, ChunkType.FEW_COLOURS)
"""Cells of a tile as a lossless file: as they were, or in fewer colours."""

NO_WEIGHTS = bytes(DIGEST_BYTES)
"""In the header of a file without learned cells: no network is needed to read it."""

METADATA = {
    int(ChunkType.ICC): "icc_profile",
    int(ChunkType.EXIF): "exif",
    int(ChunkType.XMP): "xmp",
    int(ChunkType.PROPERTIES): PROPERTIES,
}
"""What a `Picture` calls the metadata of these chunks."""


_ALWAYS = 1 << 20  # pixels of which twice as many, with padding, are never too many
_ONCE = {*METADATA, ChunkType.ALPHA, ChunkType.HASH, ChunkType.LEVELS, ChunkType.FILTER}


def is_too_thin(width: int, height: int, learned: bool = True) -> bool:
    """Whether padding to whole latents makes far more pixels, which the network takes time for.

    Args:
        width, height: in pixels.
        learned: a network decodes it; else there is a bound to memory only.
    """
    few = max(width * height, _ALWAYS) if learned else MAX_PIXELS
    return -(-width // 16) * -(-height // 16) * 256 > 2 * min(few, MAX_PIXELS)


def tile_boxes(width: int, height: int, tile: int) -> list[Box]:
    """The pixels of each tile of so many latents a side: left, top, right, bottom."""
    side = tile * LATENT_STRIDE
    return [
        (left, top, min(left + side, width), min(top + side, height))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


@dataclass(frozen=True)
class Header:
    """What a decoder must know first. Each field is written as a varint, in this order.

    Attributes:
        width, height: of the image in pixels.
        mode: index into `MODES`.
        quality: 1 to 100.
        tile: side of a tile in latents (1/16 of its pixels), a multiple of 4.
        chunks: number of chunks after the header.
        weights: first 8 bytes of the SHA-256 of the weight file (raw bytes, last), or
            `NO_WEIGHTS`.
    """

    width: int
    height: int
    mode: int
    quality: int
    tile: int
    chunks: int
    weights: bytes

    def check(self) -> None:
        """Raise CorruptFileError if a field is out of its range."""
        limits = {
            "width": (1, MAX_PIXELS),
            "height": (1, MAX_PIXELS),
            "mode": (0, len(MODES) - 1),
            "quality": (1, 100),
            "tile": (4, MAX_TILE),
            "chunks": (1, 1 << 20),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise CorruptFileError(f"header: {name} {getattr(self, name)} is out of range")
        size, learned = f"{self.width}x{self.height}", self.weights != NO_WEIGHTS
        if self.width * self.height > MAX_PIXELS:
            raise CorruptFileError(f"header: {size} is over the size limit")
        if is_too_thin(self.width, self.height, learned):
            raise CorruptFileError(f"header: {size} is too long and thin")
        if self.tile % 4:
            raise CorruptFileError(f"header: tile {self.tile} is not a multiple of 4")

    def pack(self) -> bytes:
        """Payload of the header chunk."""
        numbers = [getattr(self, f.name) for f in fields(self) if f.name != "weights"]
        return b"".join(map(pack_varint, numbers)) + self.weights

    @classmethod
    def unpack(cls, payload: bytes) -> Header:
        """Read and check a header payload; bytes after the known fields are left alone."""
        position, values = 0, {}
        for name in (f.name for f in fields(cls) if f.name != "weights"):
            values[name], position = unpack_varint(payload, position, "header")
        weights = payload[position : position + DIGEST_BYTES]
        if len(weights) != DIGEST_BYTES:
            raise CorruptFileError("header: cut short")
        header = cls(**values, weights=weights)
        header.check()
        return header


@dataclass(frozen=True)
class Chunk:
    """A chunk after the header. `type` is a plain int, since it may be unknown."""

    type: int
    payload: bytes

    @property
    def name(self) -> str:
        known = self.type in ChunkType._value2member_map_
        return ChunkType(self.type).name.lower() if known else f"unknown-{self.type:#04x}"


def _frame(kind: int, payload: bytes) -> bytes:
    body = bytes([kind]) + pack_varint(len(payload)) + payload
    return body + struct.pack("<I", zlib.crc32(body))


def write_file(header: Header, chunks: Sequence[Chunk]) -> bytes:
    """The bytes of a file. `header.chunks` must be the number of chunks."""
    header.check()
    parts = [_frame(ChunkType.HEADER, header.pack())]
    parts += [_frame(chunk.type, chunk.payload) for chunk in chunks]
    return MAGIC + bytes([VERSION]) + b"".join(parts)


def read_file(data: bytes) -> tuple[Header, list[Chunk]]:
    """Header and chunks of a file, every CRC checked.

    Raises:
        CorruptFileError: foreign, damaged, cut short or followed by other bytes.
        UnsupportedVersionError: a later version, or a required chunk this one does not know.
    """
    header, position = _read_header(data)
    chunks: list[Chunk] = []
    for number in range(1, header.chunks + 1):
        chunk, position = _read_chunk(data, position, f"chunk {number} of {header.chunks}")
        if chunk.name.startswith("unknown") and not chunk.type & OPTIONAL:
            raise UnsupportedVersionError(f"{chunk.name}: needs a newer aecodec")
        if chunk.type in _ONCE and any(other.type == chunk.type for other in chunks):
            raise CorruptFileError(f"{chunk.name}: there twice")
        chunks.append(chunk)
    if position != len(data):
        raise CorruptFileError("unexpected bytes after the last chunk")
    return header, chunks


def _read_header(data: bytes) -> tuple[Header, int]:
    """The header, and where the chunks after it begin."""
    if data[: len(MAGIC)] != MAGIC:
        raise CorruptFileError("not an .aec file")
    if len(data) <= len(MAGIC):
        raise CorruptFileError("the file is cut short after its first bytes")
    version = data[len(MAGIC)]
    if version != VERSION:
        raise UnsupportedVersionError(
            f"the file has format version {version}, this aecodec reads {VERSION}"
        )
    first, position = _read_chunk(data, len(MAGIC) + 1, "header")
    if first.type != ChunkType.HEADER:
        raise CorruptFileError("header: missing")
    return Header.unpack(first.payload), position


def read_bytes(source: str | os.PathLike[str] | IO[bytes]) -> bytes:
    """The bytes of an .aec file: of a foreign one its beginning only, of others to the last chunk.

    Where chunks are damaged, or something follows them, what is read tells that to `read_file`.

    Raises:
        CorruptFileError: foreign, or longer than a file of its picture can be.
        UnsupportedVersionError: as `read_file`.
        OSError: it cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return read_bytes(file)
    data = bytearray()
    _read_up_to(_BEGINNING, source, data)
    header, position = _read_header(bytes(data))
    # All pixels and alpha exactly take less than 16 bytes a pixel, whatever they are.
    most = 16 * header.width * header.height + 8 * MAX_METADATA
    for _ in range(header.chunks):
        _read_up_to(position + _CHUNK_HEAD, source, data)
        try:
            length, begin = unpack_varint(data, position + 1, "chunk")
        except CorruptFileError:
            return bytes(data)
        position = begin + length + 4
        if position > most:
            raise CorruptFileError("longer than any .aec file of its size in pixels")
        _read_up_to(position, source, data)
        if len(data) < position:
            return bytes(data)
    _read_up_to(position + 1, source, data)
    return bytes(data)


def _read_up_to(size: int, source: IO[bytes], data: bytearray) -> None:
    """Read on until there are so many bytes, or a few more, or the source ends."""
    while (missing := size - len(data)) > 0:
        piece = source.read(min(max(missing, _BEGINNING), _PIECE))
        if not piece:
            return
        data += piece


def pixels_of(beginning: bytes) -> int:
    """How many an .aec file has by its first 4096 bytes; 0 of a foreign or damaged one."""
    try:
        header, _ = _read_header(beginning)
    except (CorruptFileError, UnsupportedVersionError):
        return 0
    return header.width * header.height


def _read_chunk(data: bytes, start: int, where: str) -> tuple[Chunk, int]:
    if start >= len(data):
        raise CorruptFileError(f"{where}: missing, the file is cut short")
    length, begin = unpack_varint(data, start + 1, where)
    end = begin + length
    if end + 4 > len(data):
        raise CorruptFileError(f"{where}: cut short")
    chunk = Chunk(data[start], data[begin:end])
    if zlib.crc32(data[start:end]) != struct.unpack_from("<I", data, end)[0]:
        raise CorruptFileError(f"{where} ({chunk.name}): checksum does not match")
    return chunk, end + 4


def pack_metadata(raw: bytes) -> bytes:
    """Deflate a metadata block."""
    return zlib.compress(raw, 9)


def unpack_metadata(chunks: Iterable[Chunk]) -> dict[str, bytes]:
    """ICC profile, EXIF, XMP and properties, where they are there, by the names of `METADATA`."""
    found = {METADATA[c.type]: _inflate(c) for c in chunks if c.type in METADATA}
    try:
        unpack_properties(found.get(PROPERTIES, b"{}"))
    except ValueError as error:
        raise CorruptFileError(f"properties: {error}") from None
    return found


def _inflate(chunk: Chunk) -> bytes:
    """A metadata block, never beyond `MAX_METADATA` bytes."""
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(chunk.payload, MAX_METADATA)
    except zlib.error as error:
        raise CorruptFileError(f"{chunk.name}: {error}") from None
    if not inflate.eof:
        raise CorruptFileError(f"{chunk.name}: cut short or too large")
    return raw


def pack_levels(low: int, high: int) -> bytes:
    """The levels of 16-bit grey that are black and white to the network."""
    return pack_varint(low) + pack_varint(high)


def unpack_levels(chunks: Iterable[Chunk], mode: str) -> tuple[int, int] | None:
    """The inverse of `pack_levels`; None: all levels of the mode.

    Raises:
        CorruptFileError: malformed, or the mode has other levels.
    """
    for chunk in chunks:
        if chunk.type == ChunkType.LEVELS:
            low, position = unpack_varint(chunk.payload, 0, "levels")
            high, _ = unpack_varint(chunk.payload, position, "levels")
            if mode != "I;16" or not low < high <= 65535:
                raise CorruptFileError(f"levels: {low} to {high} are none of {mode}")
            return low, high
    return None
