"""Curves of colours: what contrast, gamma, a cast or grey made of a picture, undone.

A curve is made of straight pieces, since more contrast clips what is light and what is dark. It is
fitted by least squares with little weight on what lies far off (Tukey's biweight). Its knots are
edges of `_BINS` equal bins, so that all a fit takes are sums over the bins.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]

_BINS = 20
_KNOTS = (1, 3, 6, 10, 14, 17, 19)  # edges of bins at which a curve may bend
_FITTED = 32  # a side, of the places that curves are fitted to
_BLURRED = 4  # pixels a side, of each of these
_STEPS = 4
_STIFF = 3e-5  # times the number of pixels: weight of a curve as it was


def recoloured(seen: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Each channel under the curve that brings it nearest to the target; and mean slopes (N, 3).

    Args:
        seen, target: (N, 3, S, S), 0 to 1, S at least 128.
        mask: where they count, (N, S, S), 0 or 1.
    """
    # Some of the places, a little blurred, are enough to fit a curve to.
    step = seen.shape[-1] // _FITTED
    x, y = (_sampled(one, step) for one in (seen, target))
    chosen = mask[:, ::step, ::step].flatten(1).repeat_interleave(3, 0).numpy()
    levels, slopes = _fitted(x, y, chosen)
    curves = torch.from_numpy(levels).view(-1, 3, _BINS + 1, 1, 1)
    rise = _BINS * curves.diff(dim=2)
    bends = [rise[:, :, knot] - rise[:, :, knot - 1] for knot in _KNOTS]
    low = curves[:, :, 0] - sum(
        bend * (knot / _BINS) for bend, knot in zip(bends, _KNOTS, strict=True)
    )
    lit = torch.addcmul(low, rise[:, :, 0], seen)
    higher = torch.empty_like(seen)
    for bend, knot in zip(bends, _KNOTS, strict=True):
        lit.addcmul_(bend, torch.clamp(seen, min=knot / _BINS, out=higher))
    return lit, torch.from_numpy(slopes).view(-1, 3)


def _sampled(pictures: Tensor, step: int) -> Array:
    """Means of four by four of the pixels, at every `step`: (3 N, P)."""
    rows, *others = (pictures[..., row::step, :] for row in range(_BLURRED))
    for other in others:
        rows = rows + other
    means, *others = (rows[..., column::step] for column in range(_BLURRED))
    for other in others:
        means = means + other
    means = means / _BLURRED**2
    return means.flatten(2).flatten(0, 1).numpy()


def _places(x: Array) -> Array:
    """The bin of each of some numbers (C, P), with those of the first of C rows first."""
    bins = np.minimum(x * _BINS, _BINS - 1).astype(np.int16)
    bins += _BINS * np.arange(len(x), dtype=np.int16)[:, None]
    return bins


def _fitted(x: Array, y: Array, chosen: Array) -> tuple[Array, Array]:
    """Of pairs of levels (C, P), curves' levels at the edges of bins, float32 (C, 21), and their
    mean slopes (C,).
    """
    shape, places = x.shape, _places(x)
    # Those of one bin side by side, so that sums are over neighbours.
    order = np.argsort(places, axis=None, kind="stable")
    x, y, chosen = (one.ravel()[order].reshape(shape) for one in (x, y, chosen))
    counts = np.bincount(places.ravel(), minlength=len(x) * _BINS)
    there = counts.nonzero()[0]
    starts = counts.cumsum()[there] - counts[there]
    bins = np.tile(np.arange(_BINS, dtype=np.float32), len(x)).repeat(counts)
    ahead = x * _BINS - bins.reshape(shape)
    products = np.stack([np.ones_like(x), ahead, ahead * ahead, y, ahead * y])
    weight, levels = chosen, np.empty(0, np.float32)
    sums = np.zeros((len(products), len(x) * _BINS))
    for step in range(_STEPS):
        weighted = (products * weight).reshape(len(products), -1)
        sums[:, there] = np.add.reduceat(weighted, starts, axis=1)
        levels = _solved(sums.reshape(-1, len(x), _BINS), shape[1], straight=step == 0)
        low, rise = levels[:, :-1].ravel(), np.diff(levels).ravel()
        there_low, there_rise = (one.repeat(counts).reshape(shape) for one in (low, rise))
        left = np.abs(y - there_low - ahead * there_rise)
        total = np.maximum(weight.sum(1, keepdims=True), 1e-9)
        scale = 4 * (left * weight).sum(1, keepdims=True) / total + 0.02
        weight = np.square(np.maximum(1 - np.square(left / scale), 0)) * chosen
    total = np.maximum(weight.sum(1), 1)
    centred = (x - ((x * weight).sum(1) / total)[:, None]) * weight
    spread = (centred * x).sum(1)
    slopes = ((centred * y).sum(1) + 1e-4 * total) / (spread + 1e-4 * total)
    return levels, slopes.astype(np.float32)


def _solved(sums: Array, count: int, straight: bool) -> Array:
    """Levels at the edges of bins, float32 (C, 21).

    Args:
        sums: over bins, weighted, of 1, how far pixels are in the bin (0 to 1), this squared, the
            target, and their product, (5, C, 20).
        count: of pixels.
        straight: without knots.
    """
    ones, ahead, squared, aim, product = sums
    first = np.arange(_BINS)
    normal = np.zeros((len(ones), _BINS + 1, _BINS + 1))
    normal[:, first, first] = ones - 2 * ahead + squared
    normal[:, first + 1, first + 1] += squared
    normal[:, first, first + 1] = normal[:, first + 1, first] = ahead - squared
    right = np.zeros((len(ones), _BINS + 1))
    right[:, :-1] = aim - product
    right[:, 1:] += product
    # A straight line first: a white button lies far from it, and has no weight in what follows. A
    # curve bends to meet it.
    terms = _terms()[:, :2] if straight else _terms()
    held = np.full(terms.shape[1], _STIFF * count)
    right = right @ terms
    right[:, 1] += held[1]  # nothing to go by: as it is
    found = np.linalg.solve(terms.T @ normal @ terms + np.diag(held), right[..., None])
    levels: Array = (found[..., 0] @ terms.T).astype(np.float32)
    return levels


@cache
def _terms() -> Array:
    """What curves are made of, at the edges of bins: 1, x, how far x is above knots, (21, 9)."""
    edges = np.arange(_BINS + 1) / _BINS
    above = [np.maximum(edges - knot / _BINS, 0) for knot in _KNOTS]
    return np.stack([np.ones_like(edges), edges, *above], 1)
