"""What a place and what is left there amount to: the same or not, and why, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from aecodec.hashing.duplicates import COMPRESSED, UNFRAMED
from aecodec.hashing.verify.judge import COVERED, FAINT, Findings

IN_PLACES = "they differ in places"
"""Why they are not the same where something is left, be it that the place is a little wrong."""

FRAMED = "in a frame or with bars"
"""What was done to the first picture to have the second; and the other way round `UNFRAMED`."""

Sizes = tuple[tuple[int, int], tuple[int, int]]

_RECOLOURED, _AREAS_RECOLOURED = 0.35, 0.06
"""Of [0, 1], by how much colours may change in what is no photograph, and where there are few of
them."""

_SMOOTH = 0.0165
"""Structure, up to which colours may not change in photographs, either: two gradients are alike
once they do. Of 363 recoloured copies 5 have less; of 20 pairs of gradients that were called the
same in other colours all but one had.
"""

_SKEWED = 0.05
"""Greatest skew, in the end, of what is no photograph. No alteration skews, but maps of what is
smooth do a little: of 330 altered copies in a collection two had more. Along an edge one of two
drawings may slide until it fits.
"""

_EXPLAINED, _EXPLAINED_BESIDE, _LITTLE_HIDDEN = 0.75, 0.85, 0.005
"""Least share of the structure that one picture explains of the other; where something lies over
it; and the share of it that this has to cover."""


_MAY_BE_ODD, _MAY_BE_ODD_QUICKLY = 0.25, (0.08, 0.05)
"""Share of windows that small copies may leave odd where larger ones may say otherwise; quickly, of
other pictures and of photographs. Of 14 copies that files found where thumbnails had not, two were
photographs that had more than the last, of 159 pairs a third.
"""


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
        barred: all of the part lies between bars of the whole (`barred.py`).
    """

    same: bool
    reason: str
    sure: bool = True
    piece: str = ""
    maps: tuple[tuple[float, ...], ...] | None = None
    barred: bool = False


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
    (xx, xy, _), (yx, yy, _) = maps.tolist()
    area = abs(xx * yy - xy * yx)
    # Where a step of one pixel across, and one down, goes in the whole.
    across = xx * whole[0] / part[0], yx * whole[1] / part[0]
    down = xy * whole[0] / part[1], yy * whole[1] / part[1]
    mirrored = across[0] * down[1] - across[1] * down[0] < 0
    if mirrored:
        across = -across[0], -across[1]
    sizes = math.hypot(*across), math.hypot(*down)
    skew = (across[0] * down[0] + across[1] * down[1]) / (sizes[0] * sizes[1] + 1e-9)
    turn = math.degrees(math.atan2(across[1], across[0]))
    quarter = round(turn / 90)
    return Geometry(
        scale=math.sqrt(sizes[0] * sizes[1]),
        stretch=max(sizes) / max(min(sizes), 1e-9),
        skew=abs(skew),
        angle=turn - 90 * quarter,
        quarter=quarter % 4,
        mirrored=mirrored,
        area=area,
    )


def decide(
    found: Findings,
    maps: Tensor,
    sizes: Sizes,
    piece: str,
    final: bool = False,
    quick: bool = False,
) -> Verdict:
    """The verdict on a part in its place.

    Args:
        found: there.
        maps: from the part to the whole, (2, 3).
        sizes: of the two pictures, in their order.
        piece: which of them is the part, "a" or "b".
        final: nobody looks any closer.
        quick: only at what hardly differs.
    """
    placed = geometry(maps, *(sizes if piece == "a" else sizes[::-1]))
    where = tuple(tuple(row) for row in maps.tolist())
    if against := _impossible(found, placed, final):
        return Verdict(False, against, True, piece, where)
    against = _against(found, final)
    if against:
        # Small copies lose what fine structure there is, and so make pictures differ.
        odd = _MAY_BE_ODD_QUICKLY[found.photographic] if quick else _MAY_BE_ODD
        unsure = not final and found.explained > 0.6 and found.odd < odd
        return Verdict(False, against, not unsure, piece, where)
    # Codes and print without colours are a texture in small copies, as photographs are.
    told = found.coloured or (found.grey and _is_well_explained(found))
    sure = final or (found.photographic and told)
    return Verdict(True, _reason(found, placed, piece), sure, piece, where)


def is_worth_a_look(
    covered: float,
    plain_outside: float,
    maps: Tensor,
    part: tuple[int, int],
    whole: tuple[int, int],
) -> bool:
    """Whether a place is possible, or may be once it is made finer; as `Findings` and `geometry`
    have it.
    """
    if covered < 0.5 or (covered < COVERED and plain_outside < 0.5):
        return False
    return _can_be(geometry(maps, part, whole))


def _can_be(placed: Geometry) -> bool:
    """Whether an alteration does this."""
    if placed.area < 0.15 or placed.area > 2 or placed.stretch > 1.8:
        return False
    return placed.skew <= 0.12 and abs(placed.angle) <= 20


def _impossible(found: Findings, placed: Geometry, final: bool) -> str:
    """Why a place is none, or nothing."""
    skewed = final and not found.photographic and placed.skew > _SKEWED
    if skewed or not _can_be(placed):
        return "they show different things"
    if found.covered < 0.6 or (found.covered < COVERED and found.plain_outside < 0.9):
        return "neither lies within the other"
    return ""


def _against(found: Findings, final: bool) -> str:
    """What speaks against it, or nothing."""
    smooth = FAINT / 2 if found.photographic and _is_well_explained(found) else FAINT
    if found.structure < smooth:  # what is smooth is only the same where it is equal
        limit = 0.008 if final else 0.016
        return "" if found.difference < limit and found.largest < 3 * limit else "colours differ"
    if min(found.gains) < 0.25 or max(found.gains) > 4:
        return "colours differ"
    if found.structure < _SMOOTH and _is_recoloured(found):
        return "colours differ"
    most = _AREAS_RECOLOURED if found.areas and not found.textured else _RECOLOURED
    if not found.photographic and found.recoloured > most:
        return "colours differ"
    few, none = (0.04, 0.02) if found.photographic else (0.03, 0.0005)
    # Where something lies over the picture, it has to be this one that is seen next to it.
    least = _EXPLAINED if found.hidden < _LITTLE_HIDDEN else _EXPLAINED_BESIDE
    if found.explained < least or found.odd > few or found.stark > none:
        return IN_PLACES
    return ""


def _is_well_explained(found: Findings) -> bool:
    return found.explained > 0.9 and found.odd == 0


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
    if side < 0.97 or side > 1.03:
        # Either shows all of the part, and more of the whole; or the part itself has more.
        less = (piece == "b") == (side < 1)
        if found.bordered:
            words.append(UNFRAMED if less else FRAMED)
        else:
            words.append(f"cropped to {min(side, 1 / side):.0%}" if less else "with more around it")
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
    # Where the first had no colours, others came in.
    if found.grey and found.grey_part == (piece == "b"):
        words.append("grey")
    elif _is_recoloured(found):
        words.append("colours changed")
    return ", ".join(words) or COMPRESSED


def _is_recoloured(found: Findings) -> bool:
    usual = all(0.85 < gain < 1.18 for gain in found.gains)
    return found.grey or not usual or found.difference > 0.06
