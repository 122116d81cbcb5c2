"""Files into the database: stat, digest, decode, hash, write."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aecodec.errors import AecodecError, CorruptFileError, UnsupportedImageError
from aecodec.hashing.copies import copy_of
from aecodec.hashing.database import Database, Entry
from aecodec.hashing.picture import Preview, read_preview
from aecodec.hashing.scan import ahead, content_digest

if TYPE_CHECKING:
    from aecodec.hashing.hasher import Codes, Hasher

BATCH = 64  # images hashed together and written in one transaction
_FLUSH_SECONDS = 5.0  # about so much work is lost to a kill

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class StoredCode:
    """A code that a file brings along, so that its image need not be decoded.

    Attributes:
        width, height: of the image in pixels.
        code: the longest code of the index's model.
    """

    width: int
    height: int
    code: bytes


@dataclass(frozen=True)
class HashedCode(StoredCode):
    """The same, of an image that was decoded and hashed."""


Reader = Callable[[Path], "Preview | StoredCode"]


@dataclass
class Report:
    """What adding folders did. Each file counts once.

    Attributes:
        hashed: new and changed images that went through the model.
        stored: images whose code came with the file.
        known: new paths to content that the index had already (copies, renamed files).
        unchanged: by size and time of modification, or by content.
        pruned: files that are gone from the folders.
        failed: (path, reason) of files and folders that could not be read.
    """

    hashed: int = 0
    stored: int = 0
    known: int = 0
    unchanged: int = 0
    pruned: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class File:
    """A file on its way into the index.

    Attributes:
        path, size, mtime_ns, sha256: as in `Entry`.
        known: the same content, which the index has already.
        read: what a reader made of it.
        thumbnail, copy: as in `Entry`.
        problem: why it cannot be indexed.
        hopeless: what the index had of it is no longer there.
    """

    path: str
    size: int = 0
    mtime_ns: int = 0
    sha256: bytes = b""
    known: Entry | None = None
    read: Preview | StoredCode | None = None
    thumbnail: bytes | None = None
    copy: bytes | None = None
    problem: str = ""
    hopeless: bool = False


def take_in(
    paths: Sequence[str],
    database: Database,
    hasher: Hasher,
    readers: Mapping[str, Reader],
    workers: int,
    report: Report,
    progress: Progress,
) -> None:
    """Bring the database up to date with these files; see `ImageIndex.add`.

    A chain of generators that the calling thread pulls: it alone touches the database and
    the model, the workers digest and decode.
    """
    done = 0

    def changed() -> Iterator[File]:
        nonlocal done
        for path in paths:
            file = _stat(path)
            if not file.problem and database.stat(path) == (file.size, file.mtime_ns):
                report.unchanged += 1
                done += 1
                progress(done, len(paths))
            else:
                yield file

    with ThreadPoolExecutor(workers) as pool:
        digested = ahead(pool, _digest, changed(), 2 * BATCH)
        looked_up = (_look_up(database, file) for file in digested)
        batch: list[File] = []
        last = time.monotonic()
        for file in ahead(pool, lambda file: _read(file, readers), looked_up, BATCH):
            batch.append(file)
            if len(batch) >= BATCH or time.monotonic() - last > _FLUSH_SECONDS:
                _write(database, hasher.fingerprint, _hash(batch, hasher), report)
                done += len(batch)
                progress(done, len(paths))
                batch, last = [], time.monotonic()
        _write(database, hasher.fingerprint, _hash(batch, hasher), report)
    progress(len(paths), len(paths))


def prepare(paths: Sequence[str], hasher: Hasher, readers: Mapping[str, Reader]) -> Iterator[File]:
    """What can be done of `take_in` without the database, on another machine for example."""
    for start in range(0, len(paths), BATCH):
        some = paths[start : start + BATCH]
        yield from _hash([_read(_digest(_stat(path)), readers) for path in some], hasher)


def record(files: Sequence[File], database: Database, model: str, report: Report) -> None:
    """What remains of it: write what came from `prepare` into the database.

    Args:
        model: fingerprint of the weights that the files were hashed with.
    """
    _write(database, model, [_look_up(database, file) for file in files], report)


def _hash(batch: Sequence[File], hasher: Hasher) -> list[File]:
    """With codes for what was decoded."""
    squares = [file.read.to_square(hasher.side) for file in batch if isinstance(file.read, Preview)]
    codes: Iterator[Codes] = iter(hasher.codes(squares) if squares else [])
    return [
        replace(file, read=HashedCode(read.width, read.height, next(codes).tobytes()))
        if isinstance(read := file.read, Preview)
        else file
        for file in batch
    ]


def _write(database: Database, model: str, batch: Sequence[File], report: Report) -> None:
    """Record everything in one transaction."""
    entries = []
    for file in batch:
        if file.problem:
            report.failed.append((file.path, file.problem))
        elif known := file.known:
            report.unchanged += known.path == file.path
            report.known += known.path != file.path
            entries.append(_entry(file, known.width, known.height, known.code))
        elif isinstance(file.read, StoredCode):
            report.hashed += isinstance(file.read, HashedCode)
            report.stored += not isinstance(file.read, HashedCode)
            entries.append(_entry(file, file.read.width, file.read.height, file.read.code))
    database.record(entries, model)
    database.forget([file.path for file in batch if file.hopeless])


def _stat(path: str) -> File:
    try:
        status = os.stat(path)
    except OSError as error:
        return File(path, problem=_reason(error))
    return File(path, status.st_size, status.st_mtime_ns)


def _digest(file: File) -> File:
    if file.problem:
        return file
    try:
        return replace(file, sha256=content_digest(file.path))
    except OSError as error:
        return replace(file, problem=_reason(error))


def _look_up(database: Database, file: File) -> File:
    return (
        file if file.problem else replace(file, known=database.with_content(file.sha256, file.path))
    )


def _read(file: File, readers: Mapping[str, Reader]) -> File:
    if file.problem or file.known:
        return file
    reader = readers.get(os.path.splitext(file.path)[1].lower(), read_preview)
    try:
        read = reader(Path(file.path))
        if isinstance(read, Preview):
            webp = read.thumbnail()
            file = replace(file, thumbnail=webp, copy=copy_of(webp))
    except AecodecError as error:
        hopeless = isinstance(error, UnsupportedImageError | CorruptFileError)
        return replace(file, problem=str(error).removeprefix(f"{file.path}: "), hopeless=hopeless)
    except OSError as error:
        return replace(file, problem=_reason(error))
    except MemoryError:
        return replace(file, problem="not enough memory for this image")
    return replace(file, read=read)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _entry(file: File, width: int, height: int, code: bytes) -> Entry:
    seen = file.known or file
    stamp = file.path, file.size, file.mtime_ns, file.sha256
    return Entry(*stamp, width, height, code, seen.thumbnail, copy=seen.copy)
