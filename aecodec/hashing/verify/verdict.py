"""Verdicts on pairs of pictures: guess where one lies in the other, refine, judge what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import compress

import numpy as np
import torch
from PIL import Image, ImageStat
from torch import Tensor
from torch.nn.functional import avg_pool2d

from aecodec.hashing.duplicates import EQUAL
from aecodec.hashing.verify import align
from aecodec.hashing.verify.barred import fitted, may_fit
from aecodec.hashing.verify.decide import IN_PLACES, Sizes, Verdict, decide, is_worth_a_look
from aecodec.hashing.verify.each import each
from aecodec.hashing.verify.frames import (
    WHOLE,
    Box,
    contents,
    has_frame,
    is_framed,
    strip,
    stripped_size,
    unstripped,
)
from aecodec.hashing.verify.guess import SIDE, plain_guesses, whole_guesses, window_guesses
from aecodec.hashing.verify.judge import are_photographic, coverage, examine
from aecodec.hashing.verify.places import (
    LEVELS,
    MORE_STEPS,
    closer,
    finer,
    likely_places,
    part_and_whole,
    ranks,
    small_grey,
)
from aecodec.hashing.verify.repeating import unless_repeated
from aecodec.hashing.verify.spots import unless_in_a_place

SMALL = 128
"""Pixels a side at which every pair is judged; what a thumbnail has."""
LARGE = 512
"""Pixels a side at which pages, charts and the like are judged again."""

TINY = 32
"""Pixels a side, up to which pictures are the same only where they are equal."""

_BATCH = 64  # pairs worked on together
_ALIKE = 0.9  # correlation of small copies above which pictures may lie on each other as they are
_FIT = 0.7  # correlation of outlines above which places may be exact enough
_NEARLY, _NEARLY_ODD = 0.6, 0.1  # what large copies explain then, and their share of odd windows
_CLOSE, _UNLIKELY = 0.5, 0.25  # and the same of small ones
_FRAMED = 0.7  # least correlation of small copies of what lies in frames
_HOPELESS = 0.4  # share of odd windows, above which it does not matter which of the two is the part
_FLAT = 0.008  # deviation, of [0, 1], of what counts as single-coloured
_UNKNOWN = Verdict(False, "", sure=False)


Pair = tuple[Image.Image, Image.Image]


def explains(a: Image.Image, b: Image.Image) -> Verdict:
    """Whether one picture is an altered copy of the other, judged by all that both have.

    RGB and of any size, as `preview_of` makes them.
    """
    (verdict,) = explain_pairs([(a, b)], full=True)
    return verdict


def explain_pairs(
    pairs: Sequence[Pair],
    *,
    sizes: Sequence[Sizes] | None = None,
    full: bool = False,
    known: Sequence[Verdict] | None = None,
) -> list[Verdict]:
    """The same for many pairs.

    Args:
        pairs: RGB pictures.
        sizes: of the files' pictures (width, height), where these are smaller copies.
        full: these are the pictures themselves, and not thumbnails: judge what small copies cannot
            tell at `LARGE`, too, and be sure.
        known: with these, verdicts by smaller copies, whose places are tried first.
    """
    known = known or [_UNKNOWN] * len(pairs)
    sizes = sizes or [(a.size, b.size) for a, b in pairs]
    batches = [slice(start, start + _BATCH) for start in range(0, len(pairs), _BATCH)]
    found = each(lambda some: _batch(pairs[some], sizes[some], full, known[some]), batches)
    judged = [verdict for verdicts in found for verdict in verdicts]
    return unless_in_a_place(pairs, judged) if full else judged


@torch.inference_mode()
def _batch(
    pairs: Sequence[Pair], sizes: Sequence[Sizes], full: bool, known: Sequence[Verdict]
) -> list[Verdict]:
    verdicts = [_plainly(*pair, size, full) for pair, size in zip(pairs, sizes, strict=True)]
    for n, small in enumerate(known):
        if full and verdicts[n] is None and small.maps is not None:
            large = _large(pairs[n], sizes[n], small)
            verdicts[n] = large if large.same else None
    open_rows = [n for n, verdict in enumerate(verdicts) if verdict is None]
    if open_rows:
        chosen, chosen_sizes = [pairs[n] for n in open_rows], [sizes[n] for n in open_rows]
        pictures = [squares([pair[k] for pair in chosen], SMALL) for k in (0, 1)]
        aligned = _aligned(pictures, chosen_sizes)
        aligned = _without_frames(chosen, pictures, chosen_sizes, aligned)
        aligned = _in_screenshots(pictures, chosen_sizes, aligned)
        aligned = unless_repeated(pictures[0], aligned)
        for n, verdict in zip(open_rows, aligned, strict=True):
            if full and not verdict.sure:
                verdict = _large(pairs[n], sizes[n], verdict)
            verdicts[n] = verdict
    found = [verdict for verdict in verdicts if verdict is not None]
    if full and any(verdict.same for verdict in found):
        found = unless_repeated(squares([a for a, _ in pairs], SMALL), found, final=True)
    return found


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
    counts = np.array(picture.histogram(), dtype=float).reshape(3, 256)
    levels, total = np.arange(256), counts[0].sum()
    means, squares = counts @ levels / total, counts @ levels**2 / total
    deviation = np.sqrt((squares - means**2).clip(0))
    return float(deviation.max()) < 255 * _FLAT


def squares(images: Sequence[Image.Image], side: int) -> Tensor:
    """float32 (N, 3, side, side), 0 to 1."""
    resized = [image.resize((side, side), Image.Resampling.BILINEAR) for image in images]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in resized]))
    return (
        pixels.permute(0, 3, 1, 2)
        .to(torch.float32, memory_format=torch.contiguous_format)
        .div_(255)
    )


def _aligned(pictures: Sequence[Tensor], sizes: Sequence[Sizes]) -> list[Verdict]:
    """Verdicts by copies (P, 3, S, S) of the first and of the second of pairs, of `SMALL` pixels a
    side.
    """
    verdicts = [Verdict(False, "they show different things")] * len(sizes)
    small = [align.outlines(small_grey(picture, SIDE)) for picture in pictures]
    hopeless = torch.zeros(len(sizes), dtype=torch.bool)  # as it was last laid
    nearest: dict[int, tuple[float, Tensor, bool]] = {}  # what explains most

    def look(rows: Tensor, maps: Tensor, backward: bool = False) -> None:
        # With the smaller of the two as the part, or the other way round.
        second = (torch.det(maps[:, :, :2]).abs() <= 1) != backward
        a, b = (picture.index_select(0, rows) for picture in pictures)
        part, whole, directed = part_and_whole(a, b, maps, second)
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
            rows, second, part, whole, directed = (
                one[torch.tensor(possible)] for one in (rows, second, part, whole, directed)
            )
            covers = [*compress(covers, possible)]
        found = examine(part, whole, directed, covers=covers)
        hopeless[rows] = torch.tensor([f.covered > 0.6 and f.odd > _HOPELESS for f in found])
        for place, n in enumerate(rows.tolist()):
            piece = "b" if second[place] else "a"
            verdict = decide(found[place], directed[place], sizes[n], piece)
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
    rows, maps = likely_places(left, guesses, scores)
    for level in LEVELS[:-1]:
        rows, maps, score = finer(pictures, rows, maps, level)
    # Most lie well enough by now.
    fit = (ranks(rows) == 0) & (score > _FIT)
    look(rows[fit], maps[fit])
    left = unlike(rows)
    rows, maps, _ = finer(pictures, rows[left], maps[left], LEVELS[-1])
    rank = ranks(rows)
    for number, backward in ((0, False), (0, True), (1, False), (1, True)):
        left = unlike(rows)
        chosen = left[rank[left] == number]
        if backward:
            chosen = chosen[~hopeless[rows[chosen]]]
        look(rows[chosen], maps[chosen], backward)
    # What is nearly explained may only not lie quite where it should.
    near = torch.tensor([n for n in nearest if not verdicts[n].same], dtype=torch.long)
    for swapped in (False, True):
        rows = near[unlike(near)]
        if not len(rows):
            break
        # With either of the two as the part: on a ground, one way leads nearer than the other.
        second = torch.tensor([nearest[n][2] != swapped for n in rows.tolist()])
        maps = torch.stack([nearest[n][1] for n in rows.tolist()])
        maps = align.inverse(maps) if swapped else maps
        a, b = (picture.index_select(0, rows) for picture in pictures)
        turn = second[:, None, None, None]
        grown = torch.tensor([sizes[n] for n in rows.tolist()], dtype=torch.float32)
        maps = closer(torch.where(turn, b, a), torch.where(turn, a, b), maps, second, grown)
        maps = torch.where(second[:, None, None], maps, align.inverse(maps))
        look(rows, maps)
        # As large as each other, either may be the one that shows all of what both do.
        left = unlike(rows)
        look(rows[left], maps[left], backward=True)
    return verdicts


def _without_frames(
    pairs: Sequence[Pair],
    pictures: Sequence[Tensor],
    sizes: Sequence[Sizes],
    verdicts: Sequence[Verdict],
) -> list[Verdict]:
    """The verdicts, but of photographs with frames or bars those on what is within, if that is the
    same: a frame's edge draws maps away from it.

    What looks like a bar may be the photograph's own sky: where both seem to have frames, each is
    compared without its own with the other as it is, too.

    What is no photograph is compared so where one of the two has a frame all around it.
    """
    found = list(verdicts)
    rows = [n for n, verdict in enumerate(verdicts) if not verdict.same]
    if not rows:
        return found
    left = torch.tensor(rows)
    boxes = [contents(avg_pool2d(one.index_select(0, left), 2)).tolist() for one in pictures]
    tries: list[tuple[int, tuple[Box, Box]]] = []
    for place, n in enumerate(rows):
        own = tuple(boxes[0][place]), tuple(boxes[1][place])
        if any(map(has_frame, own)):
            tries.append((n, own))
        if all(map(has_frame, own)):
            tries += [(n, (own[0], WHOLE)), (n, (WHOLE, own[1]))]
    if not tries:
        return found
    inner = [(strip(pairs[n][0], box), strip(pairs[n][1], other)) for n, (box, other) in tries]
    inner_sizes = [
        (stripped_size(sizes[n][0], box), stripped_size(sizes[n][1], other))
        for n, (box, other) in tries
    ]
    likely = (_likeness(inner, inner_sizes) > _FRAMED).tolist()
    tries = [*compress(tries, likely)]
    inner, inner_sizes = [*compress(inner, likely)], [*compress(inner_sizes, likely)]
    if not tries:
        return found
    own_pictures = [squares([pair[k] for pair in inner], SMALL) for k in (0, 1)]
    flags = [are_photographic(one) for one in own_pictures]
    usable = [
        place
        for place, (*kinds, (_, boxes_of)) in enumerate(zip(*flags, tries, strict=True))
        if all(kinds) or is_framed(*boxes_of)
    ]
    if not usable:
        return found
    within = _aligned([one[usable] for one in own_pictures], [inner_sizes[n] for n in usable])
    for place, verdict in zip(usable, within, strict=True):
        n, both = tries[place]
        if found[n].same or not verdict.same or verdict.maps is None:
            continue
        part, whole = (both[0], both[1]) if verdict.piece == "a" else (both[1], both[0])
        maps = unstripped(torch.tensor(verdict.maps), part, whole).tolist()
        what = "in a frame or with bars" if has_frame(both[1]) else "without its frame or bars"
        known = [] if verdict.reason == "compressed again" else [verdict.reason]
        found[n] = replace(
            verdict, reason=", ".join([what, *known]), maps=tuple(tuple(row) for row in maps)
        )
    return found


def _likeness(pairs: Sequence[Pair], sizes: Sequence[Sizes]) -> Tensor:
    """The greatest correlation of small copies, wherever one lies in the other, (P,)."""
    a, b = (align.outlines(align.grey(squares([p[k] for p in pairs], SIDE))) for k in (0, 1))
    scores = [find(a, b, sizes)[1] for find in (whole_guesses, window_guesses)]
    return torch.cat(scores, 1).amax(1)


def _in_screenshots(
    pictures: Sequence[Tensor], sizes: Sequence[Sizes], verdicts: Sequence[Verdict]
) -> list[Verdict]:
    """The verdicts, but of pairs of which one lies between bars in the other those on that place,
    if they are the same there, or may be.
    """
    found = list(verdicts)
    rows = [n for n, verdict in enumerate(verdicts) if not verdict.same and may_fit(*sizes[n])]
    if not rows:
        return found
    a, b = (one.index_select(0, torch.tensor(rows)) for one in pictures)
    grown = torch.tensor([sizes[n] for n in rows], dtype=torch.float32)
    for part, whole, piece in ((a, b, "a"), (b, a, "b")):
        maps, barred = fitted(part, whole, grown if piece == "a" else grown.flip(1))
        chosen = [place for place, between in enumerate(barred) if between]
        if not chosen:
            continue
        findings = examine(part[chosen], whole[chosen], maps[chosen], barred=True)
        for place, finding in zip(chosen, findings, strict=True):
            n = rows[place]
            verdict = decide(finding, maps[place], sizes[n], piece)
            if verdict.same or (found[n].sure and not verdict.sure):
                found[n] = replace(verdict, barred=True)
    return found


def _large(pair: Pair, sizes: Sizes, small: Verdict) -> Verdict:
    """The verdict by copies of up to `LARGE` pixels a side, from where the small ones lie."""
    assert small.maps is not None
    first = 0 if small.piece == "a" else 1
    images = pair[first], pair[1 - first]
    refine = align.refine
    if small.barred:
        shape = torch.tensor([sizes[first][0] / sizes[first][1]])
        refine = partial(align.refine_if_better, shapes=shape)
    maps = torch.tensor([small.maps])
    reach = float(torch.det(maps[0, :, :2]).abs().sqrt())
    # As large as the one is that has fewer pixels of what both show.
    longest = min(max(images[0].size), round(max(images[1].size) * reach))
    side, verdict, limit = SMALL, small, min(LARGE, longest)
    while side < limit:
        side = min(2 * side, LARGE)
        if limit <= side * 3 // 4:
            side = side * 3 // 4
        part, whole = (squares([image], side) for image in images)
        final = side >= limit
        if torch.equal(maps, maps.round()):
            # As they are, or turned: most need nothing more.
            (findings,) = examine(part, whole, maps, small.barred)
            verdict = decide(findings, maps[0], sizes, small.piece, final=final)
            if verdict.same:
                continue
        near, far = (align.outlines(align.grey(square)) for square in (part, whole))
        maps = refine(near, far, maps, 4)
        (findings,) = examine(part, whole, maps, small.barred)
        verdict = decide(findings, maps[0], sizes, small.piece, final=final)
        nearly = findings.explained > _NEARLY and findings.odd < _NEARLY_ODD
        if final and nearly and verdict.reason == IN_PLACES:
            maps = refine(near, far, maps, MORE_STEPS)
            (findings,) = examine(part, whole, maps, small.barred)
            verdict = decide(findings, maps[0], sizes, small.piece, final=True)
        if not verdict.same and verdict.sure:
            break
    if side > SMALL:
        return verdict
    part, whole = (squares([image], SMALL) for image in images)
    (findings,) = examine(part, whole, maps, small.barred)
    return decide(findings, maps[0], sizes, small.piece, final=True)
