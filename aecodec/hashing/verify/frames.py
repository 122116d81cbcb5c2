"""Frames around pictures, and the bars of a screenshot: what lies within, and where that was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Box = tuple[float, float, float, float]

WHOLE: Box = (-1.0, -1.0, 1.0, 1.0)

_NEAR = 0.06  # colours that count as one
_PLAIN, _IN_BAR, _BAR_PLAIN, _BEYOND_BAR = 0.9, 0.2, 0.45, 0.15
"""Share of one colour in a row of a frame; in one of a bar, which may have text, and on average;
and in one of the three rows beyond a bar."""
_BORDER, _SET_OFF, _BLEND = 0.45, 0.5, 2
"""Share of one colour in what is around a picture, and of the pixels at its edge that differ from
those beyond; and pixels by which the edge is blurred."""
_LARGEST_MARGIN = 0.3  # of a side
_LEAST_SHOWN, _MOST_SHOWN = 0.2, 0.85  # of a side, that a screen shows a picture on
_LEAST_FRAME = 0.02  # of a side, at one edge; less is none


def contents(pictures: Tensor) -> Tensor:
    """What is within frames and bars of RGB pictures (N, 3, S, S): left, top, right, bottom, from
    -1 to 1, (N, 4). Where there is a frame, a pixel of S more is left out.
    """
    side = pictures.shape[-1]
    margins = []
    columns = pictures.transpose(2, 3).contiguous()
    # Lines from the left, the top, the right, the bottom.
    for lines, last in ((columns, False), (pictures, False), (columns, True), (pictures, True)):
        colour = lines[:, :, side - 2 if last else 1].median(2, keepdim=True).values
        near = ((lines - colour[:, :, None]).abs_().amax(1) < _NEAR).float().mean(2)
        near = near.flip(1) if last else near
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


def shown_on_screens(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """What is shown between bars of any height, whatever lies at the far ends of these: boxes
    (N, 4) of grey pictures (N, 1, S, S), and which of them show something so, bool (N,).
    """
    side = pictures.shape[-1]
    ends = []
    for lines in (pictures[:, 0].transpose(1, 2), pictures[:, 0]):  # across, then down
        # As `median`, which takes nine times as long where there is AVX-512.
        colours = torch.from_numpy(np.sort(lines.numpy(), 2)[:, :, (side - 1) // 2, None])
        plain = ((lines - colours).abs() < _NEAR).float().mean(2) > _PLAIN
        ground = colours[:, :, 0].where(plain, torch.nan).nanmedian(1, keepdim=True).values
        filled = ~(plain & ((colours[:, :, 0] - ground).abs() < _NEAR))
        # How many filled lines end with each; the longest run of these.
        run = torch.zeros(len(lines))
        runs = torch.stack([run := (run + 1) * one for one in filled.float().unbind(1)], 1)
        longest, last = runs.max(1)
        ends += [last + 1 - longest, last + 1]
    left, right, top, bottom = ends
    boxes = torch.stack([left, top, right, bottom], 1) / side * 2 - 1
    extent = torch.stack([right - left, bottom - top], 1) / side
    between = ((left > 0) & (right < side)) | ((top > 0) & (bottom < side))
    return boxes, between & (extent.amin(1) > _LEAST_SHOWN) & (extent.amin(1) < _MOST_SHOWN)


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


def box_of(maps: Sequence[Sequence[float]]) -> Box:
    """Where all of a part lies in the whole, by a map (2, 3)."""
    (xx, xy, x), (yx, yy, y) = maps
    across, down = abs(xx) + abs(xy), abs(yx) + abs(yy)
    return x - across, y - down, x + across, y + down


def has_border(picture: Tensor, box: Box) -> bool:
    """Whether what is around a box of an RGB picture (3, S, S) is a frame or bars: mostly of one
    colour, be there text, and set off from what is within, as a sky is not.
    """
    side, found = picture.shape[-1], False
    left, top, right, bottom = (
        one * side / 2 for one in (1 + box[0], 1 + box[1], 1 - box[2], 1 - box[3])
    )
    for quarter, margin in ((3, left), (0, top), (1, right), (2, bottom)):
        height = round(margin)
        if height <= _BLEND or height + _BLEND >= side:
            continue
        turned = picture.rot90(quarter, (1, 2))
        rows = turned[:, : height - 1].flatten(1)
        apart = (rows - rows.median(1, keepdim=True).values).abs().amax(0)
        step = (turned[:, height - _BLEND - 1] - turned[:, height + _BLEND]).abs().amax(0)
        if (apart < _NEAR).float().mean() < _BORDER or (step > _NEAR).float().mean() < _SET_OFF:
            return False
        found = True
    return found


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
