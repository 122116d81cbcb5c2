"""Which images of an index to group: those below some folders, each file once."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from aecodec.errors import AecodecError
from aecodec.hashing.backends.base import Codes
from aecodec.hashing.database import Database, Entry
from aecodec.hashing.scan import one_path_each

Place = str | os.PathLike[str]


def choose(
    database: Database, bits: int, places: Sequence[Place], keep: Place | None
) -> tuple[list[Entry], Codes, set[int]]:
    """The images to group, their codes in the same order, and the ids of those below `keep`.

    Args:
        database: of the index.
        bits: of the codes.
        places: folders; none: all images.
        keep: folder of reference images, which are always among them.

    Raises:
        AecodecError: nothing is indexed below one of the folders.
    """
    kept = _below(database, keep) if keep is not None else set()
    chosen = {row for place in places for row in _below(database, place)} | kept
    parts = list(database.codes(bits))
    ids = np.concatenate([part for part, _ in parts]) if parts else np.empty(0, np.int64)
    codes = np.concatenate([c for _, c in parts]) if parts else np.empty((0, 1), np.uint8)
    entries = database.entries(ids.tolist())
    wanted = [entry for entry in entries.values() if not places or entry.id in chosen]
    wanted.sort(key=lambda entry: (entry.id not in kept, os.path.islink(entry.path), entry.path))
    paths = one_path_each(entry.path for entry in wanted)
    usable = [
        position
        for position, image in enumerate(ids.tolist())
        if image in entries and entries[image].path in paths
    ]
    return [entries[int(ids[position])] for position in usable], codes[usable], kept


def _below(database: Database, place: Place) -> set[int]:
    folder = os.path.abspath(place)
    found = {row for row, _ in database.paths(folder)}
    if not found:
        raise AecodecError(
            f"{os.fspath(place)}: nothing is indexed below it; run 'aecodec index' on it first"
        )
    return found
