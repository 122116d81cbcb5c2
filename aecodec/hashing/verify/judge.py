"""What is left of a part once the whole explains it, judged place by place.

An alteration leaves little everywhere: JPEG, noise and scaling leave what is small beside the
structure that is there, and a change of colours is one curve for each channel. Other content
leaves, somewhere, as much as there is. So the residual is compared with the structure in
windows, and not on average. What lies over a photograph, as the bars and the button of a
telephone do, hides a place and is of one colour there; it is passed over in photographs only, since
on a page or a chart such a place is what differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import avg_pool2d

from aecodec.hashing.verify.align import grey, inside, warp
from aecodec.hashing.verify.overlaid import bars, patches
from aecodec.hashing.verify.windows import STRIDE, WINDOW, around, means, variance

Array = npt.NDArray[Any]

_FLOOR = 0.035  # deviation, of [0, 1], that rounding and compression leave anywhere
_LOSS = 0.015  # and that does not speak against faint pictures, either
_NOISE = 0.05  # the most that is believed to be noise where it is everywhere
_COLOURLESS = 0.015  # mean spread of the channels of what counts as grey
_ODD = 0.4  # of the structure in a window, above which what is left is something else
_FEW, _MANY = 0.01, 0.65
"""Share of odd windows between which it is worth looking for what lies over the picture."""
_STARK, _PLAIN_SIGHT = 0.5, 0.07  # and by far; and the least deviation of what is left then
_CHANGED, _SMOOTH = 0.1, 0.005  # of [0, 1]: a change of colour, and deviation of what is of one
_SEEN_AS = 128  # pixels a side, of the copies by which the kind of picture is told
_BLURS = ((0.0, 0.0), (0.0, 0.8), (0.8, 0.0), (0.0, 1.5), (1.5, 0.0))  # of the part, of the whole
_AS_IT_IS = 0.014  # deviation, of [0, 1], up to which colours need no curve
_KNOTS = (0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95)  # of a channel's curve, straight in between
_NEARLY_ALL = 0.998  # of the pixels; the rest is not counted where the greatest is asked for
_NEAR = 0.06  # colours that count as one
_HIDDEN = 0.4  # of the area, at most, that is passed over in all


@dataclass(frozen=True)
class Findings:
    """Of one part in one whole.

    Attributes:
        covered: share of the part that lies in the whole.
        plain_outside: share of the rest that is of one colour.
        explained: of the part's variance in windows, what the whole explains; at most 1.
        odd: share of the windows in which it does not.
        stark: share of the windows in which it does not by far, and in plain sight.
        textured: nearly everything in it has structure.
        photographic: that, and no colour is the ground.
        structure: deviation from the means of windows, of [0, 1].
        difference: mean absolute difference before any change of colours, of [0, 1].
        largest: the greatest absolute difference of windows' means before it.
        hidden: share of the part that something lies over.
        gains: slope of each channel's curve.
        recoloured: by how much the curves change colours, of [0, 1], where they change most.
        areas: much of what changes its colour has no structure of its own, as areas of a drawing.
        grey: one of the two has no colours, and the other has.
        coloured: both have.
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
    coloured: bool


@torch.inference_mode()
def examine(part: Tensor, whole: Tensor, maps: Tensor, barred: bool = False) -> list[Findings]:
    """RGB float32 (N, 3, S, S), 0 to 1, and maps (N, 2, 3).

    Barred, all of the part lies between bars of the whole (`barred.py`): colours are as they were,
    and something may lie over a picture of any kind.
    """
    side = part.shape[-1]
    seen, mask = warp(whole, maps), inside(maps, side, 1 / side).float()
    colours = [(p.amax(1) - p.amin(1)).mean((1, 2)) for p in (part, seen)]
    colourless = torch.minimum(*colours) < _COLOURLESS
    both = torch.maximum(*colours) < _COLOURLESS
    part_lit = torch.where(colourless[:, None, None, None], grey(part), part)
    seen_lit = torch.where(colourless[:, None, None, None], grey(seen), seen)
    smooth, fitted, lit, gains = _matched(part_lit, seen_lit, mask, not barred)
    change = (lit - seen_lit).abs().amax(1)
    rest = (smooth - fitted).square().mean(1)
    textured, photographic, structure = _kinds(part, mask)
    areas = _in_areas(part, change * mask)
    layers = _Layers(
        part=part.numpy(),
        seen=seen.numpy(),
        mask=(mask > 0).numpy(),
        rest=rest.numpy(),
        residual=means(rest, STRIDE).numpy(),
        variance=torch.maximum(variance(smooth), variance(fitted)).numpy(),
        valid=(means(mask, STRIDE) > 0.999).numpy(),
    )
    covered = mask.mean((1, 2)).tolist()
    difference = ((part - seen).abs().mean(1) * mask).sum((1, 2)) / mask.sum((1, 2)).clamp_min(1)
    largest = (around(part - seen, 2).abs().amax(1) * mask).amax((1, 2)).tolist()
    found = []
    for row in range(len(part)):
        residue = _judged(layers, row, photographic[row], barred)
        found.append(
            Findings(
                covered=covered[row],
                plain_outside=(
                    _plain_outside(layers.part[row], layers.mask[row]) if covered[row] < 1 else 1.0
                ),
                explained=residue.explained,
                odd=residue.odd,
                stark=residue.stark,
                textured=textured[row],
                photographic=photographic[row],
                structure=structure[row],
                difference=float(difference[row]),
                largest=largest[row],
                hidden=residue.hidden,
                gains=tuple(gains[row].tolist()),
                recoloured=_greatest(change[row][mask[row] > 0]),
                areas=areas[row],
                grey=bool(colourless[row] and not both[row]),
                coloured=not colourless[row],
            )
        )
    return found


@dataclass(frozen=True)
class _Layers:
    """Of N pairs.

    Attributes:
        part, seen: the part, and what is seen in its place, (N, 3, S, S).
        mask: where that lies in the whole, bool (N, S, S).
        rest: what is left, squared, (N, S, S).
        residual, variance: of windows, what is left and what is there, (N, H, W).
        valid: which windows lie in the whole, bool (N, H, W).
    """

    part: Array
    seen: Array
    mask: Array
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
    outside = ndimage.binary_erosion(~mask, iterations=2, border_value=1)
    if outside.mean() <= 0.003:
        return 1.0
    colours = part[:, outside]
    near = np.abs(colours - np.median(colours, axis=1, keepdims=True)).max(0) < _NEAR
    return float(near.mean())


def _greatest(values: Tensor) -> float:
    """But for a few."""
    if not len(values):
        return 0.0
    place = int(_NEARLY_ALL * (len(values) - 1))
    return float(np.partition(values.numpy(), place)[place])


def _pool(picture: Array) -> Array:
    return means(torch.from_numpy(picture.astype(np.float32)), STRIDE).numpy()


def _kinds(part: Tensor, mask: Tensor) -> tuple[list[bool], list[bool], list[float]]:
    """Whether there is structure nearly everywhere; whether there is no ground, either, so that a
    small copy tells it from all others; and the deviation from windows' means. All of copies of
    `_SEEN_AS` pixels a side.
    """
    step = max(1, part.shape[-1] // _SEEN_AS)
    small = avg_pool2d(part, step) if step > 1 else part
    inner = mask[:, step // 2 :: step, step // 2 :: step] > 0
    valid = means(inner.float(), STRIDE) > 0.999
    full = (variance(small) > 0.012**2) & valid
    textured = (full.sum((1, 2)) > 0.5 * valid.sum((1, 2))).tolist()
    # What a window's mean does not have; nothing of a gradient, however steep.
    reach = WINDOW // 2
    detail = small[..., reach:-reach, reach:-reach] - means(small, 1)
    seen = inner[:, reach:-reach, reach:-reach]
    power = (detail.square().mean(1) * seen).sum((1, 2)) / seen.sum((1, 2)).clamp_min(1)
    luma = small.mean(1)
    photographic = [
        full and _ground(luma[row][inner[row]]) < 0.5 for row, full in enumerate(textured)
    ]
    return textured, photographic, power.sqrt().tolist()


def _in_areas(part: Tensor, change: Tensor) -> list[bool]:
    """Whether many of the pixels that change their colour, (N, S, S), have none of another level
    next to them; of copies of `_SEEN_AS` pixels a side.
    """
    step = max(1, part.shape[-1] // _SEEN_AS)
    luma, changed = avg_pool2d(grey(part), step)[:, 0], avg_pool2d(change[:, None], step)[:, 0]
    mean, square = around(luma, 1), around(luma.square(), 1)
    flat, strong = square - mean.square() < _SMOOTH**2, changed > _CHANGED
    found: list[bool] = ((flat & strong).sum((1, 2)) >= 0.3 * strong.sum((1, 2))).tolist()
    return found


def _ground(luma: Tensor) -> float:
    """Share of the pixels that are of about the most frequent level."""
    counts = np.histogram(luma.numpy(), bins=64, range=(0, 1))[0].astype(float)
    return float(np.convolve(counts, np.ones(4), "valid").max() / len(luma))


def are_photographic(pictures: Tensor) -> list[bool]:
    """Of RGB pictures (N, 3, S, S)."""
    return _kinds(pictures, torch.ones(pictures[:, 0].shape))[1]


# ---- colours and sharpness ----------------------------------------------------------------


def _matched(
    part: Tensor, seen: Tensor, mask: Tensor, recolour: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The part and what explains it at the sharpness at which they agree best; what explains it as
    sharp as it is; and slopes (N, 3). Colours change only where they may.
    """
    fitted, slopes = seen.clone(), torch.ones(seen.shape[:2])
    as_it_is = ((seen - part).square().mean(1) * mask).sum((1, 2)) / mask.sum((1, 2)).clamp_min(1)
    for row in (as_it_is > _AS_IT_IS**2).nonzero()[:, 0].tolist() if recolour else ():
        some = slice(row, row + 1)
        lit, slope = _curve(seen[some], part[some], mask[some])
        # What is rare, as the thing on a white ground, is not worth much to a curve.
        left = ((lit - part[some]).square().mean(1) * mask[some]).sum() / mask[some].sum()
        if left < as_it_is[row]:
            fitted[some], slopes[some] = lit, slope
    sigmas = sorted({sigma for pair in _BLURS for sigma in pair})
    own = {sigma: _blur(grey(part), sigma)[:, 0] for sigma in sigmas}
    others = {sigma: _blur(grey(fitted), sigma)[:, 0] for sigma in sigmas}
    scores = []
    for a, b in _BLURS:
        left = ((own[a] - others[b]).square() * mask).sum((1, 2))
        structure = (own[a] - own[a].mean((1, 2), keepdim=True)).square() * mask
        # Not the least that is left: blurred, all is little. And not for nothing.
        worth = 1.0 if (a, b) == _BLURS[0] else 1.1
        scores.append(worth * left / (structure.sum((1, 2)) + 1e-6))
    best = torch.stack(scores).argmin(0)
    smooth, explained = part.clone(), fitted.clone()
    for number, (a, b) in enumerate(_BLURS):
        rows = best == number
        if rows.any():
            smooth[rows], explained[rows] = _blur(part[rows], a), _blur(fitted[rows], b)
    return smooth, explained, fitted, slopes


def _blur(pictures: Tensor, sigma: float) -> Tensor:
    """With a Gaussian that is a little wider than what was asked for."""
    kernel = _blurring(pictures.shape[-1], sigma)
    return kernel @ pictures @ kernel.T


@cache
def _blurring(side: int, sigma: float) -> Tensor:
    """(side, side): rows of weights; what lies beyond the edge does not count."""
    places = torch.arange(side, dtype=torch.float32)
    apart = places[:, None] - places
    weights = torch.exp(-apart.square() / (2 * (sigma**2 + 0.6**2)))
    weights = torch.where(weights < 1e-3, 0, weights)
    return weights / weights.sum(1, keepdim=True)


def _curve(seen: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Each channel under the curve that brings it nearest to the target; and the mean slope.

    A curve of straight pieces, since more contrast clips what is light and what is dark.
    """
    # A quarter of the pixels, a little blurred, is enough to fit a curve to.
    x, y = (_blur(picture, 0.8)[..., ::2, ::2].flatten(2) for picture in (seen, target))
    chosen = mask[:, ::2, ::2].flatten(1)[:, None]
    weight = chosen.expand_as(x)
    powers = _pieces(x)
    prior = torch.zeros(len(_KNOTS) + 2, 1)
    prior[1] = 3e-5 * x.shape[-1]  # nothing to go by: as it is
    terms = torch.zeros(1)
    for step in range(4):
        weighted = powers * weight[:, :, None]
        normal = weighted @ powers.transpose(2, 3)
        held = torch.full((len(prior),), 3e-5)
        if step == 0:
            # A straight line first: a white button lies far from it, and has no weight in what
            # follows. A curve bends to meet it.
            held[2:] = 1
        normal = normal + torch.diag(held * x.shape[-1])
        terms = torch.linalg.solve(normal, weighted @ y[..., None] + prior)
        left = (y - (powers * terms).sum(2)).abs()
        scale = 4 * (left * weight).sum(2, keepdim=True) / weight.sum(2, keepdim=True) + 0.02
        weight = chosen * (1 - (left / scale).square()).clamp_min(0).square()
    total = weight.sum(2).clamp_min(1)
    centre = x - (x * weight).sum(2, keepdim=True) / total[..., None]
    spread = (centre.square() * weight).sum(2)
    slope = ((centre * y * weight).sum(2) + 1e-4 * total) / (spread + 1e-4 * total)
    lit = terms[:, :, 0, :, None] + terms[:, :, 1, :, None] * seen
    for number, knot in enumerate(_KNOTS, 2):
        lit = lit + terms[:, :, number, :, None] * (seen - knot).clamp_min(0)
    return lit, slope


def _pieces(x: Tensor) -> Tensor:
    """(N, C, P) to (N, C, terms, P): 1, x, and how far it is above each knot."""
    return torch.stack([torch.ones_like(x), x, *((x - k).clamp_min(0) for k in _KNOTS)], 2)
