"""Work on many small batches, one on each core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

In = TypeVar("In")
Out = TypeVar("Out")


def each(work: Callable[[In], Out], batches: Iterable[In]) -> Iterator[Out]:
    """What it comes to for each, in their order.

    Batches are too small for torch to share out one product among the cores, so every core works on
    one of its own.
    """
    cores, rows = torch.get_num_threads(), list(batches)
    if cores == 1 or len(rows) < 2:
        yield from map(work, rows)
        return
    try:
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(work, rows)
    finally:
        torch.set_num_threads(cores)
