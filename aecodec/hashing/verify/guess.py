"""First guesses of where one picture lies in another, quick enough for millions of pairs.

Pictures are squares of 32 by 32 grey pixels. A whole is sampled at 16 by 16 places, as it is and
turned a little, and so is every window of some sizes in it; a part is compared with all of these,
in its eight orientations or, with windows, as it is and mirrored. What is compared are outlines of
mean 0 and norm 1, so that all correlations of a whole and its parts are one product of
matrices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from aecodec.hashing.copies import SIDE, Copies
from aecodec.hashing.verify.align import FLAT, inverse, orientations, outlines, warp
from aecodec.hashing.verify.each import each

_SAMPLES = 16  # a side, of a window
_TURNS = (0.0, 8.0, -8.0, 15.0, -15.0)  # degrees
_SIZES = (0.92, 0.84, 0.76, 0.68, 0.6, 0.5)  # of a window: so much of the side that it fits into
_APART, _APART_COARSELY = 1 / 8, 1 / 6  # of a window's side, from one to the next
_SHAPE = 1.2  # ratio of the proportions of pictures between which windows are alike
_LONGEST_SHAPE = 6  # steps of that, at most
_MIRRORED = (0, 4)  # of the orientations: as it is, and mirrored
_WHOLE, _PIECES = 3, 2  # guesses kept of each kind
_WHOLES, _PARTS = 32, 512  # worked on together
_MANY = 12  # pictures, for which a matrix is worth its size

Array = npt.NDArray[Any]


def likeness(
    copies: Copies,
    sizes: Array,
    pairs: Array,
    progress: Callable[[int, int], None] = lambda done, total: None,
    coarsely: bool = False,
) -> npt.NDArray[np.float32]:
    """The greatest correlation of each pair, wherever one lies in the other; -1 to 1.

    Args:
        copies: of pictures, (N, 32, 32).
        sizes: of the pictures themselves, (N, 2): width, height.
        pairs: positions (P, 2).
        progress: told (looks done, of how many).
        coarsely: with fewer windows, which takes a quarter less.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    apart = _APART_COARSELY if coarsely else _APART
    wholes, parts = np.concatenate([first, second]), np.concatenate([second, first])
    found, done = np.full(len(wholes), -1, np.float32), 0
    standard = _standard_samples(copies)

    def look(rows: Array, sample: Callable[[Tensor], Tensor], turns: Sequence[int]) -> None:
        nonlocal done
        orders = _orders()[list(turns)]

        @torch.inference_mode()
        def compare(batch: tuple[Array, Array]) -> int:
            own, some = batch
            samples = sample(_outlines_of(copies[own]))
            # Of every copy that is a part there are several wholes.
            compared = torch.from_numpy(standard[parts[rows[some]]]).float()[..., orders]
            scores = _correlations(samples, compared.reshape(len(own), -1, _SAMPLES**2)).amax(1)
            best = scores.reshape(*some.shape, len(turns)).amax(2).numpy()
            found[rows[some]] = np.maximum(found[rows[some]], best)
            return len(np.unique(some))

        for pairs_done in each(compare, _by_whole(wholes[rows])):
            done += pairs_done
            progress(done, 3 * len(pairs))

    for shape, rows in _by_shape(_shape(sizes[first])):
        look(rows, partial(_turned, shape), range(8))
    for shape, rows in _by_shape(_shape(sizes[parts], sizes[wholes])):
        look(rows, partial(_windowed, _windows(shape, apart=apart)), _MIRRORED)
    return found.reshape(2, -1).max(0)


@torch.inference_mode()
def plain_guesses(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """The best of the eight orientations (P, 2, 3) in which all of the second lies on all of the
    first of pairs; and correlations (P,).

    Args:
        first, second: outlines (P, 1, 32, 32).
    """
    samples = avg_pool2d(first, SIDE // _SAMPLES).flatten(2)
    found = _best(samples, _oriented(second, range(8)), torch.eye(2, 3)[None], range(8), 1)
    return found[0][:, 0], found[1][:, 0]


@torch.inference_mode()
def whole_guesses(first: Tensor, second: Tensor, sizes: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """The best maps (P, 3, 2, 3) from all of the second to all of the first of pairs, turned a
    little or not; and correlations (P, 3).

    Args:
        first, second: outlines (P, 1, 32, 32).
        sizes: ((width, height), (width, height)) of each pair's pictures.
    """
    maps, scores = torch.empty(len(first), _WHOLE, 2, 3), torch.empty(len(first), _WHOLE)
    own = np.array(sizes, dtype=float).reshape(-1, 2, 2)[:, 0]
    for shape, rows in _by_shape(_shape(own)):
        samples, parts = _turned(shape, first[rows]), _oriented(second[rows], range(8))
        maps[rows], scores[rows] = _best(samples, parts, _turned_maps(shape), range(8), _WHOLE)
    return maps, scores


@torch.inference_mode()
def window_guesses(
    first: Tensor, second: Tensor, sizes: Sequence[Any], least: float = 0
) -> tuple[Tensor, Tensor]:
    """The same for all of the one that lies in a window of the other, two each way: (P, 4, 2, 3)
    and (P, 4). Windows have at least a share of the side that they fit into.
    """
    both = np.array(sizes, dtype=float).reshape(-1, 2, 2)
    maps, scores = torch.empty(len(first), 2 * _PIECES, 2, 3), torch.empty(len(first), 2 * _PIECES)
    for n, (whole, part) in enumerate(((first, second), (second, first))):
        place = slice(n * _PIECES, (n + 1) * _PIECES)
        for shape, rows in _by_shape(_shape(both[:, 1 - n], both[:, n])):
            windows = _windows(shape, least)
            samples, parts = _windowed(windows, whole[rows]), _oriented(part[rows], _MIRRORED)
            chosen, score = _best(samples, parts, windows.maps, _MIRRORED, _PIECES)
            maps[rows, place] = inverse(chosen) if n else chosen
            scores[rows, place] = score
    return maps, scores


def _best(
    samples: Tensor, parts: Tensor, maps: Tensor, turns: Sequence[int], keep: int
) -> tuple[Tensor, Tensor]:
    """The best of samples (P, K, 256), taken by maps (K, 2, 3), for parts (P, turns, 256)."""
    scores = _correlations(samples, parts).flatten(1)
    best = scores.topk(keep, dim=1)
    chosen = maps[best.indices // len(turns)]
    turned = orientations()[list(turns)][best.indices % len(turns)]
    return torch.cat([chosen[..., :2] @ turned, chosen[..., 2:]], -1), best.values


def _by_shape(shapes: Array) -> Iterator[tuple[int, Array]]:
    for shape in np.unique(shapes):
        yield int(shape), np.flatnonzero(shapes == shape)


def _by_whole(wholes: Array) -> Iterator[tuple[Array, Array]]:
    """Some wholes (W,), and positions (W, M) of their pairs; of fewer pairs some are repeated."""
    order = np.argsort(wholes, kind="stable")
    own, starts, counts = np.unique(wholes[order], return_index=True, return_counts=True)
    by_count = np.argsort(-counts, kind="stable")
    start = 0
    while start < len(own):
        most = int(counts[by_count[start]])
        some = by_count[start : start + max(1, min(_WHOLES, _PARTS // most))]
        start += len(some)
        ranks = np.minimum(np.arange(most), counts[some][:, None] - 1)
        yield own[some], order[starts[some][:, None] + ranks]


# ---- samples -----------------------------------------------------------------------------


def _outlines_of(copies: Copies) -> Tensor:
    return outlines(torch.from_numpy(copies)[:, None].float() / 255)


def _correlations(samples: Tensor, parts: Tensor) -> Tensor:
    """Of samples (N, K, 256) with parts (N, M, 256) of mean 0 and norm 1: (N, K, M)."""
    power = samples.norm(dim=2).square() - samples.sum(2).square() / _SAMPLES**2
    size = power.clamp_min((FLAT * _SAMPLES) ** 2).sqrt()
    return (samples @ parts.transpose(1, 2)) / size[:, :, None]


def _oriented(pictures: Tensor, turns: Sequence[int]) -> Tensor:
    """`_standard` of outlines (N, 1, 32, 32) in some of the orientations, (N, turns, 256)."""
    return _standard(pictures)[:, _orders()[list(turns)]]


def _standard(pictures: Tensor) -> Tensor:
    """Samples (N, 256) of outlines (N, 1, 32, 32), of mean 0 and norm 1, or less where they are
    flat.
    """
    samples = avg_pool2d(pictures, SIDE // _SAMPLES).flatten(1)
    centred = samples - samples.mean(1, keepdim=True)
    return centred / centred.norm(dim=1, keepdim=True).clamp_min(FLAT * _SAMPLES)


def _standard_samples(copies: Copies) -> npt.NDArray[np.float16]:
    """`_standard` of copies (N, 32, 32): (N, 256)."""
    found = np.empty((len(copies), _SAMPLES**2), np.float16)

    @torch.inference_mode()
    def fill(some: slice) -> None:
        found[some] = _standard(_outlines_of(np.array(copies[some]))).numpy()

    starts = range(0, len(copies), _PARTS)
    for _ in each(fill, [slice(start, start + _PARTS) for start in starts]):
        pass
    return found


@cache
def _orders() -> Tensor:
    """Where in 256 samples each sample of the eight orientations comes from, (8, 256)."""
    places = torch.arange(_SAMPLES**2, dtype=torch.float32).reshape(1, 1, _SAMPLES, _SAMPLES)
    maps = torch.cat([orientations().transpose(1, 2), torch.zeros(8, 2, 1)], 2)
    return warp(places.expand(8, -1, -1, -1), maps).flatten(1).round().long()


@cache
def _turned_maps(shape: int) -> Tensor:
    """(5, 2, 3): of pictures that are squashed to squares."""
    wide = _SHAPE**shape
    found = []
    for turn in _TURNS:
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        found.append([[c, -s / wide, 0], [s * wide, c, 0]])
    return torch.tensor(found)


@cache
def _turning(shape: int) -> Tensor:
    """(1024, turns * 256): what samples of turned pictures are made of."""
    places = torch.eye(SIDE**2).reshape(-1, 1, SIDE, SIDE)
    turned = [
        avg_pool2d(warp(places, maps.expand(len(places), -1, -1)), SIDE // _SAMPLES).flatten(1)
        for maps in _turned_maps(shape)
    ]
    return torch.cat(turned, 1)


def _turned(shape: int, pictures: Tensor) -> Tensor:
    """Samples (N, 5, 256) of outlines (N, 1, 32, 32), turned a little; of pictures that wide."""
    count = len(pictures)
    if count >= _MANY:
        return (pictures.flatten(1) @ _turning(shape)).reshape(count, len(_TURNS), -1)
    # The matrix is large.
    maps = _turned_maps(shape).repeat(count, 1, 1)
    turned = warp(pictures.repeat_interleave(len(_TURNS), 0), maps)
    return avg_pool2d(turned, SIDE // _SAMPLES).reshape(count, len(_TURNS), -1)


@dataclass(frozen=True)
class _Windows:
    """Windows of wholes, for parts of one shape.

    Attributes:
        rows, columns: for each size, what the samples of its windows are made of: matrices
            (windows * 16, 32).
        maps: of all windows, (K, 2, 3).
    """

    rows: list[Tensor]
    columns: list[Tensor]
    maps: Tensor


def _shape(part: Array, whole: Array | None = None) -> npt.NDArray[np.int64]:
    """Of sizes (N, 2), how much wider the parts' proportions are than the wholes', or than a
    square, in steps.
    """
    wider = part[:, 0] / part[:, 1] * (1 if whole is None else whole[:, 1] / whole[:, 0])
    steps = np.rint(np.log(wider) / math.log(_SHAPE)).astype(np.int64)
    return steps.clip(-_LONGEST_SHAPE, _LONGEST_SHAPE)


@cache
def _windows(shape: int, least: float = 0, apart: float = _APART) -> _Windows:
    wider = _SHAPE**shape
    rows, columns, maps = [], [], []
    for size in _SIZES if shape == 0 else (1.0, *_SIZES):
        if size < least:
            continue
        across = _spans(size * min(1.0, wider), apart)
        down = _spans(size * min(1.0, 1 / wider), apart)
        columns.append(torch.cat([sampling(_SAMPLES, *span) for span in across]))
        rows.append(torch.cat([sampling(_SAMPLES, *span) for span in down]))
        maps += [
            [[right - left, 0, left + right - 1], [0, bottom - top, top + bottom - 1]]
            for top, bottom in down
            for left, right in across
        ]
    return _Windows(rows, columns, torch.tensor(maps))


def _spans(extent: float, apart: float) -> list[tuple[float, float]]:
    """Where windows of a side's share begin and end."""
    count = 1 + math.ceil((1 - extent) / (extent * apart) - 1e-9)
    return [(float(low), float(low) + extent) for low in np.linspace(0, 1 - extent, count)]


def sampling(count: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """(count, 32): means of the pixels between the two."""
    edges = torch.linspace(low * SIDE, high * SIDE, count + 1)[:, None]
    pixels = torch.arange(SIDE)
    covered = (torch.minimum(edges[1:], pixels + 1) - torch.maximum(edges[:-1], pixels)).clamp_min(
        0
    )
    return covered / covered.sum(1, keepdim=True)


def _windowed(windows: _Windows, pictures: Tensor) -> Tensor:
    """Samples (N, K, 256) of all windows of outlines (N, 1, 32, 32)."""
    found, start = torch.empty(len(pictures), len(windows.maps), _SAMPLES, _SAMPLES), 0
    for rows, columns in zip(windows.rows, windows.columns, strict=True):
        taken = rows @ pictures[:, 0] @ columns.T
        down, across = len(rows) // _SAMPLES, len(columns) // _SAMPLES
        taken = taken.reshape(len(pictures), down, _SAMPLES, across, _SAMPLES).transpose(2, 3)
        place = found[:, start : start + down * across]
        place.view(len(pictures), down, across, _SAMPLES, _SAMPLES).copy_(taken)
        start += down * across
    return found.flatten(2)
