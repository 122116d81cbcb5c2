"""The truth of an index: one SQLite file of images and their codes.

A row never changes its code: an image whose content changed gets a new row with a new id,
and ids are not used twice. So whoever knows the ids up to some moment can catch up by
reading those above. Every change of codes advances the `generation`, by trigger, in the
same transaction.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aecodec.errors import AecodecError, CorruptFileError
from aecodec.hashing.copies import made_of

VERSION = 1
_BUSY_SECONDS = 60
_MANY = 500  # parameters in one statement; SQLite's oldest limit is 999

_COPIES = """
CREATE TABLE IF NOT EXISTS copies (
    id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    grey BLOB NOT NULL
);"""
# An index that was made before there were copies gets the table by whoever adds to it; whoever
# reads does without.

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    code BLOB NOT NULL,
    model TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS images_by_content ON images (sha256);
CREATE TABLE IF NOT EXISTS thumbnails (
    id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
    webp BLOB NOT NULL
);
{_COPIES}
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON images
    BEGIN UPDATE meta SET value = value + 1 WHERE key = 'generation'; END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON images
    BEGIN UPDATE meta SET value = value + 1 WHERE key = 'generation'; END;
CREATE TRIGGER IF NOT EXISTS altered AFTER UPDATE OF id, code ON images
    BEGIN UPDATE meta SET value = value + 1 WHERE key = 'generation'; END;
"""
# Thumbnails and copies have tables of their own so that reading all codes does not read them.


@dataclass(frozen=True)
class Entry:
    """What the index knows of one image file.

    Attributes:
        path: absolute.
        size, mtime_ns: of the file, in bytes and nanoseconds.
        sha256: of its content, 32 bytes.
        width, height: of the image in pixels, upright.
        code: the longest code of the index's model.
        thumbnail: a small WebP file, or nothing.
        id: of its row; 0 before it has one.
        copy: of the thumbnail, 32 by 32 grey levels, row by row (`copies.copy_of`), or nothing.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: bytes
    width: int
    height: int
    code: bytes
    thumbnail: bytes | None = None
    id: int = 0
    copy: bytes | None = None


_COLUMNS = "path, size, mtime_ns, sha256, width, height, code, NULL, id"


@dataclass(frozen=True)
class State:
    """What a cache of the codes must agree with.

    Attributes:
        index: random name of this database.
        model: fingerprint of the weights.
        bits: code length in use.
        generation: of its codes.
        count: of its images.
        last: largest id.
    """

    index: str
    model: str
    bits: int
    generation: int
    count: int
    last: int


class Database:
    """An open index file.

    Args:
        path: of the SQLite file.
        create: what `meta` shall hold if the file is new; None: it must exist.

    Raises:
        AecodecError: it does not exist.
        CorruptFileError: it is not an index, or damaged.
    """

    def __init__(self, path: Path, create: dict[str, str | int] | None = None) -> None:
        self.path = path
        if create is None and not path.is_file():
            raise AecodecError(f"no index at {path}; make one with 'aecodec index DIR'")
        if path.is_dir():
            raise AecodecError(f"{path} is a folder; --index takes the name of a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explained():
            if create is not None and not path.exists():
                _create_whole(path, create)
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                self._set_up()
            except BaseException:
                self._db.close()
                raise

    def _set_up(self) -> None:
        version = self.meta("version")  # before anything is changed: it may be another's file
        if version != VERSION:
            raise AecodecError(
                f"{self.path}: index of version {version}, this aecodec reads {VERSION};"
                " delete it and index again"
            )
        self._use_wal()
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")

    def _use_wal(self) -> None:
        # Unlike statements, a change of mode does not wait while another process makes it.
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's errors, for people."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise CorruptFileError(f"{self.path}: not an index of aecodec") from None
            raise AecodecError(
                f"{self.path}: {error}; is the disk full or write-protected?"
            ) from None
        except sqlite3.DatabaseError as error:
            raise CorruptFileError(
                f"{self.path}: not an index, or damaged ({error}); delete it and index again"
            ) from None

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that no other writer's can come between."""
        with self._explained(), self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything read within is of one moment."""
        with self._explained(), self._transaction("BEGIN"):
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._db.execute(begin)
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # SQLite ends it by itself where the disk is full
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # ---- facts about the index -----------------------------------------------------------

    def meta(self, key: str) -> str | int | None:
        """One fact, or None."""
        with self._explained():
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str | int) -> None:
        with self._explained():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def state(self) -> State:
        """For consistency with the codes, ask while `reading`."""
        with self._explained():
            count = self._db.execute("SELECT count(*) FROM images").fetchone()[0]
            last = self._db.execute("SELECT max(id) FROM images").fetchone()[0] or 0
            facts = dict(self._db.execute("SELECT key, value FROM meta"))
        named = {name: facts[name] for name in ("index", "model", "bits", "generation")}
        return State(**named, count=count, last=last)

    # ---- images --------------------------------------------------------------------------

    def stat(self, path: str) -> tuple[int, int] | None:
        """(size, mtime_ns) of the file when it was indexed, or None."""
        row = self._one("SELECT size, mtime_ns FROM images WHERE path = ?", os.fsencode(path))
        return (row[0], row[1]) if row else None

    def with_content(self, sha256: bytes, path: str) -> Entry | None:
        """An image of this content, that of this path if it is one, with its thumbnail and
        its small copy.
        """
        row = self._one(
            f"SELECT {_COLUMNS} FROM images WHERE sha256 = ? ORDER BY path = ? DESC LIMIT 1",
            sha256,
            os.fsencode(path),
        )
        if row is None:
            return None
        entry = _entry(row)
        webp, copy = (kept([entry.id]).get(entry.id) for kept in (self.thumbnails, self.copies))
        return replace(entry, thumbnail=webp, copy=copy)

    def _one(self, query: str, *values: bytes) -> Any:
        with self._explained():
            return self._db.execute(query, values).fetchone()

    def record(self, entries: Sequence[Entry], model: str) -> None:
        """Add images, or replace them where the content is another, in one transaction."""
        with self.writing():
            self._db.execute(_COPIES)
            for entry in entries:
                self._record(entry, model)

    def _record(self, entry: Entry, model: str) -> None:
        path = os.fsencode(entry.path)
        known = self._one("SELECT id, sha256 FROM images WHERE path = ?", path)
        if known and known[1] == entry.sha256:  # touched, or another process was faster
            self._db.execute(
                "UPDATE images SET size = ?, mtime_ns = ? WHERE id = ?",
                (entry.size, entry.mtime_ns, known[0]),
            )
            return
        self._db.execute("DELETE FROM images WHERE path = ?", (path,))
        values = (path, entry.size, entry.mtime_ns, entry.sha256, entry.width, entry.height)
        cursor = self._db.execute(
            "INSERT INTO images (path, size, mtime_ns, sha256, width, height, code, model)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, entry.code, model),
        )
        for table, kept in (("thumbnails", entry.thumbnail), ("copies", entry.copy)):
            if kept:
                self._db.execute(f"INSERT INTO {table} VALUES (?, ?)", (cursor.lastrowid, kept))

    def remove(self, ids: Sequence[int]) -> None:
        """Forget images, in one transaction."""
        with self.writing():
            self._db.executemany("DELETE FROM images WHERE id = ?", ((i,) for i in ids))

    def forget(self, paths: Sequence[str]) -> None:
        """Remove the images of these paths, in one transaction."""
        with self.writing():
            encoded = [(os.fsencode(path),) for path in paths]
            self._db.executemany("DELETE FROM images WHERE path = ?", encoded)

    def paths(self, folder: str | None = None) -> list[tuple[int, str]]:
        """(id, path) of the images below a folder, or of all."""
        query = "SELECT id, path FROM images"
        bounds: tuple[bytes, ...] = ()
        if folder is not None:
            below = os.fsencode(os.path.join(folder, ""))
            # All byte strings that begin with "folder/" lie between it and "folder0".
            query, bounds = f"{query} WHERE path >= ? AND path < ?", (below, _after(below))
        with self._explained():
            rows = self._db.execute(query, bounds).fetchall()
        return [(row[0], os.fsdecode(row[1])) for row in rows]

    def entries(self, ids: Sequence[int]) -> dict[int, Entry]:
        """The images of these ids, without thumbnails and copies; what is gone is left out."""
        rows = self._chosen(f"SELECT {_COLUMNS} FROM images WHERE id IN", ids)
        return {row[-1]: _entry(row) for row in rows}

    def thumbnails(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The thumbnails of these ids, where there are any."""
        return dict(self._chosen("SELECT id, webp FROM thumbnails WHERE id IN", ids))

    def copies(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The small copies of these ids, made of the thumbnails where the index has none."""
        found: dict[int, bytes] = {}
        if self._one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'copies'"):
            found = dict(self._chosen("SELECT id, grey FROM copies WHERE id IN", ids))
        if missing := [i for i in ids if i not in found]:
            webps = self.thumbnails(missing)
            found.update(zip(webps, made_of([*webps.values()]), strict=True))
        return found

    def _chosen(self, query: str, ids: Sequence[int]) -> Iterator[Any]:
        for start in range(0, len(ids), _MANY):
            part = [int(i) for i in ids[start : start + _MANY]]
            with self._explained():
                yield from self._db.execute(f"{query} ({', '.join('?' * len(part))})", part)

    def ids(self) -> npt.NDArray[np.int64]:
        """All ids, ascending."""
        with self._explained():
            rows = self._db.execute("SELECT id FROM images ORDER BY id").fetchall()
        return np.array(rows, dtype=np.int64).reshape(-1)

    def codes(
        self, bits: int, after: int = 0, many: int = 100_000
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
        """Ids above `after` and the first `bits` of their codes, some at a time, ascending."""
        with self._explained():
            cursor = self._db.execute(
                "SELECT id, substr(code, 1, ?) FROM images WHERE id > ? ORDER BY id",
                (bits // 8, after),
            )
            while rows := cursor.fetchmany(many):
                ids = np.array([row[0] for row in rows], dtype=np.int64)
                codes = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.uint8)
                yield ids, codes.reshape(len(rows), bits // 8)


def _entry(row: Any) -> Entry:
    return Entry(os.fsdecode(row[0]), *row[1:])


def _after(prefix: bytes) -> bytes:
    """The first byte string beyond all that begin with `prefix`, whose last byte is a separator."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _create_whole(path: Path, meta: dict[str, str | int]) -> None:
    """Make an empty index beside its place and link it there: nobody ever sees half of one.

    If another process was faster, its index stays.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with closing(sqlite3.connect(partial)) as db:
            db.executescript(_SCHEMA)
            new = {"version": VERSION, "index": secrets.token_hex(8), "generation": 0, **meta}
            db.executemany("INSERT INTO meta VALUES (?, ?)", new.items())
            db.commit()
        for end in ("-wal", "-shm", "-journal"):
            if not path.exists():  # so they are of an index that was deleted, and would be replayed
                path.with_name(path.name + end).unlink(missing_ok=True)
        try:
            os.link(partial, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
