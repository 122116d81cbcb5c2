"""Where one picture lies in the other, and whether it is the same there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import torch
from torch import Tensor

from aecodec.hashing.copies import SIDE
from aecodec.hashing.verify import align
from aecodec.hashing.verify.decide import Sizes, Verdict, decide, is_worth_a_look
from aecodec.hashing.verify.guess import plain_guesses, whole_guesses, window_guesses
from aecodec.hashing.verify.judge import coverage, examine
from aecodec.hashing.verify.places import (
    LEVELS,
    MORE_STEPS,
    MORE_STEPS_QUICKLY,
    QUICK_LEVELS,
    closer,
    finer,
    likely_places,
    ranks,
    small_grey,
)

_ALIKE = 0.9  # correlation of small copies above which pictures may lie on each other as they are
_FIT = 0.7  # correlation of outlines above which places may be exact enough
_CLOSE, _UNLIKELY = 0.5, 0.25  # what copies explain that lie nearly right, and share of odd windows
_HOPELESS, _HOPELESS_QUICKLY = 0.4, 0.2
"""Share of odd windows, above which it does not matter which of the two is the part."""


def laid(pictures: Tensor, sizes: Sequence[Sizes], quick: bool) -> list[Verdict]:
    """Verdicts by copies of the first and of the second of pairs, (2, P, 3, S, S), of `SMALL`
    pixels a side.
    """
    levels, most = (QUICK_LEVELS, _HOPELESS_QUICKLY) if quick else (LEVELS, _HOPELESS)
    steps = MORE_STEPS_QUICKLY if quick else MORE_STEPS
    verdicts = [Verdict(False, "they show different things")] * len(sizes)
    small = [align.outlines(small_grey(picture, SIDE)) for picture in pictures]
    hopeless = torch.zeros(len(sizes), dtype=torch.bool)  # as it was last laid
    nearest: dict[int, tuple[float, Tensor, bool]] = {}  # what explains most
    all_of_them = pictures.flatten(0, 1)

    def look(rows: Tensor, maps: Tensor, backward: bool = False) -> None:
        # With the smaller of the two as the part, or the other way round.
        second = (torch.det(maps[:, :, :2]).abs() <= 1) != backward
        directed = torch.where(second[:, None, None], maps, align.inverse(maps))
        part = all_of_them.index_select(0, rows + len(sizes) * second)
        covers = coverage(part, directed)
        possible = [
            is_worth_a_look(
                *shares, directed[place], *(sizes[n][::-1] if second[place] else sizes[n])
            )
            for place, (n, shares) in enumerate(zip(rows.tolist(), covers, strict=True))
        ]
        if not any(possible):
            return
        if not all(possible):
            rows, second, part, directed = (
                one[torch.tensor(possible)] for one in (rows, second, part, directed)
            )
            covers = [*compress(covers, possible)]
        whole = all_of_them.index_select(0, rows + len(sizes) * ~second)
        found = examine(part, whole, directed, covers=covers)
        hopeless[rows] = torch.tensor([f.covered > 0.6 and f.odd > most for f in found])
        for place, n in enumerate(rows.tolist()):
            piece = "b" if second[place] else "a"
            verdict = decide(found[place], directed[place], sizes[n], piece, quick=quick)
            explained = found[place].explained
            if found[place].odd < _UNLIKELY and explained > nearest.get(n, (_CLOSE,))[0]:
                nearest[n] = explained, directed[place], bool(second[place])
            verdicts[n] = min(verdicts[n], verdict, key=lambda v: (not v.same, v.sure))

    def unlike(rows: Tensor) -> Tensor:
        """Places of the pairs that are not the same yet."""
        return torch.tensor([not verdicts[n].same for n in rows.tolist()]).nonzero()[:, 0]

    # Most copies were only scaled or compressed: they lie on each other as they are.
    plain, score = plain_guesses(*small)
    alike = (score > _ALIKE).nonzero()[:, 0]
    look(alike, plain[alike])
    left = unlike(torch.arange(len(sizes)))
    if not len(left):
        return verdicts
    own, other = (one.index_select(0, left) for one in small)
    of_these = [sizes[n] for n in left.tolist()]
    wholes, windows = (find(own, other, of_these) for find in (whole_guesses, window_guesses))
    guesses, scores = (torch.cat(parts, 1) for parts in zip(wholes, windows, strict=True))
    rows, maps = likely_places(left, guesses, scores, quick)
    for level in levels[:-1]:
        rows, maps, score = finer(pictures, rows, maps, level)
    if not quick:
        # Most lie well enough by now; two more steps are quicker than a look in vain.
        fit = (ranks(rows) == 0) & (score > _FIT)
        look(rows[fit], maps[fit])
    left = unlike(rows)
    rows, maps, _ = finer(pictures, rows[left], maps[left], levels[-1])
    rank = ranks(rows)
    for number, backward in ((0, False), (0, True), (1, False), (1, True)):
        left = unlike(rows)
        chosen = left[rank[left] == number]
        if backward:
            chosen = chosen[~hopeless[rows[chosen]]]
        look(rows[chosen], maps[chosen], backward)
    # What is nearly explained may only not lie quite where it should.
    near = torch.tensor([n for n in nearest if not verdicts[n].same], dtype=torch.long)
    for swapped in (False,) if quick else (False, True):
        rows = near[unlike(near)]
        if not len(rows):
            break
        # With either of the two as the part: on a ground, one way leads nearer than the other.
        second = torch.tensor([nearest[n][2] != swapped for n in rows.tolist()])
        maps = torch.stack([nearest[n][1] for n in rows.tolist()])
        maps = align.inverse(maps) if swapped else maps
        part, whole = (
            all_of_them.index_select(0, rows + len(sizes) * chosen) for chosen in (second, ~second)
        )
        grown = torch.tensor([sizes[n] for n in rows.tolist()], dtype=torch.float32)
        maps = closer(part, whole, maps, second, grown, steps)
        maps = torch.where(second[:, None, None], maps, align.inverse(maps))
        look(rows, maps)
        # As large as each other, either may be the one that shows all of what both do.
        left = unlike(rows)
        look(rows[left], maps[left], backward=True)
    return verdicts
