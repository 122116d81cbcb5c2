"""Work on many small batches, one on each core."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch

In = TypeVar("In")
Out = TypeVar("Out")
_STARTING = threading.Lock()


def each(work: Callable[[In], Out], batches: Iterable[In]) -> Iterator[Out]:
    """What it comes to for each, in their order.

    Batches are too small for torch to share out one product among the cores, so every core works on
    one of its own, be it alone. Several threads may ask at once.
    """
    cores, rows = torch.get_num_threads(), list(batches)
    if cores == 1 or not rows:
        yield from map(work, rows)
        return
    with _STARTING:
        pool = _workers(os.getpid(), cores)
    yield from pool.map(work, rows)


@lru_cache(maxsize=1)
def _workers(process: int, cores: int) -> ThreadPoolExecutor:
    """Threads of this process in which torch uses one core.

    That is a setting of each thread, but also what new threads begin with: so all of these begin
    now, and then it is as it was.
    """
    pool = ThreadPoolExecutor(cores, initializer=_use_one_core)
    begun = threading.Barrier(cores)
    for waiting in [pool.submit(begun.wait) for _ in range(cores)]:
        waiting.result()
    torch.set_num_threads(cores)
    return pool


def _use_one_core() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # a thread's first question makes the setting of now its own
