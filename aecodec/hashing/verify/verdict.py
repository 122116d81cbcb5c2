"""Verdicts on pairs of pictures: guess where one lies in the other, refine, judge what is left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageStat
from torch import Tensor

from aecodec.hashing.duplicates import EQUAL
from aecodec.hashing.verify.align import squares
from aecodec.hashing.verify.decide import Sizes, Verdict
from aecodec.hashing.verify.each import each
from aecodec.hashing.verify.framed import boxes_of, in_screenshots, without_frames
from aecodec.hashing.verify.larger import SMALL, Pair, larger
from aecodec.hashing.verify.laying import laid
from aecodec.hashing.verify.repeating import unless_repeated
from aecodec.hashing.verify.spots import unless_in_a_place

TINY = 32
"""Pixels a side, up to which pictures are the same only where they are equal."""

_BATCH = 64  # pairs worked on together
_SAME_PLACE = 0.005  # of half a side, by which maps may differ
_FLAT = 0.008  # deviation, of [0, 1], of what counts as single-coloured
_UNKNOWN = Verdict(False, "", sure=False)


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
    quick: bool = False,
) -> list[Verdict]:
    """The same for many pairs.

    Args:
        pairs: RGB pictures.
        sizes: of the files' pictures (width, height), where these are smaller copies.
        full: these are the pictures themselves, and not thumbnails: judge what small copies cannot
            tell by larger ones, too, and be sure.
        known: with these, verdicts by smaller copies, whose places are tried first.
        quick: most of the pairs are alike by chance only; what finds one copy in some hundreds
            is left out.
    """
    known = known or [_UNKNOWN] * len(pairs)
    sizes = sizes or [(a.size, b.size) for a, b in pairs]
    batches = [slice(start, start + _BATCH) for start in range(0, len(pairs), _BATCH)]
    found = each(lambda some: _batch(pairs[some], sizes[some], full, known[some], quick), batches)
    judged = [verdict for verdicts in found for verdict in verdicts]
    return unless_in_a_place(pairs, judged) if full else judged


@torch.inference_mode()
def _batch(
    pairs: Sequence[Pair],
    sizes: Sequence[Sizes],
    full: bool,
    known: Sequence[Verdict],
    quick: bool,
) -> list[Verdict]:
    verdicts = [_plainly(*pair, size, full) for pair, size in zip(pairs, sizes, strict=True)]
    refused: dict[int, tuple[Verdict, Verdict]] = {}
    placed = [
        n
        for n, small in enumerate(known)
        if full and verdicts[n] is None and small.maps is not None
    ]
    for n, large in zip(placed, _larger_of(placed, pairs, sizes, known, quick), strict=True):
        if large.same or (quick and known[n].same):
            verdicts[n] = large
        else:
            refused[n] = known[n], large
    open_rows = [n for n, verdict in enumerate(verdicts) if verdict is None]
    if open_rows:
        chosen, chosen_sizes = [pairs[n] for n in open_rows], [sizes[n] for n in open_rows]
        pictures = _both(chosen)
        aligned = laid(pictures, chosen_sizes, quick)
        boxes = boxes_of(pictures, aligned)
        aligned = without_frames(chosen, pictures, chosen_sizes, aligned, boxes, quick)
        aligned = in_screenshots(pictures, chosen_sizes, aligned, boxes, quick)
        aligned = unless_repeated(pictures, aligned)
        unsure = []
        for n, verdict in zip(open_rows, aligned, strict=True):
            verdicts[n] = verdict
            if full and not verdict.sure:
                small, large = refused.get(n, (_UNKNOWN, _UNKNOWN))
                if _lie_alike(verdict, small):
                    verdicts[n] = large
                else:
                    unsure.append(n)
        for n, large in zip(unsure, _larger_of(unsure, pairs, sizes, verdicts, quick), strict=True):
            verdicts[n] = large
    found = [verdict for verdict in verdicts if verdict is not None]
    if full and any(verdict.same for verdict in found):
        pictures = _both(pairs)
        found = unless_repeated(pictures, found, final=True)
    return found


def _larger_of(
    rows: Sequence[int],
    pairs: Sequence[Pair],
    sizes: Sequence[Sizes],
    known: Sequence[Verdict | None],
    quick: bool,
) -> list[Verdict]:
    """`larger` of some of the pairs."""
    smalls = [verdict for verdict in (known[n] for n in rows) if verdict is not None]
    return larger([pairs[n] for n in rows], [sizes[n] for n in rows], smalls, quick)


def _both(pairs: Sequence[Pair]) -> Tensor:
    """Copies of the first and of the second of pairs, (2, P, 3, SMALL, SMALL)."""
    images = [pair[k] for k in (0, 1) for pair in pairs]
    return squares(images, SMALL).view(2, -1, 3, SMALL, SMALL)


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


def _lie_alike(one: Verdict, other: Verdict) -> bool:
    """Whether two verdicts on a pair are on the same place."""
    if one.maps is None or other.maps is None:
        return False
    kinds = [(verdict.piece, verdict.barred) for verdict in (one, other)]
    apart = np.abs(np.subtract(one.maps, other.maps)).max()
    return kinds[0] == kinds[1] and bool(apart < _SAME_PLACE)
