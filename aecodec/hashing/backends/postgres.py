"""Codes in PostgreSQL with pgvector: a table for each index, beside a table of their states.

Up to `EXACT_LIMIT` codes a search reads all of them, above it follows an HNSW graph (Malkov and
Yashunin, 2018), which may miss some. Within a radius it always reads all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import numpy as np

from aecodec.errors import AecodecError
from aecodec.hashing.backends.base import Codes, Distances, Ids, StaleCache
from aecodec.hashing.database import State

EXACT_LIMIT = 200_000


class PostgresIndex:
    """A `CodeIndex` in a table (id bigint, code bit).

    Args:
        server: where the table is.
        table: its name.
        bits: code length.
    """

    def __init__(self, server: Postgres, table: str, bits: int) -> None:
        self.bits, self._server, self._table = bits, server, table

    def __len__(self) -> int:
        return int(self._server.run(f"SELECT count(*) FROM {self._table}")[0][0])

    def ids(self) -> Ids | None:
        rows = self._server.run(f"SELECT id FROM {self._table}")
        return np.array(rows, dtype=np.int64).reshape(-1)

    def add(self, ids: Ids, codes: Codes) -> None:
        rows = zip(ids.tolist(), _texts(codes), strict=True)
        self._server.copy(f"COPY {self._table} (id, code) FROM STDIN", rows)

    def remove(self, ids: Ids) -> None:
        self._server.run(f"DELETE FROM {self._table} WHERE id = ANY(%s)", ids.tolist())

    def search(self, codes: Codes, k: int) -> tuple[Distances, Ids]:
        k = min(k, len(self))
        # What an HNSW graph gives at most: 40 unless told, 1000 if told; for more all are read.
        self._server.run(
            "SELECT set_config('hnsw.ef_search', %s, false),"
            " set_config('enable_indexscan', %s, false)",
            str(min(max(k, 40), 1000)),
            "on" if k <= 1000 else "off",
        )
        rows = self._server.run(
            f"SELECT n, id, distance FROM ({self._queries}) AS q CROSS JOIN LATERAL"
            f" (SELECT id, (t.code <~> q.code)::int AS distance FROM {self._table} AS t"
            "  ORDER BY t.code <~> q.code LIMIT %s) AS nearest ORDER BY n, distance, id",
            _texts(codes),
            k,
        )
        distances = np.zeros((len(codes), k), np.int32)
        ids = np.full((len(codes), k), -1, np.int64)
        for query, (near, images) in enumerate(_by_query(rows, len(codes))):
            distances[query, : len(near)], ids[query, : len(near)] = near, images
        return distances, ids

    def range_search(self, codes: Codes, radius: int) -> list[tuple[Distances, Ids]]:
        rows = self._server.run(
            f"SELECT n, id, (t.code <~> q.code)::int FROM ({self._queries}) AS q"
            f" JOIN {self._table} AS t ON t.code <~> q.code <= %s ORDER BY n",
            _texts(codes),
            radius,
        )
        return _by_query(rows, len(codes))

    @property
    def _queries(self) -> str:
        """A subquery (n from 0, code) of a parameter: an array of texts."""
        return (
            f"SELECT n - 1 AS n, text::bit({self.bits}) AS code"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS u(text, n)"
        )


def _texts(codes: Codes) -> list[str]:
    """ "0110..." of each code."""
    bits = np.unpackbits(codes, axis=1) + ord("0")
    return [row.tobytes().decode() for row in bits]


def _by_query(rows: list[Any], count: int) -> list[tuple[Distances, Ids]]:
    """Rows (query, id, distance), sorted by query, as arrays for each query."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    ends = np.searchsorted(table[:, 0], np.arange(count + 1))
    parts = (table[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True))
    return [(part[:, 2].astype(np.int32), part[:, 1]) for part in parts]


class Postgres:
    """The `Backend` on a PostgreSQL server that has the extension pgvector.

    Args:
        url: "postgresql://USER:PASSWORD@HOST/DATABASE".

    Raises:
        AecodecError: it cannot be reached, or lacks pgvector; or psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        if find_spec("psycopg") is None:
            raise AecodecError("PostgreSQL needs psycopg: pip install 'aecodec[postgres]'")
        import psycopg

        self._name = re.sub(r"//[^@/]*@", "//", url)  # without a password
        self._errors = psycopg.Error
        with self._explained():
            self._connection = psycopg.connect(url, autocommit=True)
        self.run("CREATE EXTENSION IF NOT EXISTS vector")
        self.run("CREATE TABLE IF NOT EXISTS aecodec_states (name text PRIMARY KEY, state text)")

    def __str__(self) -> str:
        return self._name

    def run(self, query: str, *values: Any) -> list[Any]:
        """The rows that a statement gives."""
        with self._explained():
            cursor = self._connection.execute(query, values)
            return list(cursor.fetchall()) if cursor.description else []

    def copy(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """COPY ... FROM STDIN."""
        with self._explained(), self._connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """psycopg's errors, for people."""
        try:
            yield
        except self._errors as error:
            reason = str(error).strip().partition("\n")[0]
            raise AecodecError(f"{self._name}: {reason}") from None

    @contextmanager
    def updating(self, index: str) -> Iterator[None]:
        with self._explained(), self._connection.transaction():
            self.run("SELECT pg_advisory_xact_lock(hashtext(%s))", index)
            yield

    def load(self, index: str) -> tuple[PostgresIndex, State]:
        rows = self.run("SELECT state FROM aecodec_states WHERE name = %s", index)
        if not rows:
            raise StaleCache("missing")
        state = State(**json.loads(rows[0][0]))
        return PostgresIndex(self, _table(index), state.bits), state

    def build(
        self, state: State, codes: Callable[[], Iterable[tuple[Ids, Codes]]]
    ) -> PostgresIndex:
        table = _table(state.index)
        self.run(f"DROP TABLE IF EXISTS {table}")
        self.run(f"CREATE TABLE {table} (id bigint PRIMARY KEY, code bit({state.bits}) NOT NULL)")
        index = PostgresIndex(self, table, state.bits)
        for ids, part in codes():
            index.add(ids, part)
        if state.count > EXACT_LIMIT:
            self.run(f"CREATE INDEX ON {table} USING hnsw (code bit_hamming_ops)")
        return index

    def save(self, index: PostgresIndex, state: State) -> None:
        self.run(
            "INSERT INTO aecodec_states VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET state = EXCLUDED.state",
            state.index,
            json.dumps(asdict(state)),
        )

    def close(self) -> None:
        self._connection.close()


def _table(index: str) -> str:
    """Of an index by its random name, which is hex digits."""
    if not re.fullmatch("[0-9a-f]+", index):
        raise StaleCache("of no index of aecodec")
    return f"aecodec_codes_{index}"
