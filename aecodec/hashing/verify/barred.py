"""Screenshots: all of one picture lies between bars in the other, as it is.

A telephone shows a picture as wide or as high as its screen, and so much is known of its place that
only this very picture fits there. So whatever kind it is of, a button over it may be passed over,
which on a page or a chart would be what differs; but its colours have to be the same.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from aecodec.hashing.copies import SIDE
from aecodec.hashing.verify import align

_LEAST, _MOST = 0.07, 0.6  # of a side, that bars take at its two ends
_TRIES, _CLOSER = 17, 9  # places between these, and around the best of them
_POSSIBLE, _CORRELATION = 0.3, 0.4  # of outlines, of small copies and in the end
_STEPS = 4
_PLAIN, _NEAR = 0.6, 0.06  # of a bar, in which there may be text; colours that count as one
_BLEND = 2.5  # pixels; a smaller margin is none


def fitted(part: Tensor, whole: Tensor, sizes: Tensor) -> tuple[Tensor, list[bool]]:
    """Maps (N, 2, 3) from parts to where they lie between bars of wholes; and whether they do.

    Args:
        part, whole: RGB squares (N, 3, S, S), 0 to 1.
        sizes: of the two pictures, width and height, (N, 2, 2): part, whole.
    """
    wider = sizes[:, 0, 0] * sizes[:, 1, 1] / (sizes[:, 0, 1] * sizes[:, 1, 0])
    extent = torch.stack([wider, 1 / wider], 1).clamp_max(1)  # across and down
    free = 1 - extent
    room = free.amax(1)
    maps = _placed(extent, torch.zeros(len(part), 2))
    likely = (room >= _LEAST) & (room <= _MOST)
    shift, reach = torch.zeros(len(part)), 1.0
    for side, many, least in ((SIDE, _TRIES, _POSSIBLE), (part.shape[-1], _CLOSER, _CORRELATION)):
        rows = likely.nonzero()[:, 0]
        if not len(rows):
            break
        near, far = (_outlines(picture[rows], side) for picture in (part, whole))
        shifts = shift[rows, None] + reach * torch.linspace(-1, 1, many)
        places = _placed(extent[rows, None], free[rows, None] * shifts[..., None])
        near, far = (picture.repeat_interleave(many, 0) for picture in (near, far))
        scores = align.correlation(near, far, places.flatten(0, 1)).reshape(-1, many)
        best = scores.argmax(1, keepdim=True)
        shift[rows], reach = shifts.gather(1, best)[:, 0], reach * 2 / (many - 1)
        maps[rows] = places[torch.arange(len(rows)), best[:, 0]]
        likely[rows] = scores.amax(1) > least
    rows = likely.nonzero()[:, 0]
    if len(rows):
        near, far = (_outlines(picture[rows], picture.shape[-1]) for picture in (part, whole))
        shapes = sizes[rows, 0, 0] / sizes[rows, 0, 1]
        maps[rows] = align.refine_if_better(near, far, maps[rows], _STEPS, shapes)
    return maps, [
        alike and is_between_bars(whole[row], maps[row])
        for row, alike in enumerate(likely.tolist())
    ]


def may_fit(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether bars have room beside one of two pictures of these sizes in the other."""
    wider = first[0] * second[1] / (first[1] * second[0])
    return _LEAST <= 1 - min(wider, 1 / wider) <= _MOST


def is_between_bars(whole: Tensor, maps: Tensor) -> bool:
    """Whether what is around a part's place in the whole (3, S, S) is plain, be there text."""
    side = whole.shape[-1]
    (across, _, x), (_, down, y) = maps.tolist()
    # With the left, the top, the right, the bottom on top.
    for turns, low in ((3, x - across), (0, y - down), (1, -x - across), (2, -y - down)):
        margin = (1 + low) * side / 2
        strip = whole.rot90(turns, (1, 2))[:, : max(1, int(margin) - 1)].flatten(1)
        apart = (strip - strip.median(1, keepdim=True).values).abs().amax(0)
        if margin > _BLEND and float((apart < _NEAR).float().mean()) < _PLAIN:
            return False
    return True


def _placed(extent: Tensor, offset: Tensor) -> Tensor:
    return torch.cat([torch.diag_embed(extent.expand_as(offset)), offset[..., None]], -1)


def _outlines(pictures: Tensor, side: int) -> Tensor:
    return align.outlines(avg_pool2d(align.grey(pictures), pictures.shape[-1] // side))
