"""Groups of images that are the same but for an alteration."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecodec.hashing.backends.base import CodeIndex, Codes
from aecodec.hashing.database import Entry

_BATCH = 256
_AT_ONCE = 8  # images whose candidates are looked at together
_LOSSLESS = frozenset([".png", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".tga", ".gif"])

Rank = Callable[[Entry], Any]
Check = Callable[[Sequence[tuple[Entry, Entry]]], Sequence[str]]
Progress = Callable[[int, int], None]


def _largest(entry: Entry) -> Any:
    return -entry.width * entry.height, -entry.size, entry.path


def _oldest(entry: Entry) -> Any:
    return entry.mtime_ns, *_largest(entry)


def _best(entry: Entry) -> Any:
    lossy = os.path.splitext(entry.path)[1].lower() not in _LOSSLESS
    return -entry.width * entry.height, lossy, -entry.size, entry.path


RANKS: dict[str, Rank] = {"best": _best, "largest": _largest, "oldest": _oldest}
"""Which image of a group to keep, the least first: of most pixels and then lossless, of most pixels
and then bytes, or of the first time of modification."""


@dataclass(frozen=True)
class Match:
    """An image of the index, and its Hamming distance to what was looked for.

    Attributes:
        entry: the image.
        distance: in bits.
        reason: what was done to the image that is kept to have this one; nothing if nobody looked.
    """

    entry: Entry
    distance: int
    reason: str = ""


@dataclass(frozen=True)
class Group:
    """An image to keep, and those that are the same: nearest first."""

    keep: Entry
    duplicates: list[Match]

    @property
    def reclaimable(self) -> int:
        """Bytes of the duplicates."""
        return sum(match.entry.size for match in self.duplicates)


@dataclass(frozen=True)
class Duplicates:
    """What was found.

    Attributes:
        groups: of images that are the same.
        unclear: (path, other path, why) of pairs that nobody could look at; not in `groups`.
    """

    groups: list[Group]
    unclear: list[tuple[str, str, str]]


def group(
    index: CodeIndex,
    entries: Sequence[Entry],
    codes: Codes,
    radius: int,
    *,
    kept: Collection[int] = (),
    rank: Rank = _best,
    progress: Progress = lambda done, total: None,
) -> list[Group]:
    """Groups within a Hamming radius around the best image of each; by codes alone.

    Stars, not chains: every duplicate is within the radius of the image that is kept, so
    that a row of images, each like the next, does not end up as one group.

    Args:
        index: of at least these images.
        entries: the images to group; others of the index are left alone.
        codes: their codes of the index's length, in the same order.
        radius: in bits, inclusive.
        kept: ids of images that are never called a duplicate, and come first.
        rank: the least is kept.
        progress: told (images done, of how many).
    """
    order = _in_order(entries, kept, rank)
    free = {entry.id: entry for entry in entries}
    groups: list[Group] = []
    for start in range(0, len(order), _BATCH):
        batch = [i for i in order[start : start + _BATCH] if entries[i].id in free]
        for i, near in zip(
            batch, index.range_search(codes[batch], radius) if batch else [], strict=True
        ):
            if free.pop(entries[i].id, None) is None:
                continue  # taken by another of this batch
            found = [
                Match(free.pop(image), int(distance))
                for distance, image in zip(near[0].tolist(), near[1].tolist(), strict=True)
                if image in free and image not in kept
            ]
            _add(groups, entries[i], found)
        progress(min(start + _BATCH, len(order)), len(order))
    return groups


def group_checked(
    index: CodeIndex,
    entries: Sequence[Entry],
    codes: Codes,
    radius: int,
    check: Check,
    *,
    nearest: int = 32,
    kept: Collection[int] = (),
    rank: Rank = _best,
    progress: Progress = lambda done, total: None,
) -> list[Group]:
    """The same, where codes only name candidates, and `check` looks at them.

    Files of equal content are the same without a look. Of other images the candidates are the
    `nearest` codes of either, within the radius. Every duplicate was checked against the image that
    is kept, or has the content of one that was.

    Args:
        index, entries, codes, kept, rank, progress: as in `group`.
        radius: of candidates, in bits, inclusive; may be wide.
        check: says of pairs (kept, candidate) what was done to the first to have the second;
            nothing where they are not the same.
        nearest: candidates of each image, at most; others may name it as theirs, too.
    """
    order = _in_order(entries, kept, rank)
    copies: dict[bytes, list[int]] = defaultdict(list)
    for i in order:
        copies[entries[i].sha256 or entries[i].path.encode(errors="surrogateescape")].append(i)
    first = [rows[0] for rows in copies.values()]  # in order, too
    copies_of = {rows[0]: rows[1:] for rows in copies.values()}
    candidates = _candidates(index, entries, codes, first, radius, nearest)
    free = set(first)
    groups: list[Group] = []
    for start in range(0, len(first), _AT_ONCE):
        batch = [i for i in first[start : start + _AT_ONCE] if i in free]
        pairs = [(i, j) for i in batch for j in candidates[i] if j in free]
        reasons = dict(zip(pairs, check([(entries[i], entries[j]) for i, j in pairs]), strict=True))
        for i in batch:
            if i not in free:
                continue  # taken by another of this batch
            free.discard(i)
            found = [Match(entries[c], 0, "same file") for c in copies_of[i]]
            for j, distance in candidates[i].items():
                if j in free and entries[j].id not in kept and (reason := reasons.get((i, j))):
                    free.discard(j)
                    found += [Match(entries[c], distance, reason) for c in (j, *copies_of[j])]
            _add(groups, entries[i], [match for match in found if match.entry.id not in kept])
        progress(min(start + _AT_ONCE, len(first)), len(first))
    return groups


def _candidates(
    index: CodeIndex,
    entries: Sequence[Entry],
    codes: Codes,
    first: Sequence[int],
    radius: int,
    nearest: int,
) -> dict[int, dict[int, int]]:
    """For each row, those later in order that are near, and how far, nearest first."""
    place = {row: n for n, row in enumerate(first)}
    row_of = {entries[row].id: row for row in first}
    found: dict[int, dict[int, int]] = {row: {} for row in first}
    for start in range(0, len(first), _BATCH):
        batch = first[start : start + _BATCH]
        far, ids = index.search(codes[np.array(batch)], nearest + 1)
        for row, distances, images in zip(batch, far.tolist(), ids.tolist(), strict=True):
            for distance, image in zip(distances, images, strict=True):
                other = row_of.get(image)
                if other is None or other == row or distance > radius:
                    continue
                best, rest = sorted((row, other), key=place.__getitem__)
                found[best][rest] = distance
    return {
        row: dict(sorted(near.items(), key=lambda item: (item[1], place[item[0]])))
        for row, near in found.items()
    }


def _in_order(entries: Sequence[Entry], kept: Collection[int], rank: Rank) -> list[int]:
    return sorted(range(len(entries)), key=lambda i: (entries[i].id not in kept, rank(entries[i])))


def _add(groups: list[Group], keep: Entry, found: list[Match]) -> None:
    if found:
        found.sort(key=lambda match: (match.distance, match.entry.path))
        groups.append(Group(keep, found))
