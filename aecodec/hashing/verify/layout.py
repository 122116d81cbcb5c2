"""Pictures that are laid out alike, be it between bars: candidates that their codes do not name.

A layout says of neighbouring places of a small copy which is the lighter one, across and down
(dHash; Krawetz, "Kind of like that", 2013). A button over a photograph changes much of its code,
and few of these bits. A copy with a frame or bars has a second layout, that of what lies within,
and what is shown on a screen with more than that has a third.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from aecodec.hashing.backends.faiss import FaissIndex
from aecodec.hashing.copies import SIDE, Copies
from aecodec.hashing.verify.align import FLAT, outlines, warp
from aecodec.hashing.verify.each import each
from aecodec.hashing.verify.frames import contents, has_frame, is_between, onto, shown_on_screens
from aecodec.hashing.verify.guess import sampling

_PLACES = 8  # a side, of a layout
_BITS = 2 * _PLACES**2
_RADIUS = 28
"""Bits in which layouts of candidates may differ: of 90 training photos and their screenshots 97 %
do not differ in more, of pieces of different photos 1 in 10,000."""
_LEAST, _LEAST_OF_MANY = 0.38, 0.55
"""Least correlation of outlines, as they lie: all of these photos have more, and of the pieces
whose layouts are near 1 %. Among many copies, of 202 that only their layouts name 195 have more
than the second, and of 2,915 other pairs 42 % less."""
_UNIT = 256  # of samples that are kept as bytes: so much is 1
_BATCH = 512
_MANY = 50_000  # copies, of which most that seem to have a frame have a plain edge only

Pairs = npt.NDArray[np.int64]
Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]


def alike(copies: Copies, nearest: int, progress: Progress = lambda done, total: None) -> Pairs:
    """Pairs of positions (P, 2), the smaller first, that may show the same.

    Args:
        copies: grey, (N, 32, 32).
        nearest: candidates of each layout, at most.
        progress: told (copies done, of how many).
    """
    layouts = _layouts(copies)
    least = _LEAST if len(copies) <= _MANY else _LEAST_OF_MANY
    index = FaissIndex(_BITS)
    index.add(np.arange(len(layouts.owner)), layouts.bits)
    found = [np.empty(0, np.int64)]
    for start in range(0, len(layouts.owner), _BATCH):
        # Of one copy all layouts may be near.
        far, near = index.search(layouts.bits[start : start + _BATCH], nearest + 3)
        own = np.broadcast_to(np.arange(start, start + len(near))[:, None], near.shape)
        usable = (far <= _RADIUS) & (layouts.owner[own] != layouts.owner[near])
        first, second = own[usable], near[usable]
        agree = np.einsum(
            "ps,ps->p", *(layouts.samples[rows].astype(np.float32) for rows in (first, second))
        )
        chosen = agree > least * _UNIT**2
        a, b = layouts.owner[first[chosen]], layouts.owner[second[chosen]]
        found.append(np.minimum(a, b) * len(copies) + np.maximum(a, b))
        progress(int(layouts.owner[own[-1, 0]]) + 1, len(copies))
    numbers = np.unique(np.concatenate(found))
    return np.stack([numbers // len(copies), numbers % len(copies)], 1)


@dataclass(frozen=True)
class _Layouts:
    """Of L layouts of N copies, one to three of each.

    Attributes:
        owner: which copy each is of, (L,), ascending.
        bits: packed, (L, 16).
        samples: outlines of mean 0 and norm `_UNIT`, or less where they are flat, int8 (L, 256).
    """

    owner: Pairs
    bits: npt.NDArray[np.uint8]
    samples: npt.NDArray[np.int8]


def _layouts(copies: Copies) -> _Layouts:
    @torch.inference_mode()
    def of(start: int) -> _Layouts:
        # Of these, some may be read from a file just now.
        squares = torch.from_numpy(np.array(copies[start : start + _BATCH]))[:, None].float() / 255
        boxes = contents(squares)
        is_framed = has_frame if len(copies) <= _MANY else is_between
        framed = torch.tensor([is_framed(box) for box in boxes.tolist()], dtype=torch.bool)
        shown, showing = shown_on_screens(squares)
        owner = torch.cat(
            [torch.arange(len(squares)), *(f.nonzero()[:, 0] for f in (framed, showing))]
        )
        order = owner.argsort(stable=True)
        inner = [warp(squares[f], onto(b[f])) for f, b in ((framed, boxes), (showing, shown))]
        pictures = torch.cat([squares, *inner])[order]
        return _Layouts(owner[order].numpy() + start, _bits(pictures), _samples(pictures))

    parts = list(each(of, range(0, len(copies), _BATCH)))
    return _Layouts(
        np.concatenate([np.empty(0, np.int64), *(part.owner for part in parts)]),
        np.concatenate([np.empty((0, _BITS // 8), np.uint8), *(part.bits for part in parts)]),
        np.concatenate([np.empty((0, SIDE**2 // 4), np.int8), *(p.samples for p in parts)]),
    )


def _bits(pictures: Tensor) -> npt.NDArray[np.uint8]:
    few, many = sampling(_PLACES), sampling(_PLACES + 1)
    across, down = few @ pictures[:, 0] @ many.T, many @ pictures[:, 0] @ few.T
    lighter = [across.diff(dim=2) > 0, down.diff(dim=1) > 0]
    return np.packbits(torch.cat([bits.flatten(1) for bits in lighter], 1).numpy(), axis=1)


def _samples(pictures: Tensor) -> npt.NDArray[np.int8]:
    samples = avg_pool2d(outlines(pictures), 2).flatten(1)
    centred = samples - samples.mean(1, keepdim=True)
    size = centred.norm(dim=1, keepdim=True).clamp_min(FLAT * SIDE / 2)
    return (centred * (_UNIT / size)).round().clamp(-127, 127).to(torch.int8).numpy()
