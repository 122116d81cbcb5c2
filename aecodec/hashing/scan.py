"""Image files below folders, and reading many of them ahead of their use."""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from aecodec.errors import AecodecError
from aecodec.storage.folders import is_special, walk

In = TypeVar("In")
Out = TypeVar("Out")


def is_url(path: str) -> bool:
    """Whether it is of a file in a store, s3://bucket/photo.jpg, and not of one on this machine."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path) is not None


def find_files(
    places: Sequence[str | os.PathLike[str]],
    suffixes: Collection[str],
    on_error: Callable[[str, str], None],
) -> list[str]:
    """Absolute paths of the files below the folders, and of the files given, sorted, each once.

    Hidden files and folders are skipped, links to folders are not followed.

    Args:
        places: folders, and files of any name.
        suffixes: lower-case, with dot: what is looked for in folders.
        on_error: told (path, reason) of folders that cannot be listed.

    Raises:
        AecodecError: one of the places is not there.
    """
    found: set[str] = set()
    for place in places:
        top = os.path.abspath(place)
        if not os.path.exists(top):
            raise AecodecError(f"{os.fspath(place)}: no such file or folder")
        if not os.path.isdir(top):
            if not is_special(top):
                found.add(top)
            continue

        def tell(error: OSError) -> None:
            on_error(str(error.filename), error.strerror or str(error))

        found.update(walk(top, suffixes, tell))
    return sorted(found)


def one_path_each(paths: Iterable[str]) -> set[str]:
    """Of the paths to one file, its name and links to it, the first; none of files that are gone.

    URLs are all there, as nobody asks their store.
    """
    first: dict[object, str] = {}
    for path in paths:
        if is_url(path):
            first[path] = path
            continue
        try:
            status = os.stat(path)
        except OSError:
            continue
        first.setdefault((status.st_dev, status.st_ino), path)
    return set(first.values())


def content_digest(path: str | Path) -> bytes:
    """SHA-256 of a file, 32 bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.digest()


def ahead(
    pool: ThreadPoolExecutor, function: Callable[[In], Out], items: Iterable[In], many: int
) -> Iterator[Out]:
    """`map` in the threads of a pool, in order, with at most `many` results waiting."""
    waiting: deque[Future[Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= many:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
