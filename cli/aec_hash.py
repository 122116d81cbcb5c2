"""Hashes inside .aec files: to codec and hashing alike, the other's part is bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from aecodec.codec.codec import Codec
    from aecodec.hashing.adding import Reader, StoredCode
    from aecodec.hashing.hasher import Hasher
    from aecodec.hashing.picture import Preview


def hash_writer(device: str) -> Callable[[Image.Image], bytes]:
    """What `compress` stores of an image, so that its file is indexed without being decoded."""
    from aecodec.hashing.hasher import Hasher
    from aecodec.hashing.stored import pack_code

    hasher = Hasher(device=device)
    return lambda image: pack_code(hasher.fingerprint, hasher.code(image))


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

    def read(path: Path) -> Preview | StoredCode:
        from aecodec.codec.container import ChunkType, read_file
        from aecodec.hashing.adding import StoredCode
        from aecodec.hashing.picture import preview_of
        from aecodec.hashing.stored import unpack_code

        data = path.read_bytes()
        header, chunks = read_file(data)
        model = hasher()
        for chunk in chunks:
            if chunk.type == ChunkType.HASH:
                code = unpack_code(chunk.payload, model.fingerprint, model.lengths[-1])
                if code is not None:
                    return StoredCode(header.width, header.height, code)
        return preview_of(codec().decompress(data))

    return read
