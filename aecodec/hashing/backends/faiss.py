"""Codes in a FAISS index: a cache of the database, in one file.

    file    = FAISS index, trailer, length of the trailer:u32le, crc32:u32le, "AEHASH01"
    trailer = JSON of the `State` that the codes are of                (CRC over both)

Index and trailer are one file, because two could be mixed up.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from aecodec.hashing.backends.base import Codes, Distances, Ids, StaleCache
from aecodec.hashing.database import State

faiss: Any = import_module("faiss")  # typed Any: its stubs lack what is written in Python

MAGIC = b"AEHASH01"
FLAT_LIMIT = 10_000_000
"""Above so many codes only some lists of an inverted file are searched."""

_SHARED_OUT = 1024
"""Queries that threads share among them, before they wait for each other: in a loop, which takes
the time of whoever else works there, so that on a busy machine 32 took six times as long.
"""
_FOOT = struct.Struct("<II8s")
_PIECE = 1 << 20


class FaissIndex:
    """A `CodeIndex` in memory.

    Exhaustive up to `FLAT_LIMIT` codes, an inverted file above. Of FAISS's two maps from
    position to id this uses IDMap: IDMap2 differs by a hash table from id to position, five
    times the size of a 64-bit code, to give codes back, which the database does.

    Args:
        bits: code length.
        index: a FAISS index to go on with.
    """

    def __init__(self, bits: int, index: Any = None) -> None:
        self.bits = bits
        if index is None:
            index = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(bits))
        self.index: Any = index
        self._gpu: Any = None
        if isinstance(index, faiss.IndexBinaryIDMap):
            flat = faiss.downcast_IndexBinary(index.index)
            flat.query_batch_size = _SHARED_OUT

    @classmethod
    def build(
        cls, bits: int, count: int, codes: Callable[[], Iterable[tuple[Ids, Codes]]]
    ) -> FaissIndex:
        """An index of about `count` codes; `codes` gives them some at a time, each time anew."""
        index = None
        if count > FLAT_LIMIT:
            lists = 1 << max(8, round(np.log2(4 * np.sqrt(count))))
            index = _inverted(
                bits, lists, _sample((part for _, part in codes()), 40 * lists, count)
            )
        built = cls(bits, index)
        for ids, part in codes():
            built.add(ids, part)
        return built

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def ids(self) -> Ids | None:
        if not isinstance(self.index, faiss.IndexBinaryIDMap):
            return None  # an inverted file keeps them all over its lists
        return np.asarray(faiss.vector_to_array(self.index.id_map))

    def add(self, ids: Ids, codes: Codes) -> None:
        self._gpu = None
        self.index.add_with_ids(np.ascontiguousarray(codes), ids)

    def remove(self, ids: Ids) -> None:
        self._gpu = None
        self.index.remove_ids(ids)

    def search(self, codes: Codes, k: int) -> tuple[Distances, Ids]:
        k = min(k, len(self))
        if k < 1:
            return np.empty((len(codes), 0), np.int32), np.empty((len(codes), 0), np.int64)
        known = self.ids()
        if known is not None and k <= _GPU_K and (gpu := self._on_gpu()):
            distances, positions = gpu.search(codes, k)
            return distances, known[positions]
        distances, ids = self.index.search(codes, k)
        return distances, ids

    def range_search(self, codes: Codes, radius: int) -> list[tuple[Distances, Ids]]:
        # FAISS means "nearer than".
        limits, distances, ids = self.index.range_search(codes, radius + 1)
        limits = limits.astype(np.int64)
        spans = [slice(a, b) for a, b in zip(limits[:-1], limits[1:], strict=True)]
        return [(distances[span].astype(np.int32), ids[span]) for span in spans]

    def _on_gpu(self) -> Any:
        """A copy on a GPU, where faiss-gpu is installed. It knows positions, not ids."""
        if not hasattr(faiss, "GpuIndexBinaryFlat") or not faiss.get_num_gpus():
            return None
        if self._gpu is None:
            flat = faiss.downcast_IndexBinary(self.index.index)
            self._gpu = faiss.GpuIndexBinaryFlat(faiss.StandardGpuResources(), flat)
        return self._gpu


_GPU_K = 2048  # the most neighbours that FAISS finds on a GPU


def _sample(parts: Iterable[Codes], wanted: int, count: int) -> Codes:
    """Every so many codes, to train with."""
    step = max(1, count // wanted)
    return np.concatenate([part[::step] for part in parts])


def _inverted(bits: int, lists: int, sample: Codes) -> Any:
    quantizer = faiss.IndexBinaryFlat(bits)
    index = faiss.IndexBinaryIVF(quantizer, bits, lists)
    index.referenced_objects = [quantizer]  # FAISS keeps but a pointer to it
    index.nprobe = max(1, lists // 64)
    index.train(sample)
    return index


# ---- the file --------------------------------------------------------------------------


class FaissFile:
    """The `Backend` on the user's own machine: a file beside the database.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: tuple[FaissIndex, State] | None = None

    def __str__(self) -> str:
        return str(self.path)

    def updating(self, index: str) -> AbstractContextManager[None]:
        return nullcontext()

    def load(self, index: str) -> tuple[FaissIndex, State]:
        return self._held or _read(self.path)

    def build(self, state: State, codes: Callable[[], Iterable[tuple[Ids, Codes]]]) -> FaissIndex:
        return FaissIndex.build(state.bits, state.count, codes)

    def save(self, index: FaissIndex, state: State) -> None:
        """Whole or not at all.

        Raises:
            OSError: it cannot be written; what was there before is untouched.
        """
        self._held = index, state
        _write(self.path, index, state)

    def close(self) -> None:
        self._held = None


def _write(path: Path, index: FaissIndex, state: State) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    checksum = 0
    try:
        with open(temporary, "xb") as file:

            def write(data: bytes) -> None:
                nonlocal checksum
                checksum = zlib.crc32(data, checksum)
                file.write(data)

            faiss.write_index_binary(index.index, faiss.PyCallbackIOWriter(write))
            trailer = json.dumps(asdict(state)).encode()
            write(trailer)
            file.write(_FOOT.pack(len(trailer), checksum, MAGIC))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system lets folders be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _read(path: Path) -> tuple[FaissIndex, State]:
    """Read the file, all of it checked.

    Raises:
        StaleCache: missing, damaged or not such a file.
    """
    try:
        with open(path, "rb") as file:
            length, state = _check(file)
            file.seek(0)
            # FAISS trusts what it reads; the checksum says that it may.
            index = faiss.read_index_binary(faiss.PyCallbackIOReader(file.read))
    except FileNotFoundError:
        raise StaleCache("missing") from None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StaleCache(f"damaged ({reason})") from None
    if index.ntotal != state.count or index.d != state.bits:
        raise StaleCache("at odds with itself")
    return FaissIndex(state.bits, index), state


def _check(file: Any) -> tuple[int, State]:
    size = file.seek(0, os.SEEK_END)
    if size < _FOOT.size:
        raise ValueError("cut short")
    file.seek(size - _FOOT.size)
    length, expected, magic = _FOOT.unpack(file.read(_FOOT.size))
    if magic != MAGIC or length > size - _FOOT.size:
        raise ValueError("cut short or foreign")
    file.seek(0)
    checksum, left = 0, size - _FOOT.size
    while left and (piece := file.read(min(left, _PIECE))):
        checksum, left = zlib.crc32(piece, checksum), left - len(piece)
    if checksum != expected:
        raise ValueError("checksum does not match")
    file.seek(size - _FOOT.size - length)
    return length, State(**json.loads(file.read(length)))
