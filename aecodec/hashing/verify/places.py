"""From guesses of where one picture lies in the other to maps that are exact enough to judge by."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from aecodec.hashing.copies import SIDE
from aecodec.hashing.verify import align
from aecodec.hashing.verify.rough import strangeness

Level = tuple[int, int, int, float, float]

LEVELS: tuple[Level, ...] = (
    (SIDE, 6, 4, 0.48, 0.52),
    (64, 5, 2, 0.48, 0.5),
    (128, 4, 2, 0.46, 1.0),
)
"""Pixels a side, steps of refining, guesses kept, the correlation of outlines that a pair needs to
be looked at any closer, and the `strangeness` of copies of `SIDE` pixels beyond which a place is
dropped."""
QUICK_LEVELS: tuple[Level, ...] = (
    (SIDE, 4, 2, 0.5, 0.34),
    (64, 2, 1, 0.55, 0.32),
    (128, 2, 1, 0.46, 1.0),
)
"""Where most pairs are alike by chance. These limits lost none of 3,000 copies of 192 pixels, so
few steps and guesses two of 1,828 that more had found (6 and 5 steps, 3 guesses)."""
MORE_STEPS, MORE_STEPS_QUICKLY = 8, 3
"""Of refining, where copies nearly explain each other."""
_HARDLY_STRETCHED = 1.1
_WORSE, _WORSE_QUICKLY = 0.2, 0.08  # than the best: by so much guesses of a pair are dropped


def likely_places(
    chosen: Tensor, guesses: Tensor, scores: Tensor, quick: bool = False
) -> tuple[Tensor, Tensor]:
    """Guesses that are worth a look: pairs (G,), ascending, and maps (G, 2, 3).

    Args:
        chosen: pairs to look at, ascending.
        guesses, scores: of these pairs, (P, K, 2, 3) and (P, K).
        quick: fewer.
    """
    kept = scores > scores.amax(1, keepdim=True) - (_WORSE_QUICKLY if quick else _WORSE)
    # As they are, too: what is smooth has hardly any outlines to go by.
    plain = torch.eye(2, 3)
    there = ((guesses - plain).abs().amax((2, 3)) < 1e-3) & kept
    guesses = torch.cat([guesses, plain.expand(len(guesses), 1, 2, 3)], 1)
    kept = torch.cat([kept, ~there.any(1, keepdim=True)], 1)
    return chosen[kept.nonzero()[:, 0]], guesses[kept]


def finer(
    pictures: Iterable[Tensor],
    rows: Tensor,
    maps: Tensor,
    level: Level,
) -> tuple[Tensor, Tensor, Tensor]:
    """What is left of places, made finer by copies of one of `LEVELS`, of each pair the best first:
    pairs (G,), ascending, maps from b to a (G, 2, 3), and correlations (G,).

    Args:
        pictures: RGB squares of all pairs.
        rows, maps: likewise.
        level: one of `LEVELS`.
    """
    side, steps, keep, least, strangest = level
    if not len(rows):
        return rows, maps, torch.empty(0)
    left, place = rows.unique(return_inverse=True)
    small = [
        reduced(picture if len(left) == len(picture) else picture.index_select(0, left), side)
        for picture in pictures
    ]
    a, b = (align.outlines(align.grey(picture))[place] for picture in small)
    # Refined in the direction in which the part is the smaller: all of it is then seen.
    second = torch.det(maps[:, :, :2]).abs() <= 1
    part, whole, maps = part_and_whole(a, b, maps, second)
    maps = align.refine(part, whole, maps, steps)
    usable = torch.det(maps[:, :, :2]).abs() > 0.02
    maps = torch.where(usable[:, None, None], maps, torch.eye(2, 3))
    score = align.correlation(part, whole, maps)
    maps = torch.where(second[:, None, None], maps, align.inverse(maps))
    order = np.lexsort((-score.numpy(), rows.numpy()))
    rows, maps, score = rows[order], maps[order], score[order]
    new = ~_repeated(rows, maps, 1 / side)
    rows, maps, score = rows[new], maps[new], score[new]
    rank = ranks(rows)
    best = score[torch.arange(len(rows)) - rank]
    alive = (best > least) & (rank < keep) & (score > best - _WORSE)
    rows, maps, score = rows[alive], maps[alive], score[alive]
    if strangest < 1 and len(rows):
        place = torch.searchsorted(left, rows)
        a, b = (picture.index_select(0, place) for picture in small)
        second = torch.det(maps[:, :, :2]).abs() <= 1
        possible = strangeness(*part_and_whole(a, b, maps, second)) <= strangest
        rows, maps, score = rows[possible], maps[possible], score[possible]
    return rows, maps, score


def _repeated(rows: Tensor, maps: Tensor, apart: float) -> Tensor:
    """Which maps of a pair (ascending) lie as one before them does, (G,)."""
    found = torch.zeros(len(rows), dtype=torch.bool)
    for before in range(1, int(ranks(rows).max()) + 1):
        near = (maps[before:] - maps[:-before]).abs().amax((1, 2)) < apart
        found[before:] |= (rows[before:] == rows[:-before]) & near
    return found


def closer(
    part: Tensor, whole: Tensor, maps: Tensor, second: Tensor, sizes: Tensor, steps: int
) -> Tensor:
    """Better maps (N, 2, 3) from parts to wholes (N, 3, S, S) that nearly are right.

    Where they hardly stretch, they shall not at all: what is smooth has little to hold all of a
    map by.

    Args:
        second: whether the part is the second of a pair.
        sizes: of the two pictures of each, width and height, (N, 2, 2).
        steps: of refining.
    """
    turn = second[:, None]
    part_size, whole_size = (torch.where(turn, sizes[:, 1 - n], sizes[:, n]) for n in (0, 1))
    near, far = (align.outlines(align.grey(picture)) for picture in (part, whole))
    moved, stretch = align.similar(maps, part_size, whole_size)
    moves = stretch < _HARDLY_STRETCHED
    maps = torch.where(moves[:, None, None], moved, maps)
    shapes = part_size[:, 0] / part_size[:, 1]
    for rows, own in ((moves, shapes), (~moves, None)):
        if rows.any():
            kept = None if own is None else own[rows]
            maps[rows] = align.refine(near[rows], far[rows], maps[rows], steps, kept)
    return maps


def small_grey(pictures: Tensor, side: int) -> Tensor:
    """Squares (N, 3, S, S) as grey ones (N, 1, side, side)."""
    return reduced(align.grey(pictures), side)


def reduced(pictures: Tensor, side: int) -> Tensor:
    """Squares (N, C, S, S) as smaller ones (N, C, side, side)."""
    if pictures.shape[-1] == side:
        return pictures
    # Quicker than `avg_pool2d`, which is not vectorised.
    step = pictures.shape[-1] // side
    first, *others = (pictures[..., row::step, :] for row in range(step))
    rows = first + others[0]
    for other in others[1:]:
        rows += other
    return rows @ _reducing(pictures.shape[-1], side)


@cache
def _reducing(side: int, smaller: int) -> Tensor:
    """(side, smaller): means of neighbours, of rows that were added up."""
    step = side // smaller
    return torch.eye(smaller).repeat_interleave(step, 0) / step**2


def ranks(rows: Tensor) -> Tensor:
    """Of each of some ascending numbers, how many equal ones are before it."""
    _, counts = rows.unique_consecutive(return_counts=True)
    first = (counts.cumsum(0) - counts).repeat_interleave(counts)
    return torch.arange(len(rows)) - first


def part_and_whole(
    a: Tensor, b: Tensor, maps: Tensor, second: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Part, whole and the map between them, of maps from b to a; `second` where b is the part."""
    turn = second[:, None, None, None]
    directed = torch.where(second[:, None, None], maps, align.inverse(maps))
    return torch.where(turn, b, a), torch.where(turn, a, b), directed
