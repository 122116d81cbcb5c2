"""Frames around pictures, and the bars of a screenshot: what lies within, and where that was."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

Box = tuple[float, float, float, float]

WHOLE: Box = (-1.0, -1.0, 1.0, 1.0)

_NEAR = 0.06  # colours that count as one
_PLAIN, _IN_BAR, _BAR_PLAIN, _BEYOND_BAR = 0.9, 0.2, 0.45, 0.15
"""Share of one colour in a row of a frame; in one of a bar, which may have text, and on average;
and in one of the three rows beyond a bar."""
_LARGEST_MARGIN = 0.3  # of a side
_LEAST_FRAME = 0.02  # of a side, at one edge; less is none


def contents(pictures: Tensor) -> Tensor:
    """What is within frames and bars of RGB pictures (N, 3, S, S): left, top, right, bottom, from
    -1 to 1, (N, 4). Where there is a frame, a pixel of S more is left out.
    """
    side = pictures.shape[-1]
    margins = []
    for quarter in (1, 0, -1, 2):  # so that the left, the top, ... is above
        turned = pictures.rot90(-quarter, (2, 3))
        colour = turned[:, :, 1].median(2, keepdim=True).values
        near = ((turned - colour[:, :, None]).abs().amax(1) < _NEAR).float().mean(2)
        plain = (near > _PLAIN).float().cumprod(1).sum(1)
        bar = (near > _IN_BAR).float().cumprod(1).sum(1)
        inside = near.cumsum(1).gather(1, bar.long().clamp(1, side)[:, None] - 1)[:, 0]
        beyond = (bar.long()[:, None] + torch.arange(3)).clamp_max(side - 1)
        ends = near.gather(1, beyond).amin(1) < _BEYOND_BAR
        height = torch.where(ends & (inside > _BAR_PLAIN * bar), bar, plain)
        some = (height > 0) & (height <= _LARGEST_MARGIN * side)
        margins.append(torch.where(some, (height + 1) / side, 0))
    left, top, right, bottom = margins
    return torch.stack([2 * left - 1, 2 * top - 1, 1 - 2 * right, 1 - 2 * bottom], 1)


def strip(image: Image.Image, box: Box) -> Image.Image:
    """What is within a box."""
    (left, right), (top, bottom) = (
        ((low + 1) / 2 * side, (high + 1) / 2 * side)
        for low, high, side in ((box[0], box[2], image.width), (box[1], box[3], image.height))
    )
    return image.crop((round(left), round(top), round(right), round(bottom)))


def stripped_size(size: tuple[int, int], box: Box) -> tuple[int, int]:
    """Width and height of that, at least 1."""
    width, height = (size[n] * (box[n + 2] - box[n]) / 2 for n in (0, 1))
    return max(1, round(width)), max(1, round(height))


def onto(boxes: Tensor) -> Tensor:
    """Maps (N, 2, 3) from what lies in boxes (N, 4) to the pictures."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return torch.cat([torch.diag_embed((high - low) / 2), (low + high)[:, :, None] / 2], 2)


def edges(box: Sequence[float]) -> list[bool]:
    """Whether there is something around it: at the left, the top, the right, the bottom."""
    return [one > 2 * _LEAST_FRAME for one in (1 + box[0], 1 + box[1], 1 - box[2], 1 - box[3])]


def has_frame(box: Sequence[float]) -> bool:
    return any(edges(box))


def is_between(box: Sequence[float]) -> bool:
    """Whether there is something at two edges that lie opposite each other."""
    left, top, right, bottom = edges(box)
    return (left and right) or (top and bottom)


def is_framed(a: Box, b: Box) -> bool:
    """Whether one of two boxes has a frame at all four edges, and the other is all."""
    return any(all(edges(one)) and other == WHOLE for one, other in ((a, b), (b, a)))


def unstripped(maps: Tensor, part: Box, whole: Box) -> Tensor:
    """A map (2, 3) between what lies in boxes of two pictures, as one between these."""
    (part_centre, part_half), (whole_centre, whole_half) = (
        ((low + high) / 2, (high - low) / 2)
        for low, high in ((torch.tensor(b[:2]), torch.tensor(b[2:])) for b in (part, whole))
    )
    linear = whole_half[:, None] * maps[:, :2] / part_half
    offset = whole_centre + whole_half * maps[:, 2] - linear @ part_centre
    return torch.cat([linear, offset[:, None]], 1)
