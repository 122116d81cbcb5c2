"""Which pairs of indexed images are worth a look: by very small copies of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from tempfile import TemporaryFile

import numpy as np

from aecodec.hashing.copies import SIDE, Copies, CopiesOf, stacked
from aecodec.hashing.database import Entry
from aecodec.hashing.duplicates import Chosen, Pairs, Progress

_LIKELY, _MANY, _LIKELY_OF_MANY = 0.4, 100_000, 0.56
"""Greatest correlation of small copies, above which pairs are looked at; and above so many pairs,
of which most then are alike by chance. These are looked at quickly, too, and only where their codes
are near, or their layouts.
"""
_DOUBTFUL = 0.2  # correlation, above which it may be that only the place is a little wrong
_EQUAL_GREY, _EQUAL_GREY_OF_MANY = 4, 1.5
"""Levels, on average, in which small copies count as equal; and where there are many pairs."""
_READ = 512  # small copies, together


class Stages:
    """Progress in stages that count as equally long, told as (images done, of how many)."""

    def __init__(self, progress: Progress, images: int, stages: int) -> None:
        self._progress, self._images, self._stages = progress, images, stages

    def __call__(self, stage: int, done: int, total: int) -> None:
        share = (stage + done / max(1, total)) / self._stages
        self._progress(round(share * self._images), self._images)


def likely_pairs(
    images: Sequence[Entry],
    pairs: Pairs,
    near: Chosen,
    copies_of: CopiesOf,
    stages: Stages,
    others: int,
) -> tuple[Pairs, bool]:
    """Pairs of positions (P, 2) that may be the same; and whether there were so many that most are
    alike by chance.

    Args:
        images: those that are looked for among each other.
        pairs: candidates, positions (P, 2), the smaller first.
        near: which of these have codes so near that a doubtful one is looked at once more, (P,);
            the others are left out where there are many.
        copies_of: small copies by the ids of images.
        stages: told of three of them.
        others: candidates that are named for each image by their layouts.
    """
    from aecodec.hashing.verify.again import fit_somewhere
    from aecodec.hashing.verify.guess import likeness
    from aecodec.hashing.verify.layout import alike
    from aecodec.hashing.verify.verdict import TINY

    used = np.arange(len(images)) if others else np.unique(pairs)
    places = np.searchsorted(used, pairs)
    named = places[near]
    with TemporaryFile() as file:
        # A kilobyte each, which the system may put away.
        copies = np.memmap(file, np.uint8, "w+", shape=(max(1, len(used)), SIDE, SIDE))
        known = small_copies([images[n].id for n in used], copies, copies_of, partial(stages, 0))
        if others:
            more = alike(copies, others, partial(stages, 1))
            more = more[known[more].all(1)]
            places = np.unique(np.concatenate([places, more]), axis=0)
            named = np.concatenate([named, more])
        many = len(places) > _MANY
        places = np.unique(named, axis=0) if many else places
        likely = ~known[places].all(1)  # those that nobody can tell from so little
        there = np.flatnonzero(~likely)
        sizes = np.array([(images[n].width, images[n].height) for n in used], dtype=float)
        sizes = sizes.reshape(-1, 2)
        looks = likeness(copies, sizes, places[there], partial(stages, 2), coarsely=many)
        equal = _equal_in_grey(copies, places[there], _EQUAL_GREY_OF_MANY if many else _EQUAL_GREY)
        likely[there] = (looks > (_LIKELY_OF_MANY if many else _LIKELY)) | equal
        if not many:
            own, chosen = (one[:, 0] * len(used) + one[:, 1] for one in (places[there], named))
            doubtful = there[~likely[there] & (looks > _DOUBTFUL) & np.isin(own, chosen)]
            likely[doubtful] = fit_somewhere(copies, sizes, places[doubtful])
        sides = sizes[places[there]]
        tiny = sides.max(2).min(1) <= TINY
        likely[there] &= ~tiny | (equal & (sides[:, 0] == sides[:, 1]).all(1))
    found: Pairs = used[places[likely]]
    return found, many


def small_copies(
    ids: Sequence[int], copies: Copies, copies_of: CopiesOf, progress: Progress
) -> Chosen:
    """Fill in small copies, uint8 (N, 32, 32), of these ids; which there were, (N,)."""
    known = np.zeros(len(ids), bool)
    for start in range(0, len(ids), _READ):
        found = copies_of(ids[start : start + _READ])
        rows = [n for n in range(start, min(start + _READ, len(ids))) if ids[n] in found]
        copies[rows] = stacked(found[ids[n]] for n in rows)
        known[rows] = True
        progress(min(start + _READ, len(ids)), len(ids))
    return known


def _equal_in_grey(copies: Copies, pairs: Pairs, levels: float) -> Chosen:
    """Whether what is grey in pairs of copies is the same already, but for some levels on average,
    however little there is.
    """
    found = np.empty(len(pairs), bool)
    for start in range(0, len(pairs), _READ):
        first, second = (copies[pairs[start : start + _READ, n]].astype(np.int16) for n in (0, 1))
        found[start : start + _READ] = np.abs(first - second).mean((1, 2)) < levels
    return found
