"""Pictures in frames, and between the bars of a screenshot, compared by what is within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress

import torch
from PIL import Image
from torch import Tensor

from aecodec.hashing.copies import SIDE
from aecodec.hashing.duplicates import COMPRESSED, UNFRAMED
from aecodec.hashing.verify import align
from aecodec.hashing.verify.barred import fitted, may_fit
from aecodec.hashing.verify.decide import FRAMED, Sizes, Verdict, decide
from aecodec.hashing.verify.frames import (
    WHOLE,
    Box,
    contents,
    edges,
    has_frame,
    is_between,
    is_framed,
    strip,
    stripped_size,
    unstripped,
)
from aecodec.hashing.verify.guess import whole_guesses, window_guesses
from aecodec.hashing.verify.judge import are_photographic, examine
from aecodec.hashing.verify.laying import laid
from aecodec.hashing.verify.places import reduced

Pair = tuple[Image.Image, Image.Image]
Boxes = Mapping[int, tuple[Box, Box]]

_FRAMED = 0.7  # least correlation of small copies of what lies in frames
_LEAST_INNER = 0.75  # of a side, by which what lies in frames may be cropped besides
_MANY_EDGES = 3
_BOXED = 64  # pixels a side of the copies in which frames are looked for


def boxes_of(pictures: Tensor, verdicts: Sequence[Verdict]) -> Boxes:
    """What is within frames and bars of both pictures (2, P, 3, S, S) of pairs that are not the
    same, by their number.
    """
    rows = [n for n, verdict in enumerate(verdicts) if not verdict.same]
    if not rows:
        return {}
    chosen = torch.tensor(rows)
    first, second = (
        [tuple(box) for box in contents(reduced(one.index_select(0, chosen), _BOXED)).tolist()]
        for one in pictures
    )
    return dict(zip(rows, zip(first, second, strict=True), strict=True))


def without_frames(
    pairs: Sequence[Pair],
    pictures: Tensor,
    sizes: Sequence[Sizes],
    verdicts: Sequence[Verdict],
    boxes: Boxes,
    quick: bool,
) -> list[Verdict]:
    """The verdicts, but of photographs with frames or bars those on what is within, if that is the
    same: a frame's edge draws maps away from it.

    What looks like a bar may be the photograph's own sky: where both seem to have frames, each is
    compared without its own with the other as it is, too.

    What is no photograph is compared so where one of the two has a frame all around it.

    Args:
        pairs, pictures, sizes, verdicts: of pairs; pictures of the first and of the second of
            these, (2, P, 3, S, S).
        boxes: of those that are not the same, `boxes_of`.
        quick: only frames at three edges or more, and what is within hardly cropped besides.
    """
    found = list(verdicts)
    tries: list[tuple[int, tuple[Box, Box]]] = []
    for n, own in boxes.items():
        if quick and max(sum(edges(box)) for box in own) < _MANY_EDGES:
            continue
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
    least = _LEAST_INNER if quick else 0
    likely = (_likeness(inner, inner_sizes, least) > _FRAMED).tolist()
    tries = [*compress(tries, likely)]
    inner, inner_sizes = [*compress(inner, likely)], [*compress(inner_sizes, likely)]
    if not tries:
        return found
    side = pictures[0].shape[-1]
    images = [pair[k] for k in (0, 1) for pair in inner]
    own_pictures = align.squares(images, side).view(2, -1, 3, side, side)
    flags = [are_photographic(one) for one in own_pictures]
    usable = [
        place
        for place, (*kinds, (_, both)) in enumerate(zip(*flags, tries, strict=True))
        if all(kinds) or is_framed(*both)
    ]
    if not usable:
        return found
    within = laid(own_pictures[:, usable], [inner_sizes[n] for n in usable], quick)
    for place, verdict in zip(usable, within, strict=True):
        n, both = tries[place]
        if found[n].same or not verdict.same or verdict.maps is None:
            continue
        part, whole = (both[0], both[1]) if verdict.piece == "a" else (both[1], both[0])
        maps = unstripped(torch.tensor(verdict.maps), part, whole).tolist()
        what = FRAMED if has_frame(both[1]) else UNFRAMED
        known = [] if verdict.reason == COMPRESSED else [verdict.reason]
        found[n] = replace(
            verdict, reason=", ".join([what, *known]), maps=tuple(tuple(row) for row in maps)
        )
    return found


def _likeness(pairs: Sequence[Pair], sizes: Sequence[Sizes], least: float) -> Tensor:
    """The greatest correlation of small copies, wherever one lies in the other, (P,); in windows of
    at least a share of a side.
    """
    a, b = (align.outlines(align.grey(align.squares([p[k] for p in pairs], SIDE))) for k in (0, 1))
    scores = whole_guesses(a, b, sizes)[1], window_guesses(a, b, sizes, least)[1]
    return torch.cat(scores, 1).amax(1)


def in_screenshots(
    pictures: Tensor,
    sizes: Sequence[Sizes],
    verdicts: Sequence[Verdict],
    boxes: Boxes,
    quick: bool,
) -> list[Verdict]:
    """The verdicts, but of pairs of which one lies between bars in the other those on that place,
    if they are the same there, or may be.

    Args:
        pictures, sizes, verdicts, boxes: as above.
        quick: only bars that show in `boxes`, at two opposite edges.
    """
    found = list(verdicts)
    for first, piece in ((0, "a"), (1, "b")):
        second = 1 - first
        rows = [
            n
            for n, own in boxes.items()
            if not verdicts[n].same
            and may_fit(*sizes[n])
            and (not quick or is_between(own[second]))
        ]
        if not rows:
            continue
        part, whole = (pictures[k].index_select(0, torch.tensor(rows)) for k in (first, second))
        grown = torch.tensor([(sizes[n][first], sizes[n][second]) for n in rows]).float()
        maps, barred = fitted(part, whole, grown)
        chosen = [place for place, between in enumerate(barred) if between]
        if not chosen:
            continue
        findings = examine(part[chosen], whole[chosen], maps[chosen], barred=True)
        for place, finding in zip(chosen, findings, strict=True):
            n = rows[place]
            verdict = decide(finding, maps[place], sizes[n], piece, quick=quick)
            if verdict.same or (found[n].sure and not verdict.sure):
                found[n] = replace(verdict, barred=True)
    return found
