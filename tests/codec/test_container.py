from __future__ import annotations

import io
import math
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecodec.codec import container
from aecodec.codec.container import Chunk, ChunkType, Header
from aecodec.errors import CorruptFileError, UnsupportedVersionError
from aecodec.images import MAX_PIXELS

HEADER = Header(640, 480, 0, 50, 128, 1, b"12345678")
TILE = Chunk(ChunkType.TILE, b"payload")


def headers() -> st.SearchStrategy[Header]:
    side = st.integers(1, math.isqrt(MAX_PIXELS))
    return st.builds(
        Header,
        side,
        side,
        st.integers(0, len(container.MODES) - 1),
        st.integers(1, 100),
        st.integers(1, container.MAX_TILE // 4).map(lambda n: 4 * n),
        st.just(2),
        st.binary(min_size=8, max_size=8),
    )


@given(headers(), st.binary(max_size=300), st.binary(max_size=20))
def test_round_trip(header: Header, first: bytes, second: bytes) -> None:
    chunks = [Chunk(ChunkType.TILE, first), Chunk(ChunkType.ICC, second)]
    assert container.read_file(container.write_file(header, chunks)) == (header, chunks)


@given(st.integers(0, 2**35 - 1))
def test_varints_round_trip(value: int) -> None:
    packed = container.pack_varint(value)
    assert container.unpack_varint(packed, 0, "x") == (value, len(packed))


def test_every_truncation_is_noticed() -> None:
    data = container.write_file(HEADER, [TILE])
    for length in range(len(data)):
        with pytest.raises(CorruptFileError):
            container.read_file(data[:length])


def test_every_single_bit_flip_is_noticed() -> None:
    data = container.write_file(HEADER, [TILE])
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises((CorruptFileError, UnsupportedVersionError)):
            container.read_file(bytes(damaged))


def test_the_error_names_the_chunk() -> None:
    data = bytearray(container.write_file(HEADER, [TILE]))
    data[-6] ^= 1
    with pytest.raises(CorruptFileError, match=r"chunk 1 of 1 \(tile\): checksum"):
        container.read_file(bytes(data))


def test_bytes_after_the_end_are_noticed() -> None:
    with pytest.raises(CorruptFileError, match="unexpected bytes after the last"):
        container.read_file(container.write_file(HEADER, [TILE]) + b"abc")


def test_foreign_files_are_called_so() -> None:
    for foreign in (b"", b"\x89PNG\r\n\x1a\n", b"hello"):
        with pytest.raises(CorruptFileError, match=r"not an \.aec file"):
            container.read_file(foreign)


def test_unknown_optional_chunks_are_skipped_and_required_ones_refused() -> None:
    optional, required = Chunk(0xF0, b"?"), Chunk(0x70, b"?")
    _, chunks = container.read_file(container.write_file(HEADER, [optional]))
    assert chunks == [optional]
    with pytest.raises(UnsupportedVersionError, match="newer"):
        container.read_file(container.write_file(HEADER, [required]))


def test_a_later_version_is_refused() -> None:
    data = bytearray(container.write_file(HEADER, [TILE]))
    data[4] = 2
    with pytest.raises(UnsupportedVersionError, match="version 2"):
        container.read_file(bytes(data))


def test_an_absurd_size_with_a_valid_checksum_is_refused_before_memory_is_taken() -> None:
    payload = (
        container.pack_varint(1 << 27) * 2 + Header(1, 1, 0, 50, 128, 1, b"12345678").pack()[2:]
    )
    body = bytes([ChunkType.HEADER]) + container.pack_varint(len(payload)) + payload
    data = container.MAGIC + b"\x01" + body + struct.pack("<I", zlib.crc32(body))
    with pytest.raises(CorruptFileError, match="size limit"):
        container.read_file(data)


def test_a_size_that_is_all_padding_is_refused() -> None:
    learned = b"12345678"
    for width, height, weights in (
        (container.MAX_PIXELS, 1, container.NO_WEIGHTS),
        (1, 800_000, learned),
        (7, 2_000_000, learned),
    ):
        with pytest.raises(CorruptFileError, match="too long and thin"):
            Header(width, height, 0, 50, 32, 1, weights).check()
    Header(1, 800_000, 0, 50, 32, 1, container.NO_WEIGHTS).check()
    Header(131_072, 1, 0, 50, 32, 1, learned).check()
    Header(8, 2_000_000, 0, 50, 32, 1, learned).check()


@pytest.mark.parametrize("kind", [ChunkType.ICC, ChunkType.PROPERTIES, ChunkType.ALPHA])
def test_what_a_file_has_once_is_not_there_twice(kind: ChunkType) -> None:
    header = Header(640, 480, 0, 50, 128, 2, b"12345678")
    data = container.write_file(header, [Chunk(kind, b""), Chunk(kind, b"")])
    with pytest.raises(CorruptFileError, match="there twice"):
        container.read_file(data)


class Endless(io.RawIOBase):
    """A beginning, then zeros without an end."""

    def __init__(self, beginning: bytes) -> None:
        self.beginning, self.taken = beginning, 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.taken += size
        data, self.beginning = self.beginning[:size], self.beginning[size:]
        return data.ljust(size, b"\0")


def test_a_foreign_file_is_not_read_to_its_end() -> None:
    for beginning in (b"", b"\x89PNG", container.MAGIC + b"\1"):
        endless = Endless(beginning)
        with pytest.raises(CorruptFileError):
            container.read_bytes(endless)
        assert endless.taken < 100_000


def test_a_file_without_an_end_is_read_to_its_last_chunk() -> None:
    whole = container.write_file(HEADER, [TILE, TILE])
    assert container.read_bytes(io.BytesIO(whole)) == whole
    for beginning, message in (
        (whole, "unexpected bytes after the last chunk"),
        (whole[: -len(whole) // 3], "checksum does not match"),
        (container.write_file(HEADER, []) + b"\x02\xff\xff\xff\xff\x7f", "longer than any"),
    ):
        endless = Endless(beginning)
        with pytest.raises(CorruptFileError, match=message):
            container.read_file(container.read_bytes(endless))
        assert endless.taken < 100_000


def test_malformed_properties_are_named() -> None:
    chunk = Chunk(ChunkType.PROPERTIES, container.pack_metadata(b'{"dpi":"many"}'))
    with pytest.raises(CorruptFileError, match="properties: dpi"):
        container.unpack_metadata([chunk])


def test_levels_round_trip_and_are_checked() -> None:
    chunk = Chunk(ChunkType.LEVELS, container.pack_levels(200, 965))
    assert container.unpack_levels([chunk], "I;16") == (200, 965)
    assert container.unpack_levels([], "I;16") is None
    for payload, mode in ((chunk.payload, "RGB"), (container.pack_levels(9, 9), "I;16")):
        with pytest.raises(CorruptFileError, match="levels"):
            container.unpack_levels([Chunk(ChunkType.LEVELS, payload)], mode)


def test_a_zip_bomb_in_the_metadata_is_refused() -> None:
    bomb = zlib.compress(bytes(container.MAX_METADATA + 1), 9)
    with pytest.raises(CorruptFileError, match="icc: cut short or too large"):
        container.unpack_metadata([Chunk(ChunkType.ICC, bomb)])
