"""Pairs of images that are looked at in several processes, each with its own `checking.Checker`.

Threads wait for each other, since much of a look is Python.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Protocol

from aecodec.errors import AecodecError
from aecodec.hashing.database import Entry
from aecodec.nn.runtime import keep_freed_memory, machine_memory, threads, use_threads

_AT_ONCE = 64  # pairs of one task
_PAIRS_EACH = 1000  # a process takes some seconds to start
_BYTES_EACH = 1 << 30  # of memory; one takes about two thirds of it
_MOST = 32  # processes

Unclear = list[tuple[str, str, str]]
Thumbnails = Callable[[Sequence[int]], dict[int, bytes]]


class Looker(Protocol):
    """As `checking.Checker`."""

    unclear: Unclear

    def __call__(self, pairs: Sequence[tuple[Entry, Entry]]) -> list[str]: ...


_looker: Looker | None = None
_thumbnails: dict[int, bytes] = {}


def good_number(pairs: int) -> int:
    """How many processes suit so many pairs: by cores and memory."""
    return max(1, min(threads(), pairs // _PAIRS_EACH, machine_memory() // _BYTES_EACH, _MOST))


class Processes:
    """Some processes that look.

    Args:
        count: of them.
        make: what looks, from what gives it thumbnails; it can be pickled.
    """

    def __init__(self, count: int, make: Callable[[Thumbnails], Looker]) -> None:
        # Forked processes would have locks of threads that are not there.
        self._pool = ProcessPoolExecutor(count, get_context("spawn"), _start, (make,))

    def look(
        self, pairs: Sequence[tuple[Entry, Entry]], thumbnails: Thumbnails
    ) -> tuple[list[str], Unclear]:
        """As `checking.Checker` says; and what was unclear.

        Args:
            pairs: of images.
            thumbnails: WebP files by the ids of images.

        Raises:
            AecodecError: a process ended.
        """
        found: list[str] = []
        unclear: Unclear = []
        parts = [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]
        try:
            tasks = [self._pool.submit(_look, part, thumbnails(_ids(part))) for part in parts]
            for task in tasks:
                reasons, others = task.result()
                found += reasons
                unclear += others
        except BrokenProcessPool:
            problem = "a process that looked at pictures ended, as if out of memory"
            raise AecodecError(f"{problem}; with OMP_NUM_THREADS=1 there is only one") from None
        return found, unclear

    def close(self) -> None:
        """End them, after the tasks at hand."""
        self._pool.shutdown(cancel_futures=True)


def _ids(pairs: Sequence[tuple[Entry, Entry]]) -> list[int]:
    return list({entry.id: None for pair in pairs for entry in pair})


def _start(make: Callable[[Thumbnails], Looker]) -> None:
    global _looker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_threads(1)
    keep_freed_memory()
    _looker = make(lambda ids: {i: _thumbnails[i] for i in ids if i in _thumbnails})


def _end_with_parent() -> None:
    """So that none is left where the first process was killed."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _look(
    pairs: Sequence[tuple[Entry, Entry]], thumbnails: dict[int, bytes]
) -> tuple[list[str], Unclear]:
    assert _looker is not None
    _thumbnails.clear()
    _thumbnails.update(thumbnails)
    found, unclear = _looker(pairs), [*_looker.unclear]
    _looker.unclear.clear()
    return found, unclear
