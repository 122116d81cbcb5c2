"""Verdicts on pairs of pictures: guess where one lies in the other, refine, judge what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageStat
from torch import Tensor
from torch.nn.functional import avg_pool2d

from aecodec.hashing.duplicates import EQUAL
from aecodec.hashing.verify import align
from aecodec.hashing.verify.guess import SIDE, guess
from aecodec.hashing.verify.judge import Findings, examine

SMALL = 128
"""Pixels a side at which every pair is judged; what a thumbnail has."""
LARGE = 512
"""Pixels a side at which pages, charts and the like are judged again."""

TINY = 32
"""Pixels a side, up to which pictures are the same only where they are equal."""

_BATCH = 32  # pairs worked on together
_LEVELS = ((SIDE, 6, 4, 0.44), (64, 5, 2, 0.44), (SMALL, 4, 2, 0.42))
"""Pixels a side, steps of refining, guesses kept, and the correlation of outlines that a pair needs
to be looked at any closer."""
_ALIKE = 0.9  # correlation of small copies above which pictures may lie on each other as they are
_WORSE = 0.2  # than the best: by so much guesses of a pair are dropped
_RECOLOURED = 0.2  # of [0, 1]: by so much colours may change where there are few of them
_FLAT = 0.008  # deviation, of [0, 1], of what counts as single-coloured


@dataclass(frozen=True)
class Verdict:
    """Whether two pictures show the same.

    Attributes:
        same: one of them, altered, explains the other.
        reason: what was done to the first to have the second, or what speaks against it.
        sure: the copies were large enough to tell; if not, larger ones may say otherwise.
        piece: which is the part of the other, "a" or "b"; nothing where none was found.
        maps: from the part to the whole, as `torch.nn.functional.affine_grid` takes it; None
            where nothing was found.
    """

    same: bool
    reason: str
    sure: bool = True
    piece: str = ""
    maps: tuple[tuple[float, ...], ...] | None = None


Pair = tuple[Image.Image, Image.Image]
Sizes = tuple[tuple[int, int], tuple[int, int]]


def explains(a: Image.Image, b: Image.Image) -> Verdict:
    """Whether one picture is an altered copy of the other, judged by all that both have.

    RGB and of any size, as `preview_of` makes them.
    """
    (verdict,) = explain_pairs([(a, b)], full=True)
    return verdict


@torch.inference_mode()
def explain_pairs(
    pairs: Sequence[Pair], *, sizes: Sequence[Sizes] | None = None, full: bool = False
) -> list[Verdict]:
    """The same for many pairs.

    Args:
        pairs: RGB pictures.
        sizes: of the files' pictures (width, height), where these are smaller copies.
        full: these are the pictures themselves, and not thumbnails: judge what small copies cannot
            tell at `LARGE`, too, and be sure.
    """
    sizes = sizes or [(a.size, b.size) for a, b in pairs]
    found: list[Verdict] = []
    for start in range(0, len(pairs), _BATCH):
        some = slice(start, start + _BATCH)
        found += _batch(pairs[some], sizes[some], full)
    return found


def _batch(pairs: Sequence[Pair], sizes: Sequence[Sizes], full: bool) -> list[Verdict]:
    verdicts = [_plainly(*pair, size, full) for pair, size in zip(pairs, sizes, strict=True)]
    open_rows = [n for n, verdict in enumerate(verdicts) if verdict is None]
    if open_rows:
        aligned = _aligned([pairs[n] for n in open_rows], [sizes[n] for n in open_rows])
        for n, verdict in zip(open_rows, aligned, strict=True):
            if full and not verdict.sure:
                verdict = _large(pairs[n], sizes[n], verdict)
            verdicts[n] = verdict
    return [verdict for verdict in verdicts if verdict is not None]


def _plainly(a: Image.Image, b: Image.Image, sizes: Sizes, full: bool) -> Verdict | None:
    """The verdict where no looking for the place is needed."""
    same_size = sizes[0] == sizes[1]
    if full and same_size and np.array_equal(np.asarray(a), np.asarray(b)):
        return Verdict(True, EQUAL)
    flat = [is_plain(a), is_plain(b)]
    if any(flat) and not all(flat):
        return Verdict(False, "one is of a single colour")
    tiny = min(max(size) for size in sizes) <= TINY
    if not tiny and not any(flat):
        return None
    means = (np.array(ImageStat.Stat(picture).mean) for picture in (a, b))
    near = bool(np.abs(np.subtract(*means)).max() < 4)
    if near and same_size and not full:
        return Verdict(True, "equal, perhaps", sure=False)
    what = "tiny" if tiny else "of a single colour"
    return Verdict(False, f"they are {what}, and not equal")


def is_plain(picture: Image.Image) -> bool:
    """Whether an RGB picture is of a single colour; such are the same only where they are equal."""
    return max(ImageStat.Stat(picture).stddev) < 255 * _FLAT


def squares(images: Sequence[Image.Image], side: int) -> Tensor:
    """float32 (N, 3, side, side), 0 to 1."""
    resized = [image.resize((side, side), Image.Resampling.BILINEAR) for image in images]
    pixels = np.stack([np.asarray(image, dtype=np.float32) for image in resized])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255


def _aligned(pairs: Sequence[Pair], sizes: Sequence[Sizes]) -> list[Verdict]:
    """Verdicts by copies of `SMALL` pixels a side."""
    verdicts = [Verdict(False, "they show different things")] * len(pairs)
    pictures = [squares([pair[k] for pair in pairs], SMALL) for k in (0, 1)]
    guesses, scores = guess(_grey(pictures[0], SIDE), _grey(pictures[1], SIDE), sizes)

    def look(rows: Tensor, maps: Tensor, backward: bool = False) -> None:
        if not len(rows):
            return
        a, b = (picture[rows] for picture in pictures)
        # With the smaller of the two as the part, or the other way round.
        second = (torch.det(maps[:, :, :2]).abs() <= 1) != backward
        part, whole, directed = _directed(a, b, maps, second)
        found = examine(part, whole, directed)
        for place, n in enumerate(rows.tolist()):
            piece = "b" if second[place] else "a"
            verdict = _decide(found[place], directed[place], sizes[n], piece)
            verdicts[n] = min(verdicts[n], verdict, key=lambda v: (not v.same, v.sure))

    # Most copies were only scaled or compressed: they lie on each other as they are.
    best = scores.argmax(1)
    first = guesses[torch.arange(len(pairs)), best]
    plain = (first == first.round()).flatten(1).all(1) & (scores.amax(1) > _ALIKE)
    look(plain.nonzero()[:, 0], first[plain])
    open_rows = torch.tensor([n for n, v in enumerate(verdicts) if not v.same], dtype=torch.long)
    rows, maps = _places(pictures, open_rows, guesses, scores)
    rank = _rank(rows)
    for number, backward in ((0, False), (0, True), (1, False), (1, True)):
        left = torch.tensor([not verdicts[n].same for n in rows.tolist()], dtype=torch.bool)
        chosen = left & (rank == number)
        look(rows[chosen], maps[chosen], backward)
    return verdicts


def _places(
    pictures: Sequence[Tensor], chosen: Tensor, guesses: Tensor, scores: Tensor
) -> tuple[Tensor, Tensor]:
    """Guesses that are left, of each pair the best first: pairs (G,), ascending, and maps from b
    to a (G, 2, 3).

    Args:
        pictures: of all pairs.
        chosen: pairs to look at.
        guesses, scores: of all pairs.
    """
    kept = scores > scores.amax(1, keepdim=True) - _WORSE
    # As they are, too: what is smooth has hardly any outlines to go by.
    plain = torch.eye(2, 3)
    there = ((guesses - plain).abs().amax((2, 3)) < 1e-3) & kept
    guesses = torch.cat([guesses, plain.expand(len(guesses), 1, 2, 3)], 1)
    kept = torch.cat([kept, ~there.any(1, keepdim=True)], 1)
    wanted = torch.zeros(len(kept), 1, dtype=torch.bool)
    wanted[chosen] = True
    rows, maps = (kept & wanted).nonzero()[:, 0], guesses[kept & wanted]
    for side, steps, keep, least in _LEVELS:
        if not len(rows):
            break
        # Only of those pairs that are left.
        left, place = rows.unique(return_inverse=True)
        a, b = (align.outlines(_grey(picture[left], side))[place] for picture in pictures)
        # Refined in the direction in which the part is the smaller: all of it is then seen.
        second = torch.det(maps[:, :, :2]).abs() <= 1
        part, whole, maps = _directed(a, b, maps, second)
        maps = align.refine(part, whole, maps, steps)
        usable = torch.det(maps[:, :, :2]).abs() > 0.02
        maps = torch.where(usable[:, None, None], maps, torch.eye(2, 3))
        score = align.correlation(part, whole, maps)
        maps = torch.where(second[:, None, None], maps, align.inverse(maps))
        order = np.lexsort((-score.numpy(), rows.numpy()))
        rows, maps, score = rows[order], maps[order], score[order]
        best = torch.full((len(kept),), -1.0).scatter_reduce(0, rows, score, "amax")[rows]
        alive = (best > least) & (_rank(rows) < keep) & (score > best - _WORSE)
        rows, maps = rows[alive], maps[alive]
    return rows, maps


def _grey(pictures: Tensor, side: int) -> Tensor:
    """Squares (N, 3, SMALL, SMALL) as grey ones (N, 1, side, side)."""
    return align.grey(avg_pool2d(pictures, pictures.shape[-1] // side))


def _rank(rows: Tensor) -> Tensor:
    """Of each of some ascending numbers, how many equal ones are before it."""
    _, counts = rows.unique_consecutive(return_counts=True)
    first = (counts.cumsum(0) - counts).repeat_interleave(counts)
    return torch.arange(len(rows)) - first


def _directed(a: Tensor, b: Tensor, maps: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Part, whole and the map between them, of maps from b to a; `second` where b is the part."""
    turn = second[:, None, None, None]
    directed = torch.where(second[:, None, None], maps, align.inverse(maps))
    return torch.where(turn, b, a), torch.where(turn, a, b), directed


def _large(pair: Pair, sizes: Sizes, small: Verdict) -> Verdict:
    """The verdict by copies of up to `LARGE` pixels a side, from where the small ones lie."""
    assert small.maps is not None
    first = 0 if small.piece == "a" else 1
    images = pair[first], pair[1 - first]
    maps = torch.tensor([small.maps])
    reach = float(torch.det(maps[0, :, :2]).abs().sqrt())
    # As large as the one is that has fewer pixels of what both show.
    longest = min(max(images[0].size), round(max(images[1].size) * reach))
    side, verdict = SMALL, small
    while side < min(LARGE, longest):
        side = min(2 * side, LARGE)
        part, whole = (squares([image], side) for image in images)
        near, far = (align.outlines(align.grey(square)) for square in (part, whole))
        maps = align.refine(near, far, maps, 4)
        (findings,) = examine(part, whole, maps)
        final = side >= min(LARGE, longest)
        verdict = _decide(findings, maps[0], sizes, small.piece, final=final)
        if not verdict.same and verdict.sure:
            break
    if side > SMALL:
        return verdict
    part, whole = (squares([image], SMALL) for image in images)
    (findings,) = examine(part, whole, maps)
    return _decide(findings, maps[0], sizes, small.piece, final=True)


# ---- the decision --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """What a map does, in pixels of the two pictures.

    Attributes:
        scale: pixels of the whole for one of the part, on average of both directions.
        stretch: ratio of both directions, at least 1.
        skew: cosine of the angle of the axes' images; 0 where they stay at right angles.
        angle: degrees beyond quarter turns, -45 to 45.
        quarter: quarter turns, 0 to 3.
        mirrored: or turned over.
        area: of the whole picture's, what the part covers.
    """

    scale: float
    stretch: float
    skew: float
    angle: float
    quarter: int
    mirrored: bool
    area: float


def geometry(maps: Tensor, part: tuple[int, int], whole: tuple[int, int]) -> Geometry:
    """Of a map (2, 3) between pictures of these sizes."""
    linear = maps[:, :2].double().numpy()
    area = abs(np.linalg.det(linear))
    pixels = np.diag(whole) @ linear @ np.linalg.inv(np.diag(part))
    mirrored = bool(np.linalg.det(pixels) < 0)
    if mirrored:
        pixels = pixels @ np.diag([-1.0, 1.0])
    across, down = pixels[:, 0], pixels[:, 1]
    sizes = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    skew = float(across @ down / (sizes[0] * sizes[1] + 1e-9))
    turn = math.degrees(math.atan2(across[1], across[0]))
    quarter = round(turn / 90)
    return Geometry(
        scale=math.sqrt(sizes[0] * sizes[1]),
        stretch=max(sizes) / max(min(sizes), 1e-9),
        skew=abs(skew),
        angle=turn - 90 * quarter,
        quarter=quarter % 4,
        mirrored=mirrored,
        area=float(area),
    )


def _decide(
    found: Findings, maps: Tensor, sizes: Sizes, piece: str, final: bool = False
) -> Verdict:
    placed = geometry(maps, *(sizes if piece == "a" else sizes[::-1]))
    where = tuple(tuple(row) for row in maps.tolist())
    if against := _impossible(found, placed):
        return Verdict(False, against, True, piece, where)
    against = _against(found, final)
    if against:
        # Small copies lose what fine structure there is, and so make pictures differ.
        unsure = not final and found.explained > 0.6 and found.odd < 0.25
        return Verdict(False, against, not unsure, piece, where)
    # Codes and print without colours are a texture in small copies, as photographs are.
    sure = final or (found.photographic and found.coloured)
    return Verdict(True, _reason(found, placed, piece), sure, piece, where)


def _impossible(found: Findings, placed: Geometry) -> str:
    """Why a place is none, or nothing."""
    if placed.area < 0.15 or placed.area > 2 or placed.stretch > 1.8:
        return "they show different things"
    if placed.skew > 0.12 or abs(placed.angle) > 20:
        return "they show different things"
    if found.covered < 0.6 or (found.covered < 0.97 and found.plain_outside < 0.9):
        return "neither lies within the other"
    return ""


def _against(found: Findings, final: bool) -> str:
    """What speaks against it, or nothing."""
    if found.structure < 0.012:  # what is smooth is only the same where it is equal
        limit = 0.008 if final else 0.016
        return "" if found.difference < limit and found.largest < 3 * limit else "colours differ"
    if min(found.gains) < 0.25 or max(found.gains) > 4:
        return "colours differ"
    if not found.photographic and found.recoloured > _RECOLOURED:
        return "colours differ"
    few, none = (0.04, 0.02) if found.photographic else (0.03, 0.0005)
    if found.explained < 0.75 or found.odd > few or found.stark > none:
        return "they differ in places"
    return ""


def _reason(found: Findings, placed: Geometry, piece: str) -> str:
    """What was done to the first to have the second, in words."""
    words = []
    if placed.mirrored:
        words.append("mirrored")
    if placed.quarter:
        words.append("turned")
    if abs(placed.angle) > 2:
        words.append(f"rotated {abs(placed.angle):.0f} degrees")
    side = math.sqrt(placed.area)
    if side < 0.97:
        words.append(f"cropped to {side:.0%}" if piece == "b" else "in a frame or with bars")
    scale = 1 / placed.scale if piece == "b" else placed.scale
    if placed.stretch > 1.04:
        words.append("stretched")
    elif scale < 0.96:
        parts = 1 / scale
        near = abs(parts - round(parts)) < 0.06
        words.append(f"scaled 1/{round(parts)}" if near else f"scaled to {scale:.0%}")
    elif scale > 1.04:
        words.append(f"enlarged to {scale:.0%}")
    if found.hidden > 0.005:
        words.append("partly covered")
    if found.grey:
        words.append("grey")
    elif not all(0.85 < gain < 1.18 for gain in found.gains) or found.difference > 0.06:
        words.append("colours changed")
    return ", ".join(words) or "compressed again"
