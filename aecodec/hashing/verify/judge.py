"""What is left of a part once the whole explains it, judged place by place.

An alteration leaves little everywhere: JPEG, noise and scaling leave what is small beside the
structure that is there, and a change of colours is one curve for each channel. Other content
leaves, somewhere, as much as there is. So the residual is compared with the structure in
windows, and not on average. What lies over a photograph, as the bars and the button of a
telephone do, hides a place and is of one colour there; it is passed over in photographs only, since
on a page or a chart such a place is what differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from aecodec.hashing.verify.align import grey, inside, inverse, warp
from aecodec.hashing.verify.frames import box_of, has_border
from aecodec.hashing.verify.matching import matched
from aecodec.hashing.verify.overlaid import bars, patches
from aecodec.hashing.verify.windows import (
    WINDOW,
    around,
    means,
    sliding_means,
    variance,
)

Array = npt.NDArray[Any]

_FLOOR = 0.035  # deviation, of [0, 1], that rounding and compression leave anywhere
_LOSS = 0.015  # and that does not speak against faint pictures, either
_NOISE = 0.05  # the most that is believed to be noise where it is everywhere
_COLOURLESS = 0.015  # mean spread of the channels of what counts as grey
_ODD = 0.4  # of the structure in a window, above which what is left is something else
_FEW, _MANY = 0.01, 0.65
"""Share of odd windows between which it is worth looking for what lies over the picture."""
_SOME = 1000  # pixels that tell what is outside
_STARK, _PLAIN_SIGHT = 0.5, 0.07  # and by far; and the least deviation of what is left then
_CHANGED, _SMOOTH = 0.1, 0.005  # of [0, 1]: a change of colour, and deviation of what is of one
_SEEN_AS = 128  # pixels a side, of the copies by which the kind of picture is told
_NEARLY_ALL = 0.998  # of the pixels; the rest is not counted where the greatest is asked for
_NEAR = 0.06  # colours that count as one
_ROTATED, _CORNERS = 0.03, 0.75  # sine of an angle; share of one colour in corners around pictures
_HIDDEN = 0.4  # of the area, at most, that is passed over in all
_NEARLY, _HARDLY_ODD = 0.7, 0.05  # explained, and odd: by less than that no pictures are the same
_ROWS = 16  # worked on together

COVERED = 0.97
"""Share of a part in the whole, beyond which the rest does not matter."""
FAINT = 0.012
"""Structure below which a picture is smooth."""


@dataclass(frozen=True)
class Findings:
    """Of one part in one whole.

    Attributes:
        covered: share of the part that lies in the whole.
        plain_outside: share of the rest that is of one colour; 1 where there is hardly any.
        explained: of the part's variance in windows, what the whole explains; at most 1.
        odd: share of the windows in which it does not.
        stark: share of the windows in which it does not by far, and in plain sight.
        textured: nearly everything in it has structure.
        photographic: that, and no colour is the ground.
        structure: deviation from the means of windows, of [0, 1]; by the channels' mean, which has
            less, where that has some.
        difference: mean absolute difference before any change of colours, of [0, 1].
        largest: the greatest absolute difference of windows' means before it; 0 where there is
            structure.
        hidden: share of the part that something lies over.
        gains: slope of each channel's curve.
        recoloured: by how much the curves change colours, of [0, 1], where they change most; 0 in
            photographs.
        areas: much of what changes its colour has no structure of its own, as areas of a drawing;
            not where it is textured.
        grey: one of the two has no colours, and the other has.
        grey_part: the part has less of them.
        coloured: both have.
        bordered: what only one of the two shows is a frame or bars; nobody looks where they cannot
            be the same.
    """

    covered: float
    plain_outside: float
    explained: float
    odd: float
    stark: float
    textured: bool
    photographic: bool
    structure: float
    difference: float
    largest: float
    hidden: float
    gains: tuple[float, float, float]
    recoloured: float
    areas: bool
    grey: bool
    grey_part: bool
    coloured: bool
    bordered: bool


def coverage(part: Tensor, maps: Tensor) -> list[tuple[float, float]]:
    """Of parts (N, 3, S, S), `covered` and `plain_outside` of `Findings`."""
    there = inside(maps, part.shape[-1], 1 / part.shape[-1])
    shares = there.float().mean((1, 2)).tolist()
    return [
        (covered, _plain_outside(own.numpy(), mask.numpy()) if covered < COVERED else 1.0)
        for own, mask, covered in zip(part, there, shares, strict=True)
    ]


@torch.inference_mode()
def examine(
    part: Tensor,
    whole: Tensor,
    maps: Tensor,
    barred: bool = False,
    covers: Sequence[tuple[float, float]] | None = None,
) -> list[Findings]:
    """RGB float32 (N, 3, S, S), 0 to 1, and maps (N, 2, 3).

    Barred, all of the part lies between bars of the whole (`barred.py`): colours are as they were,
    and something may lie over a picture of any kind. `covers` are as `coverage` has them, if that
    is known.
    """
    found = []
    for start in range(0, len(part), _ROWS):
        some = slice(start, start + _ROWS)
        shares = coverage(part[some], maps[some]) if covers is None else covers[some]
        found += _examined(part[some], whole[some], maps[some], barred, shares)
    return found


def _examined(
    part: Tensor,
    whole: Tensor,
    maps: Tensor,
    barred: bool,
    covers: Sequence[tuple[float, float]],
) -> list[Findings]:
    side = part.shape[-1]
    seen, mask = warp(whole, maps), inside(maps, side, 1 / side).float()
    some = [p[..., ::2, ::2] for p in (part, seen)]
    colours = [(p.amax(1) - p.amin(1)).mean((1, 2)) for p in some]
    colourless = torch.minimum(*colours) < _COLOURLESS
    both = torch.maximum(*colours) < _COLOURLESS
    part_lit, seen_lit = (_without_colours(p, colourless) for p in (part, seen))
    smooth, fitted, lit, gains = matched(part_lit, seen_lit, mask, not barred)
    rest = (smooth - fitted).square_().mean(1)
    textured, photographic, structure = _kinds(part, mask)
    layers = _Layers(
        part=part.numpy(),
        seen=seen.numpy(),
        rest=rest.numpy(),
        residual=means(rest).numpy(),
        variance=torch.maximum(variance(smooth), variance(fitted)).numpy(),
        valid=(means(mask) > 0.999).numpy(),
    )
    apart = part - seen
    difference = (apart.abs().mean(1) * mask).sum((1, 2)) / mask.sum((1, 2)).clamp_min(1)
    found = []
    for row, (covered, plain_outside) in enumerate(covers):
        residue = _judged(layers, row, photographic[row], barred)
        largest = recoloured = 0.0
        areas = False
        if structure[row] < FAINT:
            largest = float((around(apart[row], 2).abs().amax(0) * mask[row]).max())
        if not photographic[row]:
            change = (lit[row] - seen_lit[row]).abs().amax(0)
            recoloured = _greatest(change[mask[row] > 0])
            areas = not textured[row] and _in_areas(part[row], change * mask[row])
        found.append(
            Findings(
                covered=covered,
                plain_outside=plain_outside,
                explained=residue.explained,
                odd=residue.odd,
                stark=residue.stark,
                textured=textured[row],
                photographic=photographic[row],
                structure=structure[row],
                difference=float(difference[row]),
                largest=largest,
                hidden=residue.hidden,
                gains=tuple(gains[row].tolist()),
                recoloured=recoloured,
                areas=areas,
                grey=bool(colourless[row] and not both[row]),
                grey_part=bool(colours[0][row] < colours[1][row]),
                coloured=not colourless[row],
                bordered=barred
                or (
                    (structure[row] < FAINT or _is_nearly_explained(residue))
                    and _is_bordered(part[row], whole[row], maps[row], covered)
                ),
            )
        )
    return found


@dataclass(frozen=True)
class _Layers:
    """Of N pairs.

    Attributes:
        part, seen: the part, and what is seen in its place, (N, 3, S, S).
        rest: what is left, squared, (N, S, S).
        residual, variance: of windows, what is left and what is there, (N, H, W).
        valid: which windows lie in the whole, bool (N, H, W).
    """

    part: Array
    seen: Array
    rest: Array
    residual: Array
    variance: Array
    valid: Array


@dataclass(frozen=True)
class _Residue:
    """As in `Findings`."""

    explained: float
    odd: float
    stark: float
    hidden: float


def _is_nearly_explained(residue: _Residue) -> bool:
    return residue.explained > _NEARLY and residue.odd < _HARDLY_ODD


def _judged(layers: _Layers, row: int, photographic: bool, barred: bool) -> _Residue:
    residual, variance = layers.residual[row], layers.variance[row]
    valid = layers.valid[row]
    if not valid.any():
        return _Residue(0, 1, 1, 0)
    part, seen, rest = layers.part[row], layers.seen[row], layers.rest[row]
    noise = min(float(np.median(residual[valid])), _NOISE**2)
    odd = residual / (variance + _FLOOR**2 + 2 * noise)
    hidden = np.zeros(rest.shape, bool)
    if (photographic or barred) and _FEW < (odd[valid] > _ODD).mean() < _MANY:
        strange = valid & (odd > 0.3)
        if barred:
            hidden = patches(part, seen, rest, strange, reach=3, merging=photographic)
        else:
            hidden = bars(part, seen, strange)
            strange &= _pool(hidden) == 0
            hidden |= patches(part, seen, rest, strange)
    clear = valid & (_pool(hidden) == 0) if hidden.any() else valid
    if hidden.mean() > _HIDDEN or not clear.any():
        clear = valid
    left = (residual[clear] - _LOSS**2).clip(0)
    return _Residue(
        explained=float(1 - left.sum() / (variance[clear].sum() + 1e-9)),
        odd=float((odd[clear] > _ODD).mean()),
        stark=float(((odd > _STARK) & (residual > _PLAIN_SIGHT**2))[clear].mean()),
        hidden=float(hidden.mean()),
    )


def _plain_outside(part: Array, mask: Array) -> float:
    # Without what blends into the picture next to it.
    outside = ~_grown(_grown(mask))
    if outside.mean() <= 0.003:
        return 1.0
    # Some of so many tell.
    colours = part[:, outside][:, :: 1 + np.count_nonzero(outside) // _SOME]
    near = np.abs(colours - np.median(colours, axis=1, keepdims=True)).max(0) < _NEAR
    return float(near.mean())


def _grown(mask: Array) -> Array:
    """With the pixels next to it. Much quicker than `binary_dilation`."""
    found = mask.copy()
    found[1:] |= mask[:-1]
    found[:-1] |= mask[1:]
    found[:, 1:] |= mask[:, :-1]
    found[:, :-1] |= mask[:, 1:]
    return found


def _greatest(values: Tensor) -> float:
    """But for a few."""
    if not len(values):
        return 0.0
    place = int(_NEARLY_ALL * (len(values) - 1))
    return float(np.partition(values.numpy(), place)[place])


def _pool(picture: Array) -> Array:
    return means(torch.from_numpy(picture.astype(np.float32))).numpy()


def _kinds(part: Tensor, mask: Tensor) -> tuple[list[bool], list[bool], list[float]]:
    """Whether there is structure nearly everywhere; whether there is no ground, either, so that a
    small copy tells it from all others; and the deviation from windows' means. All of copies of
    `_SEEN_AS` pixels a side.
    """
    step = max(1, part.shape[-1] // _SEEN_AS)
    small = avg_pool2d(part, step) if step > 1 else part
    inner = mask[:, step // 2 :: step, step // 2 :: step] > 0
    valid = means(inner.float()) > 0.999
    full = (variance(small) > 0.012**2) & valid
    textured = (full.sum((1, 2)) > 0.5 * valid.sum((1, 2))).tolist()
    luma = small.mean(1, keepdim=True)
    power = _detail(luma, inner)
    # Of all channels it is more.
    rows = (power < FAINT**2).nonzero()[:, 0]
    if len(rows):
        power[rows] = _detail(small[rows], inner[rows])
    levels, there = luma[:, 0].numpy(), inner.numpy()
    photographic = [
        full and _ground(levels[row][there[row]]) < 0.5 for row, full in enumerate(textured)
    ]
    return textured, photographic, power.sqrt().tolist()


def _detail(pictures: Tensor, inner: Tensor) -> Tensor:
    """Mean square (N,) of what windows' means do not have; nothing of a gradient, however steep."""
    reach = WINDOW // 2
    detail = pictures[..., reach:-reach, reach:-reach] - sliding_means(pictures)
    seen = inner[:, reach:-reach, reach:-reach]
    return (detail.square_().mean(1) * seen).sum((1, 2)) / seen.sum((1, 2)).clamp_min(1)


def _in_areas(part: Tensor, change: Tensor) -> bool:
    """Whether many of the pixels that change their colour, (S, S), have none of another level next
    to them in the part (3, S, S); of copies of `_SEEN_AS` pixels a side.
    """
    step = max(1, part.shape[-1] // _SEEN_AS)
    luma, changed = grey(part[None])[0, 0], change
    if step > 1:
        luma, changed = (avg_pool2d(one[None], step)[0] for one in (luma, changed))
    strong = changed > _CHANGED
    mean, square = around(luma, 1), around(luma.square(), 1)
    flat = square - mean.square() < _SMOOTH**2
    return bool((flat & strong).sum() >= 0.3 * strong.sum())


def _ground(luma: Array) -> float:
    """Share of the pixels that are of about the most frequent level."""
    levels = np.minimum(luma * 64, 63).astype(np.uint8)
    counts = np.bincount(levels, minlength=64).astype(float)
    return float(np.convolve(counts, np.ones(4), "valid").max() / len(luma))


def _is_bordered(part: Tensor, whole: Tensor, maps: Tensor, covered: float) -> bool:
    """Whether what only one of two pictures (3, S, S) shows is a frame or bars, by a map (2, 3)."""
    if torch.det(maps[:, :2]).abs() < COVERED**2:
        part, whole, maps = whole, part, inverse(maps)
    elif covered >= COVERED:
        return False
    turned = maps[:, :2].abs().amin(1).max() > _ROTATED
    if not turned:
        return has_border(part, box_of(inverse(maps).tolist()))
    # Corners are left when a picture is rotated.
    shared = inside(maps[None], part.shape[-1])[0].numpy()
    outside, edge = part.numpy()[:, ~shared], part.numpy()[:, shared & _grown(_grown(~shared))]
    colour = np.median(outside, axis=1, keepdims=True)
    near, alike = (np.abs(one - colour).max(0) < _NEAR for one in (outside, edge))
    return bool(near.mean() > _CORNERS and alike.mean() < 0.5)


def _without_colours(pictures: Tensor, chosen: Tensor) -> Tensor:
    """Some of RGB pictures (N, 3, S, S) grey."""
    if not chosen.any():
        return pictures
    found = pictures.clone()
    found[chosen] = grey(pictures[chosen])
    return found


def are_photographic(pictures: Tensor) -> list[bool]:
    """Of RGB pictures (N, 3, S, S)."""
    return _kinds(pictures, torch.ones(pictures[:, 0].shape))[1]
