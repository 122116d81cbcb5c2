"""Groups of images that are the same but for an alteration."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from aecodec.hashing.backends.base import CodeIndex, Codes
from aecodec.hashing.database import Entry

_BATCH = 256


@dataclass(frozen=True)
class Match:
    """An image of the index, and its Hamming distance to what was looked for."""

    entry: Entry
    distance: int


@dataclass(frozen=True)
class Group:
    """An image to keep, and those that are the same: nearest first."""

    keep: Entry
    duplicates: list[Match]

    @property
    def reclaimable(self) -> int:
        """Bytes of the duplicates."""
        return sum(match.entry.size for match in self.duplicates)


def group(
    index: CodeIndex,
    entries: Sequence[Entry],
    codes: Codes,
    radius: int,
    *,
    kept: Collection[int] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Group]:
    """Groups within a Hamming radius around the best image of each.

    Stars, not chains: every duplicate is within the radius of the image that is kept, so
    that a row of images, each like the next, does not end up as one group. The best image
    is one that is `kept`, then the one of most pixels, of most bytes, of the first path.

    Args:
        index: of at least these images.
        entries: the images to group; others of the index are left alone.
        codes: their codes of the index's length, in the same order.
        radius: in bits, inclusive.
        kept: ids of images that are never called a duplicate.
        progress: told (images done, of how many).
    """
    order = sorted(range(len(entries)), key=lambda i: _rank(entries[i], kept))
    free = {entry.id: entry for entry in entries}
    groups = []
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
            if found:
                found.sort(key=lambda match: (match.distance, match.entry.path))
                groups.append(Group(entries[i], found))
        progress(min(start + _BATCH, len(order)), len(order))
    return groups


def _rank(entry: Entry, kept: Collection[int]) -> tuple[bool, int, int, str]:
    return entry.id not in kept, -entry.width * entry.height, -entry.size, entry.path
