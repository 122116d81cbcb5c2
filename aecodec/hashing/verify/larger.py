"""Verdicts by copies as large as pictures are, up to `LARGE`, from where small ones lie."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image

from aecodec.hashing.verify import align
from aecodec.hashing.verify.decide import IN_PLACES, Sizes, Verdict, decide
from aecodec.hashing.verify.judge import Findings, examine
from aecodec.hashing.verify.places import MORE_STEPS

SMALL = 128
"""Pixels a side at which every pair is judged; what a thumbnail has."""
LARGE = 512
"""Pixels a side at which pages, charts and the like are judged again."""

_SIDES = (192, 256, 384, LARGE)
_STEPS, _STEPS_QUICKLY = 4, 2  # of refining, at each side
_AT_ONCE = 2**18  # pixels that are worked on together
_NEARLY, _NEARLY_ODD = 0.6, 0.1  # what large copies explain then, and their share of odd windows

Pair = tuple[Image.Image, Image.Image]


def larger(
    pairs: Sequence[Pair], sizes: Sequence[Sizes], smalls: Sequence[Verdict], quick: bool
) -> list[Verdict]:
    """Verdicts on pairs that nobody looks at any closer.

    Args:
        pairs: RGB pictures.
        sizes: of the files' pictures.
        smalls: verdicts by small copies; all of them have maps.
        quick: as `explain_pairs` takes it.
    """
    found = list(smalls)
    limits = [_limit(pair, small) for pair, small in zip(pairs, smalls, strict=True)]
    open_rows = set(range(len(pairs)))
    for side in (SMALL, *_SIDES):
        for barred in (False, True):
            rows = [
                n
                for n in sorted(open_rows)
                if smalls[n].barred == barred and side in _sides(limits[n])
            ]
            some = max(1, _AT_ONCE // side**2)
            for start in range(0, len(rows), some):
                chosen = rows[start : start + some]
                judged = _judged(
                    [pairs[n] for n in chosen],
                    [sizes[n] for n in chosen],
                    [found[n] for n in chosen],
                    [side >= limits[n] for n in chosen],
                    side,
                    _STEPS_QUICKLY if quick else _STEPS,
                    barred,
                )
                for n, verdict in zip(chosen, judged, strict=True):
                    found[n] = verdict
                    if not verdict.same and verdict.sure:
                        open_rows.discard(n)
    return found


def _limit(pair: Pair, small: Verdict) -> int:
    """Pixels a side that are worth a look: as large as the one is that has fewer of them of what
    both show.
    """
    part, whole = pair if small.piece == "a" else pair[::-1]
    reach = float(torch.det(torch.tensor(small.maps)[:, :2]).abs().sqrt())
    return min(LARGE, max(part.size), round(max(whole.size) * reach))


def _sides(limit: int) -> tuple[int, ...]:
    """Of the copies that are looked at, up to a limit."""
    if limit <= SMALL:
        return (SMALL,)
    last = next(side for side in _SIDES if limit <= side)
    return (last,) if last <= 256 else (256, last)


def _judged(
    pairs: Sequence[Pair],
    sizes: Sequence[Sizes],
    known: Sequence[Verdict],
    final: Sequence[bool],
    side: int,
    steps: int,
    barred: bool,
) -> list[Verdict]:
    """Verdicts by copies of one size, made finer from where others lie; `barred` as `examine`
    takes it.
    """
    firsts = [int(verdict.piece == "b") for verdict in known]
    part, whole = (
        align.squares([pair[n ^ k] for pair, n in zip(pairs, firsts, strict=True)], side)
        for k in (0, 1)
    )
    own_sizes = [size[n] for size, n in zip(sizes, firsts, strict=True)]
    shapes = torch.tensor([width / height for width, height in own_sizes])
    maps = torch.tensor([verdict.maps for verdict in known])
    found = list(known)

    def judge(rows: Sequence[int]) -> list[Findings]:
        findings = examine(part[rows], whole[rows], maps[rows], barred)
        for n, finding in zip(rows, findings, strict=True):
            found[n] = decide(finding, maps[n], sizes[n], known[n].piece, final=final[n])
        return findings

    def refine(rows: Sequence[int], count: int) -> None:
        near, far = (align.outlines(align.grey(picture[rows])) for picture in (part, whole))
        if barred:
            maps[rows] = align.refine_if_better(near, far, maps[rows], count, shapes[rows])
        else:
            maps[rows] = align.refine(near, far, maps[rows], count)

    if side == SMALL:
        judge(range(len(pairs)))
        return found
    # As they are, or turned: most need nothing more.
    plain = (maps == maps.round()).all(2).all(1).nonzero()[:, 0].tolist()
    if plain:
        judge(plain)
    left = [n for n in range(len(pairs)) if n not in plain or not found[n].same]
    if left:
        refine(left, steps)
        findings = judge(left)
        close = [
            n
            for n, one in zip(left, findings, strict=True)
            if final[n]
            and found[n].reason == IN_PLACES
            and one.explained > _NEARLY
            and one.odd < _NEARLY_ODD
        ]
        if close:
            refine(close, MORE_STEPS)
            judge(close)
    return found
