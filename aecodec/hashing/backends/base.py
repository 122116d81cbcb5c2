"""Where the codes of an index are searched: a cache of the database, which is the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aecodec.hashing.database import Database, State

Ids = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]
Distances = npt.NDArray[np.int32]


class StaleCache(Exception):
    """The cache cannot serve; the message says why."""


class CodeIndex(Protocol):
    """Codes of one length, packed as uint8 (N, bits / 8), under the ids of their images."""

    bits: int

    def __len__(self) -> int: ...

    def ids(self) -> Ids | None:
        """All of them in any order; None where it cannot tell."""
        ...

    def add(self, ids: Ids, codes: Codes) -> None: ...

    def remove(self, ids: Ids) -> None: ...

    def search(self, codes: Codes, k: int) -> tuple[Distances, Ids]:
        """Distances and ids (N, min(k, len)), nearest first; id -1 where it found no more."""
        ...

    def range_search(self, codes: Codes, radius: int) -> list[tuple[Distances, Ids]]:
        """For each code, distances and ids of all within a Hamming radius, unsorted."""
        ...


class Backend(Protocol):
    """Keeps the codes of indexes, and of what state of the database they are.

    `str` of it names it to people.
    """

    def updating(self, index: str) -> AbstractContextManager[None]:
        """No other process changes the codes of this index within.

        What an error leaves half changed is undone, or is not there to `load`.
        """
        ...

    def load(self, index: str) -> tuple[Any, State]:
        """The codes of an index by its random name, and their state.

        Raises:
            StaleCache: missing or damaged.
        """
        ...

    def build(self, state: State, codes: Callable[[], Iterable[tuple[Ids, Codes]]]) -> Any:
        """A `CodeIndex` made anew; `codes` gives them some at a time, each time from the start."""
        ...

    def save(self, index: Any, state: State) -> None:
        """Keep it.

        Raises:
            OSError: which does not matter: it is only a cache.
        """
        ...

    def close(self) -> None: ...


def catch_up(index: CodeIndex, seen: State, state: State, database: Database) -> str:
    """Bring cached codes up to date; what was done, in words.

    Raises:
        StaleCache: they are not of this database's past, or that is more work than anew.
    """
    if (seen.index, seen.model) != (state.index, state.model):
        raise StaleCache("of another index")
    if seen.bits != state.bits:
        raise StaleCache(f"of {seen.bits} bits")
    if seen == state:
        return ""
    if seen.generation >= state.generation:
        raise StaleCache("newer than the database")
    before = len(index)
    for ids, codes in database.codes(state.bits, after=seen.last):
        index.add(ids, codes)
    if len(index) != state.count and (known := index.ids()) is not None:
        index.remove(np.setdiff1d(known, database.ids()))
    if len(index) != state.count:
        raise StaleCache("out of date")
    return f"was behind the database; brought from {before:,} to {state.count:,} codes"


def load_current(backend: Backend, database: Database) -> tuple[CodeIndex, State, str, bool]:
    """The codes as of now: as the backend has them, caught up, or built again.

    Returns:
        The codes, their state, what had to be done, in words, and whether it could be kept.
    """
    name, kept = str(database.meta("index")), True
    with database.reading(), backend.updating(name):
        state = database.state()
        index: CodeIndex
        try:
            index, seen = backend.load(name)
            done = catch_up(index, seen, state, database)
        except StaleCache as error:
            index = backend.build(state, lambda: database.codes(state.bits))
            done = f"{error}; built again from {state.count:,} codes"
        if done:
            try:
                backend.save(index, state)
            except OSError as error:  # it is only a cache
                done, kept = f"{done}; not written ({error.strerror})", False
    return index, state, done, kept
