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

from aecodec.errors import AecodecError, explain, named
from aecodec.storage.folders import identity
from aecodec.storage.stores import Found, Place, find, names_in, read, remove, write
from aecodec.workflows.batch.plan import Outputs, not_apart, nothing_in, own_name, renamed

_BATCH = "_batch.json"  # what the results are of; Parquet readers skip names like this
_MOST = 1024  # files in a shard: what is done again after a kill
_SHARDS = 64  # are wanted at least, if there are as many files


@dataclass(frozen=True)
class File:
    """An input and its output, if there is to be any, with a note for whoever wants that."""

    found: Found
    target: Place | None
    note: str = ""


@dataclass(frozen=True)
class Shard:
    """Files that are done together, and the Parquet file that says how that went."""

    files: list[File]
    part: Place


def plan(
    tops: Sequence[Place], out: Place | None, suffixes: Collection[str], suffix: str
) -> tuple[list[File], list[tuple[str, str]]]:
    """The files, each once, with their outputs; and of others (path, what is wrong with it).

    The tree of a folder is mirrored, below a folder of its own name if there are other inputs.
    Inputs that differ in their suffix only keep it, as on one machine.

    Args:
        tops: files and folders.
        out: folder for the outputs; None: there are none.
        suffixes: of the inputs, lower-case and with dot: what is looked for in folders.
        suffix: of the outputs.

    Raises:
        AecodecError: there is no such input.
    """
    problems: list[tuple[str, str]] = []
    files: dict[str, File] = {}

    def tell(error: OSError) -> None:
        problems.append((str(error.filename), explain(error)))

    for top in tops:
        count = len(files) + len(problems)
        for one in find(top, suffixes, tell):
            below = PurePosixPath(one.below)
            if one.place.path != top.path and len(tops) > 1:
                below = PurePosixPath(top.name) / below
            target = out / str(below.with_name(renamed(below, suffixes, suffix))) if out else None
            files.setdefault(str(one.place), File(one, target))
        if len(files) + len(problems) == count and len(tops) == 1:
            problems.append((str(top), named(top, nothing_in(suffixes))))
    return _check(_apart(list(files.values()), suffix), problems), problems


def _apart(files: Sequence[File], suffix: str) -> list[File]:
    apart = list(files)
    able = [(n, file.found.place, file.target) for n, file in enumerate(files) if file.target]
    names = [own_name(place.name, target.name, suffix) for _, place, target in able]
    own = [one[2].parent / name for one, (name, _) in zip(able, names, strict=True)]
    pairs = [(str(place), str(target)) for _, place, target in able]
    for number in not_apart(pairs, [str(target) for target in own]):
        n = able[number][0]
        apart[n] = File(files[n].found, own[number], names[number][1])
    return apart


def _check(files: Sequence[File], problems: list[tuple[str, str]]) -> list[File]:
    """Leave out the files that would destroy another."""
    outputs = Outputs(_identity(file.found.place) for file in files)
    checked = []
    for file in files:
        source, target, problem = str(file.found.place), file.target, ""
        if target:
            problem = outputs.overwrites(target, _identity(target))
            problem = problem or outputs.claim(str(target), source, target)
        if problem:
            problems.append((source, named(source, problem)))
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
    out: Place,
    results: Place,
    batch: dict[str, Any],
    shards: Sequence[Shard],
    *,
    force: bool,
    any_folder: bool,
    dry_run: bool,
) -> list[Shard]:
    """Make the folder this batch's own, and give the shards that are still to be done.

    Parts of other shards, whose files have changed, are removed.

    Args:
        out: the folder.
        results: that of the parts.
        batch: what it is.
        shards: all of them.
        force: all are to be done, and what else is in the folder does not matter.
        any_folder: what else is in the folder does not matter.
        dry_run: leave everything as it is.

    Raises:
        AecodecError: something else is in the folder, and that matters.
        OSError: it cannot be written.
    """
    names = names_in(results)
    same = _BATCH in names and json.loads(read(results / _BATCH)) == batch
    if not (same or force or any_folder) and names_in(out):
        what = "holds another batch" if _BATCH in names else "is not empty"
        raise AecodecError(f"{out} {what}; choose another -o, or use --force to overwrite")
    keep = {shard.part.name for shard in shards} if same and not force else set()
    todo = [shard for shard in shards if shard.part.name not in keep & set(names)]
    if dry_run:
        return todo
    for name in names:
        if name.startswith("part-") and name.endswith(".parquet") and name not in keep:
            remove(results / name)
    if not same:
        write(results / _BATCH, json.dumps(batch, indent=2).encode())
    return todo
