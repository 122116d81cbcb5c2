"""What small copies leave of a place: enough to refuse most that are wrong before they are judged.

As in `judge.py`, what is left is compared with the structure in windows, but colours are matched by
a cubic for each channel, and nothing is passed over. So a place is not told by this to be right.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from aecodec.hashing.verify.align import grey, inside, warp

_WINDOW, _STRIDE = 5, 3  # pixels
_ODD = 0.4  # of the structure in a window, above which what is left is something else
_FLOOR, _NOISE = 0.035, 0.05  # deviations, of [0, 1], as in `judge.py`
_COLOURLESS = 0.015
_LEAST_WINDOWS = 8  # that have to be seen
_DEGREE, _STEPS = 3, 3
_STIFF = 1e-4  # times the number of pixels: weight of colours as they were


def strangeness(part: Tensor, whole: Tensor, maps: Tensor) -> Tensor:
    """Share of the windows (N,) in which the whole does not explain the part; 1 where hardly any
    lie in the whole.

    Args:
        part, whole: RGB squares (N, 3, S, S), 0 to 1.
        maps: from parts to wholes, (N, 2, 3).
    """
    count, channels, side, _ = part.shape
    part, whole = _with_colours_of_both(part, whole)
    seen, mask = warp(whole, maps), inside(maps, side, 1 / side).float()
    target = part.flatten(2).flatten(0, 1)[:, None]
    there = mask.flatten(1).repeat_interleave(channels, 0)[:, None]
    fitted = _fitted(seen.flatten(2).flatten(0, 1), target, there)
    left = (target - fitted).square_().view(part.shape).mean(1)
    fitted = fitted.view(part.shape)
    structure = torch.maximum(_variance(part), _variance(fitted))
    residual, valid = _means(left), _means(mask) > 0.999
    noise = residual.where(valid, torch.nan).flatten(1).nanmedian(1).values
    noise = noise.nan_to_num().clamp_max(_NOISE**2)[:, None, None]
    odd = (residual > _ODD * (structure + _FLOOR**2 + 2 * noise)) & valid
    seen_windows = valid.sum((1, 2))
    share = odd.sum((1, 2)) / seen_windows.clamp_min(1)
    return share.where(seen_windows >= _LEAST_WINDOWS, 1.0)


def _with_colours_of_both(part: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
    """Both grey where one of them is."""
    some = [one[..., ::2, ::2] for one in (part, whole)]
    spread = torch.minimum(*((one.amax(1) - one.amin(1)).mean((1, 2)) for one in some))
    chosen = (spread < _COLOURLESS)[:, None, None, None]
    if not chosen.any():
        return part, whole
    return torch.where(chosen, grey(part), part), torch.where(chosen, grey(whole), whole)


def _fitted(seen: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Cubics of levels (C, P) that are nearest to targets (C, 1, P), with little weight on what
    lies far off (Tukey's biweight): (C, 1, P).
    """
    powers = torch.stack([seen**n for n in range(_DEGREE + 1)], 1)
    held = torch.full((_DEGREE + 1,), _STIFF * seen.shape[1])
    held[0] = 1e-6
    weight, fitted = mask, target
    for step in range(_STEPS):
        weighted = powers * weight
        normal = weighted @ powers.transpose(1, 2) + held.diag()
        right = weighted @ target.transpose(1, 2)
        right[:, 1] += held[1]
        fitted = torch.linalg.solve(normal, right).transpose(1, 2) @ powers
        if step + 1 < _STEPS:
            rest = target - fitted
            total = weight.sum(2, keepdim=True).clamp_min(1e-6)
            scale = 4 * (rest.abs() * weight).sum(2, keepdim=True) / total + 0.02
            weight = (rest / scale).square_().neg_().add_(1).clamp_min_(0).square_() * mask
    return fitted


def _variance(pictures: Tensor) -> Tensor:
    """In windows, the mean of the channels'."""
    return (_means(pictures.square()) - _means(pictures).square()).clamp_min(0).mean(1)


def _means(pictures: Tensor) -> Tensor:
    pooling = _pooling(pictures.shape[-1])
    return pooling @ pictures @ pooling.T


@cache
def _pooling(side: int) -> Tensor:
    """(windows, side)."""
    starts = torch.arange(0, side - _WINDOW + 1, _STRIDE)[:, None]
    places = torch.arange(side)
    return ((places >= starts) & (places < starts + _WINDOW)).float() / _WINDOW
