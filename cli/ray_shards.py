"""What a batch on Ray consists of: files cut into shards, and a folder that is the batch's own.

A shard is done when its part of the results, a Parquet file, is there: its name tells the
batch and the files that it is of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from aecodec.errors import AecodecError

from .batch import explain, renamed
from .inputs import identity
from .places import Found, Place, find, names_in, read, remove, write

_BATCH = "_batch.json"  # what the results are of; Parquet readers skip names like this
_MOST = 1024  # files in a shard: what is done again after a kill
_SHARDS = 64  # are wanted at least, if there are as many files


@dataclass(frozen=True)
class File:
    """An input and its output, if there is to be any."""

    found: Found
    target: Place | None


@dataclass(frozen=True)
class Shard:
    """Files that are done together, and the Parquet file that says how that went."""

    files: list[File]
    part: Place


def plan(
    tops: Sequence[Place], out: Place | None, suffixes: Collection[str], suffix: str
) -> tuple[list[File], list[str]]:
    """The files, each once, with their outputs; and what is wrong with others.

    The tree of a folder is mirrored, below a folder of its own name if there are other inputs.

    Args:
        tops: files and folders.
        out: folder for the outputs; None: there are none.
        suffixes: of the inputs, lower-case and with dot: what is looked for in folders.
        suffix: of the outputs.

    Raises:
        AecodecError: there is no such input.
    """
    problems: list[str] = []
    files: dict[str, File] = {}
    for top in tops:
        count = len(files) + len(problems)
        for one in find(top, suffixes, lambda error: problems.append(explain(error))):
            below = PurePosixPath(one.below)
            if one.place.path != top.path and len(tops) > 1:
                below = PurePosixPath(top.name) / below
            target = out / str(below.with_name(renamed(below, suffixes, suffix))) if out else None
            files.setdefault(str(one.place), File(one, target))
        if len(files) + len(problems) == count and len(tops) == 1:
            known = ", ".join(sorted(suffixes))
            problems.append(f"{top}: no files to work on in this folder (looked for {known})")
    return _check(list(files.values()), problems), problems


def _check(files: Sequence[File], problems: list[str]) -> list[File]:
    """Leave out the files that would destroy another."""
    sources = {_identity(file.found.place) for file in files}
    taken: dict[str, str] = {}  # output -> the input it belongs to
    checked = []
    for file in files:
        source, target = str(file.found.place), file.target
        if target and _identity(target) in sources:
            problems.append(f"{source}: would overwrite the input {target}; choose another -o")
        elif target and (first := taken.setdefault(str(target), source)) != source:
            problems.append(f"{source}: its output {target} is already that of {first}")
        else:
            checked.append(file)
    return checked


def _identity(place: Place) -> object:
    return (identity(Path(place.path)) if place.local else None) or str(place)


def cut(files: Sequence[File], results: Place, batch: dict[str, Any]) -> Iterator[Shard]:
    """By the number of files alone, so that clusters of all sizes cut alike."""
    many = max(1, min(_MOST, len(files) // _SHARDS))
    for start in range(0, len(files), many):
        some = list(files[start : start + many])
        stamps = [(str(f.found.place), f.found.size, f.found.mtime_ns) for f in some]
        key = hashlib.sha256(json.dumps([batch, stamps]).encode()).hexdigest()[:16]
        yield Shard(some, results / f"part-{start // many:06}-{key}.parquet")


def claim(
    out: Place, results: Place, batch: dict[str, Any], shards: Sequence[Shard], force: bool
) -> list[Shard]:
    """Make the folder this batch's own, and give the shards that are still to be done.

    Parts of other shards, whose files have changed, are removed.

    Raises:
        AecodecError: something else is in the folder, and `force` is false.
        OSError: it cannot be written.
    """
    names = names_in(results)
    same = _BATCH in names and json.loads(read(results / _BATCH)) == batch
    if not same and not force and names_in(out):
        what = "holds another batch" if _BATCH in names else "is not empty"
        raise AecodecError(f"{out} {what}; choose another -o, or use --force to overwrite")
    keep = {shard.part.name for shard in shards} if same and not force else set()
    for name in names:
        if name.startswith("part-") and name.endswith(".parquet") and name not in keep:
            remove(results / name)
    if not same:
        write(results / _BATCH, json.dumps(batch, indent=2).encode())
    there = keep & set(names)
    return [shard for shard in shards if shard.part.name not in there]
