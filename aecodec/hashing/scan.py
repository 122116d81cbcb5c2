"""Paths and contents of files, and reading many of them ahead of their use."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from aecodec.storage.folders import is_url

In = TypeVar("In")
Out = TypeVar("Out")


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
