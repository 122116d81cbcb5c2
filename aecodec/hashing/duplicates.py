"""Groups of images that are the same but for an alteration."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aecodec.hashing.backends.base import CodeIndex, Codes
from aecodec.hashing.database import Entry

_BATCH, _SEARCHED = 256, 1024  # codes whose neighbours are asked for together, all or the nearest
_AT_ONCE, _MOST_AT_ONCE = 256, 2048  # pairs that are looked at together, at least
_SHARE_AT_ONCE = 16  # of all, so many: the more there are, the fewer are in vain by it
_AT_A_TIME = 100_000  # distances
_NEAR = 0.25  # of the bits: most crops to 60 % of a side, and of different photos few
_ONES = np.array([byte.bit_count() for byte in range(256)])  # bits that are set
_LOSSLESS = frozenset([".png", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".tga", ".gif"])

EQUAL = "same pixels"
"""Why images are the same where no pixel differs."""

COMPRESSED = "compressed again"
"""And where nothing else was done than to compress the first of two images."""

UNFRAMED = "without its frame or bars"
"""What reasons say where the first of two images has these, and the second is what is within."""

Rank = Callable[[Entry], Any]
Check = Callable[[Sequence[tuple[Entry, Entry]]], Sequence[str]]
Pairs = npt.NDArray[np.int64]
Chosen = npt.NDArray[np.bool_]
Screen = Callable[[Sequence[Entry], Pairs, Chosen], Pairs]
Progress = Callable[[int, int], None]
_Found = tuple[int, int, str]  # position of an image, distance of codes, reason


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
    def members(self) -> list[Match]:
        """The image to keep, at distance 0, and then the others."""
        return [Match(self.keep, 0), *self.duplicates]

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
    screen: Screen | None = None,
    nearest: int = 32,
    kept: Collection[int] = (),
    rank: Rank = _best,
    frames_last: bool = False,
    progress: Progress = lambda done, total: None,
) -> list[Group]:
    """The same, where codes only name candidates, and `check` looks at them.

    Files of equal content are the same without a look. Of other images the candidates are the
    `nearest` codes of either, within the radius, and what the screen adds. Every duplicate was
    checked against the image that is kept, or has the content of one that was.

    Args:
        index, entries, codes, kept, rank, progress: as in `group`.
        radius: of candidates, in bits, inclusive; may be wide.
        check: says of pairs (kept, candidate) what was done to the first to have the second;
            nothing where they are not the same.
        screen: says which pairs to check: of images, candidates, positions (P, 2) among them, and
            whether their codes are quite near, (P,), gives some of these and others that it knows
            of, each once, the smaller position first.
        nearest: candidates of each image, at most; others may name it as theirs, too.
        frames_last: an image that only has a frame or bars more than another is not kept.
    """
    order = _in_order(entries, kept, rank)
    copies: dict[bytes, list[int]] = defaultdict(list)
    for i in order:
        copies[entries[i].sha256 or entries[i].path.encode(errors="surrogateescape")].append(i)
    # One image of each content; the others are its twins.
    first = [entries[rows[0]] for rows in copies.values()]
    twins = [[entries[row] for row in rows[1:]] for rows in copies.values()]
    own_codes = codes[[rows[0] for rows in copies.values()]]
    pairs = _candidates(index, first, own_codes, radius, nearest)
    if screen is not None:
        pairs, distances = _by_distance(own_codes, pairs)
        pairs = screen(first, pairs, distances <= _NEAR * index.bits)
    pairs, distances = _by_distance(own_codes, pairs)
    starts = np.searchsorted(pairs[:, 0], np.arange(len(first) + 1)).tolist()
    others, far = pairs[:, 1].tolist(), distances.tolist()
    free = set(range(len(first)))
    at_once = max(_AT_ONCE, min(_MOST_AT_ONCE, len(pairs) // _SHARE_AT_ONCE))
    waiting: list[int] = []
    asked: list[tuple[int, int]] = []
    framed: dict[int, list[tuple[int, list[_Found]]]] = defaultdict(list)
    keeping: dict[int, list[_Found]] = {}  # also those of which nothing is a duplicate
    for done in range(len(first)):
        if done in free:
            waiting.append(done)
            asked += [(done, j) for j in others[starts[done] : starts[done + 1]] if j in free]
        if len(asked) < at_once and done + 1 < len(first):
            continue
        reasons = dict(zip(asked, check([(first[i], first[j]) for i, j in asked]), strict=True))
        late: list[tuple[int, int, list[_Found]]] = []
        for i in waiting:
            if i not in free:
                continue  # taken by another of these
            mine = [
                (j, distance, reason)
                for j, distance in zip(
                    others[starts[i] : starts[i + 1]], far[starts[i] : starts[i + 1]], strict=True
                )
                if j in free and first[j].id not in kept and (reason := reasons.get((i, j)))
            ]
            inner = [j for j, _, reason in mine if UNFRAMED in reason]
            if frames_last and inner and first[i].id not in kept:
                framed[min(inner)] += [(i, mine), *framed.pop(i, [])]
                continue  # it waits for the turn of what is within
            outer = [one for j in (i, *(j for j, *_ in mine)) for one in framed.pop(j, [])]
            late += [(i, k, own) for k, own in outer if k in free]
            free.difference_update([i], (j for j, *_ in mine), (k for k, _ in outer))
            keeping[i] = mine
        answers = check([(first[i], first[k]) for i, k, _ in late]) if late else ()
        refused: list[tuple[int, list[_Found]]] = []
        for (i, k, own), reason in zip(late, answers, strict=True):
            if reason:
                apart = _ONES[np.bitwise_xor(own_codes[i], own_codes[k])].sum()
                keeping[i].append((k, int(apart), reason))
            else:
                refused.append((k, own))
        # Not found from there: these are kept, with what is left of their own but for what they
        # frame.
        for k, own in refused:
            left = [
                (j, distance, reason)
                for j, distance, reason in own
                if UNFRAMED not in reason and (j in free or not keeping.get(j, True))
            ]
            for j, *_ in left:
                free.discard(j)
                keeping.pop(j, None)
            keeping[k] = left
        waiting, asked = [], []
        progress(done + 1, len(first))
    groups: list[Group] = []
    for i in sorted(keeping):
        matches = [Match(twin, 0, "same file") for twin in twins[i]]
        for j, distance, reason in keeping[i]:
            matches += [Match(e, distance, reason) for e in (first[j], *twins[j])]
        _add(groups, first[i], [match for match in matches if match.entry.id not in kept])
    return groups


def _candidates(
    index: CodeIndex, images: Sequence[Entry], codes: Codes, radius: int, nearest: int
) -> Pairs:
    """Pairs of positions (P, 2) that are near, each once, the smaller first."""
    ids = np.array([image.id for image in images], dtype=np.int64)
    by_id = np.argsort(ids)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(images), _SEARCHED):
        far, near = index.search(codes[start : start + _SEARCHED], nearest + 1)
        place = np.searchsorted(ids[by_id], near).clip(max=len(ids) - 1)
        other = by_id[place]
        own = np.broadcast_to(np.arange(start, start + len(near))[:, None], near.shape)
        usable = (ids[other] == near) & (other != own) & (far <= radius)
        found.append(np.sort(np.stack([own[usable], other[usable]], 1), axis=1))
    pairs = np.concatenate(found)
    numbers = np.unique(pairs[:, 0] * len(images) + pairs[:, 1])
    return np.stack([numbers // len(images), numbers % len(images)], 1)


def _by_distance(codes: Codes, pairs: Pairs) -> tuple[Pairs, npt.NDArray[np.int64]]:
    """Pairs of positions (P, 2) of codes, nearest first for each first one; and their distances."""
    far = np.concatenate(
        [
            np.empty(0, np.int64),
            *(
                _ONES[np.bitwise_xor(codes[some[:, 0]], codes[some[:, 1]])].sum(1)
                for some in np.array_split(pairs, 1 + len(pairs) // _AT_A_TIME)
            ),
        ]
    )
    order = np.lexsort((pairs[:, 1], far, pairs[:, 0]))
    return pairs[order], far[order]


def _in_order(entries: Sequence[Entry], kept: Collection[int], rank: Rank) -> list[int]:
    return sorted(range(len(entries)), key=lambda i: (entries[i].id not in kept, rank(entries[i])))


def _add(groups: list[Group], keep: Entry, found: list[Match]) -> None:
    if found:
        found.sort(key=lambda match: (match.distance, match.entry.path))
        groups.append(Group(keep, found))
