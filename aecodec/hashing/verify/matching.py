"""The colours and the sharpness at which a part and what explains it agree best."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from aecodec.hashing.verify.align import grey
from aecodec.hashing.verify.bands import Band, bands, filtered
from aecodec.hashing.verify.curve import recoloured

_BLURS = ((0.0, 0.0), (0.0, 0.8), (0.8, 0.0), (0.0, 1.5), (1.5, 0.0))  # of the part, of the whole
_AS_IT_IS = 0.014  # deviation, of [0, 1], up to which colours need no curve
_SAMPLES = 64  # a side, about, that tell the sharpness


def matched(
    part: Tensor, seen: Tensor, mask: Tensor, recolour: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The part and what explains it at the sharpness at which they agree best; what explains it as
    sharp as it is; and slopes (N, 3). Colours change only where they may.
    """
    fitted, slopes = seen, torch.ones(seen.shape[:2])
    count = mask.sum((1, 2)).clamp_min(1)
    as_it_is = ((seen - part).square_().mean(1) * mask).sum((1, 2)) / count
    rows = (as_it_is > _AS_IT_IS**2).nonzero()[:, 0] if recolour else torch.empty(0).long()
    if len(rows):
        own, theirs, valid = (
            one if len(rows) == len(one) else one.index_select(0, rows)
            for one in (part, seen, mask)
        )
        lit, slope = recoloured(theirs, own, valid)
        # What is rare, as the thing on a white ground, is not worth much to a curve.
        left = ((lit - own).square_().mean(1) * valid).sum((1, 2)) / count[rows]
        better = left < as_it_is[rows]
        lit[~better] = theirs[~better]
        fitted = lit if len(rows) == len(seen) else seen.index_copy(0, rows, lit)
        slopes[rows[better]] = slope[better]
    best = _sharpness(torch.cat([grey(part), grey(fitted)], 1), mask)
    smooth, explained = torch.empty_like(part), torch.empty_like(fitted)
    for number, (a, b) in enumerate(_BLURS):
        rows = (best == number).nonzero()[:, 0]
        if len(rows):
            smooth.index_copy_(0, rows, _blur(part.index_select(0, rows), a))
            explained.index_copy_(0, rows, _blur(fitted.index_select(0, rows), b))
    return smooth, explained, fitted, slopes


def _sharpness(pictures: Tensor, mask: Tensor) -> Tensor:
    """Which of `_BLURS` grey pictures need, a part and what explains it each (N, 2, S, S): (N,)."""
    sigmas = sorted({sigma for pair in _BLURS for sigma in pair})
    step = pictures.shape[-1] // _SAMPLES
    kernels = [_blurring_in_bands(pictures.shape[-1], sigma, step) for sigma in sigmas]
    blurred = torch.stack([filtered(pictures, kernel) for kernel in kernels], 2)
    mask = mask[:, ::step, ::step]
    # All differences from products; of small numbers, so that these are exact enough.
    centre = blurred[:, 0, 0].mean((1, 2))
    blurred = blurred.sub_(centre[:, None, None, None, None]).mul_(mask[:, None, None])
    flat = blurred.flatten(1, 2).flatten(2)
    products = flat @ flat.transpose(1, 2)
    sums, count = flat.sum(2), mask.sum((1, 2)).clamp_min(1)
    scores = []
    for a, b in _BLURS:
        own, other = sigmas.index(a), len(sigmas) + sigmas.index(b)
        left = products[:, own, own] + products[:, other, other] - 2 * products[:, own, other]
        structure = products[:, own, own] - sums[:, own].square() / count
        # Not the least that is left: blurred, all is little. And not for nothing.
        worth = 1.0 if (a, b) == _BLURS[0] else 1.1
        scores.append(worth * left.clamp_min(0) / (structure.clamp_min(0) + 1e-6))
    return torch.stack(scores).argmin(0)


def _blur(pictures: Tensor, sigma: float) -> Tensor:
    """With a Gaussian that is a little wider than what was asked for."""
    return filtered(pictures, _blurring_in_bands(pictures.shape[-1], sigma))


@cache
def _blurring_in_bands(side: int, sigma: float, step: int = 1) -> list[Band]:
    return bands(_blurring(side, sigma)[::step])


@cache
def _blurring(side: int, sigma: float) -> Tensor:
    """(side, side): rows of weights; what lies beyond the edge does not count."""
    places = torch.arange(side, dtype=torch.float32)
    apart = places[:, None] - places
    weights = torch.exp(-apart.square() / (2 * (sigma**2 + 0.6**2)))
    weights = torch.where(weights < 1e-3, 0, weights)
    return weights / weights.sum(1, keepdim=True)
