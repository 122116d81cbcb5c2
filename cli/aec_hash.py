"""Hashes inside .aec files: to codec and hashing alike, the other's part is bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aecodec.codec.codec import Codec
    from aecodec.hashing.adding import Reader, StoredCode
    from aecodec.hashing.hasher import Hasher
    from aecodec.hashing.picture import Small


def with_hash(data: bytes, stored: bytes) -> bytes:
    """An .aec file with a hash chunk, in place of the one that it may have."""
    from aecodec.codec.container import Chunk, ChunkType, read_file, write_file

    header, chunks = read_file(data)
    kept = [chunk for chunk in chunks if chunk.type != ChunkType.HASH]
    kept.append(Chunk(ChunkType.HASH, stored))
    return write_file(replace(header, chunks=len(kept)), kept)


def aec_reader(hasher: Callable[[], Hasher]) -> Reader:
    """How to index an .aec file: by the hash in it, or else by decoding it."""
    lock = threading.Lock()
    codecs: list[Codec] = []

    def codec() -> Codec:
        from aecodec.codec.codec import Codec

        with lock:  # several threads read; one loads
            if not codecs:
                codecs.append(Codec())
        return codecs[0]

    def read(path: Path) -> Small | StoredCode:
        from aecodec.codec.container import ChunkType, read_file
        from aecodec.hashing.adding import StoredCode
        from aecodec.hashing.picture import make_small
        from aecodec.hashing.stored import unpack_code

        data = path.read_bytes()
        header, chunks = read_file(data)
        model = hasher()
        for chunk in chunks:
            if chunk.type == ChunkType.HASH:
                code = unpack_code(chunk.payload, model.fingerprint, model.lengths[-1])
                if code is not None:
                    return StoredCode(header.width, header.height, code)
        return make_small(codec().decompress(data))

    return read
