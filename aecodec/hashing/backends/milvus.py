"""Codes in Milvus: a collection for each index, on a server or in a file of Milvus Lite.

Milvus has neither transactions nor locks. So which collection holds the codes of an index, and of
what state of the database they are, is written in a small SQLite file beside the index, which also
is the lock. Codes are built in a new collection; until that is written down the old one counts.

Up to `EXACT_LIMIT` codes, and in Milvus Lite always, a search compares all of them (BIN_FLAT),
above it some lists of an inverted file (BIN_IVF_FLAT). Within a radius it always compares all.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import sqlite3
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from aecodec.errors import AecodecError
from aecodec.hashing.backends.base import Codes, Distances, Ids, StaleCache
from aecodec.hashing.database import State

EXACT_LIMIT = 10_000_000  # as with FAISS, whose code it is that Milvus searches with

_MOST = 16_384  # of queries in a request, and of hits for each, that Milvus allows
_HITS = 1 << 21  # in one answer
_ROWS = 10_000  # in one request
_CONNECT_SECONDS = 5
_BUSY_SECONDS = 60

_SCHEMA = """CREATE TABLE IF NOT EXISTS codes (
    server TEXT, name TEXT, collection TEXT, lists INTEGER, state TEXT,
    PRIMARY KEY (server, name)
)"""

Hits = list[tuple[int, int]]
"""(distance, id) of each."""


class MilvusIndex:
    """A `CodeIndex` in a collection (id INT64, code BINARY_VECTOR).

    Args:
        server: where the collection is.
        collection: its name.
        bits: code length.
        lists: of the inverted file; 0: there is none.
    """

    def __init__(self, server: Milvus, collection: str, bits: int, lists: int) -> None:
        self.bits, self.collection, self.lists = bits, collection, lists
        self._server = server

    def __len__(self) -> int:
        rows = self._server.run("query", self.collection, output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def ids(self) -> Ids | None:
        return np.array(self._server.all_ids(self.collection), dtype=np.int64)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Those that are there already, of a change that was interrupted, are replaced."""
        rows = [
            {"id": image, "code": code.tobytes()}
            for image, code in zip(ids.tolist(), codes, strict=True)
        ]
        for start in range(0, len(rows), _ROWS):
            self._server.run("upsert", self.collection, rows[start : start + _ROWS])

    def remove(self, ids: Ids) -> None:
        for start in range(0, len(ids), _ROWS):
            self._server.run("delete", self.collection, ids=ids[start : start + _ROWS].tolist())

    def search(self, codes: Codes, k: int) -> tuple[Distances, Ids]:
        k = min(k, len(self))
        distances = np.zeros((len(codes), k), np.int32)
        ids = np.full((len(codes), k), -1, np.int64)
        probes = {"nprobe": max(1, self.lists // 64)} if self.lists else {}
        for query, hits in enumerate(self._hits(codes, k, probes) if k else []):
            near = _table(sorted(hits)[:k])
            distances[query, : len(near)], ids[query, : len(near)] = near.T
        return distances, ids

    def range_search(self, codes: Codes, radius: int) -> list[tuple[Distances, Ids]]:
        limits = {"radius": radius + 1}  # Milvus means "nearer than"
        probes = {"nprobe": self.lists} if self.lists else {}
        tables = map(_table, self._hits(codes, sys.maxsize, limits | probes))
        return [(table[:, 0].astype(np.int32), table[:, 1]) for table in tables]

    def _hits(self, codes: Codes, k: int, params: dict[str, int], *where: str) -> Iterator[Hits]:
        """At least the k nearest of each code, as far as there are so many."""
        limit = min(k, _MOST)
        many = min(_MOST, _HITS // limit)
        for start in range(0, len(codes), many):
            part = codes[start : start + many]
            answers = self._server.run(
                "search",
                self.collection,
                [code.tobytes() for code in part],
                limit=limit,
                filter=" and ".join(where),
                search_params={"metric_type": "HAMMING", "params": params},
            )
            for position, answer in enumerate(answers):
                hits = [(round(hit["distance"]), hit["id"]) for hit in answer]
                if len(hits) == limit < k:  # there may be more: ask for those of half the ids
                    middle = int(np.median([image for _, image in hits]))
                    code = part[position : position + 1]
                    lower = self._hits(code, k, params, *where, f"id < {middle}")
                    upper = self._hits(code, k, params, *where, f"id >= {middle}")
                    hits = next(lower) + next(upper)
                yield hits


def _table(hits: Hits) -> Ids:
    """(n, 2): distances and ids."""
    return np.array(hits, dtype=np.int64).reshape(-1, 2)


def _lists(count: int) -> int:
    return min(1 << 16, 1 << round(np.log2(4 * np.sqrt(count))))


# ---- the server, or the file -------------------------------------------------------------

_users: Counter[Path] = Counter()
"""Of files of Milvus Lite, which has one process for each, as long as somebody uses it."""


class Milvus:
    """The `Backend` on a Milvus server, or in a file of Milvus Lite, which one process can use.

    Args:
        url: "milvus://USER:PASSWORD@HOST:PORT/DATABASE" or "milvus:///FOLDER/NAME.db".
        path: beside it lies the SQLite file that says where the codes are.

    Raises:
        AecodecError: it cannot be reached or opened; or pymilvus is not installed.
    """

    def __init__(self, url: str, path: Path) -> None:
        if find_spec("pymilvus") is None:
            raise AecodecError("Milvus needs pymilvus: pip install 'aecodec[milvus]'")
        from pymilvus.exceptions import MilvusException

        self._name = re.sub(r"//[^@/]*@", "//", url)  # without a password
        self._errors: tuple[type[Exception], ...] = (MilvusException, sqlite3.Error)
        self._file = _file_of(url)
        with self._explained():
            self._client = _open_file(self._file) if self._file else _connect(url)
            self._record = sqlite3.connect(
                path.with_suffix(".milvus"), timeout=_BUSY_SECONDS, isolation_level=None
            )
            self._record.execute(_SCHEMA)

    def __str__(self) -> str:
        return self._name

    def run(self, method: str, *values: Any, **named: Any) -> Any:
        """What a method of pymilvus's client gives."""
        with self._explained():
            return getattr(self._client, method)(*values, **named)

    def all_ids(self, collection: str) -> list[int]:
        """Unlike a plain query, which stops at 16,384 of them without a word."""
        found: list[int] = []
        with self._explained():
            rows = self._client.query_iterator(collection, _MOST, output_fields=["id"])
            while part := rows.next():
                found += (row["id"] for row in part)
        return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of pymilvus and SQLite for people; pymilvus writes them to stderr as well."""
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            yield
        except self._errors as error:
            reason = str(getattr(error, "message", error)).strip().partition("\n")[0]
            raise AecodecError(f"{self._name}: {reason}") from None
        finally:
            logging.disable(before)

    @contextmanager
    def updating(self, index: str) -> Iterator[None]:
        with self._explained():
            self._record.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._record.execute("ROLLBACK")
            raise
        with self._explained():
            self._record.execute("COMMIT")

    def load(self, index: str) -> tuple[MilvusIndex, State]:
        recorded = self._recorded(index)
        if recorded is None or not self.run("has_collection", recorded[0]):
            raise StaleCache("missing")
        collection, lists, text = recorded
        state = State(**json.loads(text))
        self.run("load_collection", collection)
        found = MilvusIndex(self, collection, state.bits, lists)
        if len(found) != state.count:  # a change was interrupted
            raise StaleCache("at odds with itself")
        return found, state

    def _recorded(self, index: str) -> tuple[str, int, str] | None:
        """Collection, lists and state of an index."""
        with self._explained():
            row: tuple[str, int, str] | None = self._record.execute(
                "SELECT collection, lists, state FROM codes WHERE server = ? AND name = ?",
                (self._name, index),
            ).fetchone()
        return row

    def build(self, state: State, codes: Callable[[], Iterable[tuple[Ids, Codes]]]) -> MilvusIndex:
        lists = _lists(state.count) if state.count > EXACT_LIMIT and not self._file else 0
        collection = f"aecodec_{state.index}_{secrets.token_hex(4)}"
        index = MilvusIndex(self, collection, state.bits, lists)
        try:
            self._create(collection, state.bits, lists)
            for ids, part in codes():
                index.add(ids, part)
        except BaseException:
            self.run("drop_collection", collection)
            raise
        return index

    def _create(self, collection: str, bits: int, lists: int) -> None:
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("code", DataType.BINARY_VECTOR, dim=bits)
        how = self._client.prepare_index_params()
        how.add_index(
            "code",
            index_type="BIN_IVF_FLAT" if lists else "BIN_FLAT",
            metric_type="HAMMING",
            params={"nlist": lists} if lists else {},
        )
        # Strong: a search sees all that was added and removed before it.
        self.run(
            "create_collection",
            collection,
            schema=schema,
            index_params=how,
            consistency_level="Strong",
        )

    def save(self, index: MilvusIndex, state: State) -> None:
        before = self._recorded(state.index)
        text = json.dumps(asdict(state))
        with self._explained():
            self._record.execute(
                "INSERT OR REPLACE INTO codes VALUES (?, ?, ?, ?, ?)",
                (self._name, state.index, index.collection, index.lists, text),
            )
        if before and before[0] != index.collection:
            self.run("drop_collection", before[0])

    def close(self) -> None:
        self._client.close()
        self._record.close()
        if self._file:
            _release(self._file)


def _connect(url: str) -> Any:
    from pymilvus import MilvusClient

    parts = urlsplit(url)
    try:
        port = parts.port or 19530
    except ValueError:
        raise AecodecError("the port of milvus://HOST:PORT must be a number") from None
    return MilvusClient(
        f"http://{parts.hostname}:{port}",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        db_name=parts.path.strip("/"),
        timeout=_CONNECT_SECONDS,
        alias=_own(),
    )


def _own() -> str:
    """The name of a connection; without one some versions of pymilvus share it, and its end."""
    return secrets.token_hex(8)


def _file_of(url: str) -> Path | None:
    """The file that a URL without a host names.

    Raises:
        AecodecError: Milvus Lite would not take its name.
    """
    parts = urlsplit(url)
    if parts.netloc:
        return None
    path = Path(os.path.realpath(unquote(parts.path)))
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,33}\.db", path.name):
        raise AecodecError(
            f"{path.name}: Milvus Lite wants the name of its file to end in .db and to have at"
            " most 36 characters, of a-z, A-Z, 0-9, '.', '_' and '-'"
        )
    if not path.parent.is_dir():
        raise AecodecError(f"{path.parent}: no such folder")
    return path


def _open_file(path: Path) -> Any:
    from pymilvus import MilvusClient
    from pymilvus.exceptions import ConnectionConfigException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # milvus-lite imports what setuptools will drop
            client = MilvusClient(str(path), alias=_own())
    except ImportError:
        raise AecodecError(
            "a file of Milvus needs milvus-lite, and that an older setuptools:"
            " pip install 'aecodec[milvus]'"
        ) from None
    except ConnectionConfigException:
        raise AecodecError(
            f"{path}: in use by another process, or not a file of Milvus Lite"
        ) from None
    _users[path] += 1
    return client


def _release(path: Path) -> None:
    """Let other processes use a file that nobody here uses any more."""
    from milvus_lite.server_manager import server_manager_instance

    _users[path] -= 1
    if not _users[path]:
        server_manager_instance.release_server(str(path))
