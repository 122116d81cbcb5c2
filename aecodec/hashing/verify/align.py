"""Where one picture lies in another: the affine map from a part to the whole, batched.

Pictures are squashed to squares, and coordinates go from -1 to 1 over each, x first, as in
`torch.nn.functional.grid_sample`; a map is a (2, 3) matrix from the part's coordinates to the
whole's. A first guess (`guess.py`) is made finer by least squares on the pixels themselves, level
by level (Baker and Matthews, "Lucas-Kanade 20 years on", 2004, IJCV 56), with what does not fit
weighted down (Tukey's biweight), so that a bar or a button does not pull.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from aecodec.hashing.verify.bands import Band, bands, filtered

FLAT = 0.1
"""Deviation of outlines below which a place counts as having this."""

_FAINT = 0.03  # deviation, of [0, 1], of what is no outline
_SURPLUS = 1e-4  # of the diagonal, so that flat pictures can be solved, too
_AT_ONCE = 2**16  # pixels that are worked on together
_IN_BANDS = 128  # pixels a side, from which less than half of what is averaged is near


def squares(images: Sequence[Image.Image], side: int) -> Tensor:
    """float32 (N, 3, side, side), 0 to 1."""
    # Several pairs may have one picture.
    places = {number: place for place, number in enumerate(dict.fromkeys(map(id, images)))}
    known = {id(image): image for image in images}.values()
    resized = [image.resize((side, side), Image.Resampling.BILINEAR) for image in known]
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in resized]))
    found = (
        pixels.permute(0, 3, 1, 2)
        .to(torch.float32, memory_format=torch.contiguous_format)
        .div_(255)
    )
    return found if len(known) == len(images) else found[[places[id(image)] for image in images]]


def grey(pictures: Tensor) -> Tensor:
    """Luma (N, 1, H, W) of RGB (N, 3, H, W)."""
    count, _, *shape = pictures.shape
    return (torch.tensor([[0.299, 0.587, 0.114]]) @ pictures.flatten(2)).view(count, 1, *shape)


def outlines(pictures: Tensor) -> Tensor:
    """Grey pictures (N, 1, S, S) less their surroundings' mean, divided by the deviation there.

    So neither a dark bar nor a light sky outweighs the rest.
    """
    mean = _around(pictures)
    centred = pictures - mean
    return centred / (_around(centred.square()) + _FAINT**2).sqrt()


def _around(pictures: Tensor) -> Tensor:
    side = pictures.shape[-1]
    if side >= _IN_BANDS:
        return filtered(pictures, _averaging_in_bands(side))
    averaging = _averaging(side)
    return averaging @ pictures @ averaging.T


@cache
def _averaging_in_bands(side: int) -> list[Band]:
    return bands(_averaging(side))


@cache
def _averaging(side: int) -> Tensor:
    """(side, side): means of what is around each pixel; the edge goes on beyond it."""
    reach = max(1, side // 10)
    places = (torch.arange(side)[:, None] + torch.arange(-reach, reach + 1)).clamp(0, side - 1)
    return torch.zeros(side, side).scatter_add(1, places, torch.ones(places.shape)) / (
        2 * reach + 1
    )


def warp(whole: Tensor, maps: Tensor) -> Tensor:
    """The whole pictures (N, C, S, S) as the part's grid sees them."""
    if torch.equal(maps, torch.eye(2, 3).expand_as(maps)):
        return whole
    return grid_sample(
        whole,
        _side_by_side(*_grid(maps, whole.shape[-1])),
        padding_mode="border",
        align_corners=False,
    )


def inside(maps: Tensor, side: int, margin: float = 0.0) -> Tensor:
    """bool (N, side, side): which pixels of the part lie in the whole picture."""
    x, y = _grid(maps, side)
    return (x.abs() <= 1 - margin) & (y.abs() <= 1 - margin)


def _grid(maps: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Where the part's pixels lie: x and y, (N, side, side)."""
    # As `affine_grid`, which takes several times as long.
    ticks = (torch.arange(side, dtype=maps.dtype) * 2 + 1) / side - 1
    across, down, offset = maps[..., None].unbind(2)
    x, y = ((across * ticks)[:, :, None] + (down * ticks + offset)[..., None]).unbind(1)
    return x, y


def _side_by_side(x: Tensor, y: Tensor) -> Tensor:
    """(N, S, S, 2). As `stack`, which takes five times as long."""
    return torch.view_as_real(torch.complex(x, y))


def inverse(maps: Tensor) -> Tensor:
    """The maps the other way round, (..., 2, 3)."""
    linear = torch.linalg.inv(maps[..., :2])
    return torch.cat([linear, -linear @ maps[..., 2:]], -1)


@cache
def orientations() -> Tensor:
    """The eight of them, (8, 2, 2): quarter turns, and those of the mirror image."""
    found = []
    for mirror in (1.0, -1.0):
        for quarter in range(4):
            c, s = round(math.cos(quarter * math.pi / 2)), round(math.sin(quarter * math.pi / 2))
            found.append([[c * mirror, -s], [s * mirror, c]])
    return torch.tensor(found, dtype=torch.float32)


def refine(
    part: Tensor, whole: Tensor, maps: Tensor, steps: int, shapes: Tensor | None = None
) -> Tensor:
    """Better maps (N, 2, 3) for grey pictures (N, 1, S, S).

    Args:
        part, whole, maps: as everywhere.
        steps: of refining.
        shapes: width by height of the parts' pictures, (N,); with these, pictures are moved,
            scaled and rotated only, and not stretched any more than they are.
    """
    # So many that what is computed of them stays in the processor's cache.
    some = max(1, _AT_ONCE // part[0].numel())
    chunks = part.split(some), whole.split(some), maps.split(some)
    basis = [None] * len(chunks[0]) if shapes is None else _movements(shapes).split(some)
    return torch.cat(
        [_refined(a, b, near, steps, one) for a, b, near, one in zip(*chunks, basis, strict=True)]
    )


def _refined(part: Tensor, whole: Tensor, maps: Tensor, steps: int, basis: Tensor | None) -> Tensor:
    """The same; with a basis (N, 8, 6), of movements of only these kinds."""
    side = part.shape[-1]
    ticks = (torch.arange(side) * 2 + 1) / side - 1
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    target = part[:, 0]
    # Derivatives by the map's six numbers, gain and offset; and what is left.
    columns = torch.empty(len(part), 9, side, side)
    for _ in range(steps):
        seen, mask = _seen(whole, maps)
        gain, offset = _line(seen, target, mask)
        fitted = torch.addcmul(offset, gain, seen)
        rest = torch.sub(target, fitted, out=columns[:, 8]).mul_(mask)
        weight = _biweight(rest, mask).mul_(mask)
        padded = pad(fitted[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
        across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]).mul_(side / 4)
        down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]).mul_(side / 4)
        for number, slope in ((0, across), (3, down)):
            torch.mul(slope, x, out=columns[:, number])
            torch.mul(slope, y, out=columns[:, number + 1])
            columns[:, number + 2] = slope
        columns[:, 6], columns[:, 7] = seen, mask
        weighted = (columns[:, :8] * weight[:, None]).flatten(2)
        normal, right = (weighted @ columns.flatten(2).transpose(1, 2)).split([8, 1], 2)
        diagonal = normal.diagonal(dim1=1, dim2=2)
        normal = normal + torch.diag_embed(_SURPLUS * diagonal + 1e-6)
        if basis is None:
            found = torch.linalg.solve(normal, right)
        else:
            found = basis @ torch.linalg.solve(
                basis.transpose(1, 2) @ normal @ basis, basis.transpose(1, 2) @ right
            )
        change = found[:, :6, 0].reshape(-1, 2, 3)
        change = change.nan_to_num().clamp(-0.15, 0.15)
        linear = torch.eye(2) + change[:, :, :2]
        maps = torch.cat(
            [maps[:, :, :2] @ linear, maps[:, :, :2] @ change[:, :, 2:] + maps[:, :, 2:]], 2
        )
    return maps


def refine_if_better(
    part: Tensor, whole: Tensor, maps: Tensor, steps: int, shapes: Tensor
) -> Tensor:
    """The same, without stretching, where the pictures correlate more then.

    A thing on a ground with something over it may be drawn away from where it lies already.
    """
    moved = refine(part, whole, maps, steps, shapes)
    before, after = (correlation(part, whole, places) for places in (maps, moved))
    return torch.where((after > before)[:, None, None], moved, maps)


def _movements(shapes: Tensor) -> Tensor:
    """What a small scaling, rotation and two shifts are made of, and gain and offset as they are:
    (N, 8, 6).
    """
    basis = torch.zeros(len(shapes), 8, 6)
    basis[:, 0, 0] = basis[:, 4, 0] = 1
    basis[:, 1, 1], basis[:, 3, 1] = -1 / shapes, shapes
    for row, column in ((2, 2), (5, 3), (6, 4), (7, 5)):
        basis[:, row, column] = 1
    return basis


def similar(maps: Tensor, part: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest maps (N, 2, 3) that do not stretch; and the ratio of both directions of these.

    Args:
        maps: (N, 2, 3).
        part, whole: width and height of the pictures, (N, 2).
    """
    pixels = whole[:, :, None] * maps[:, :, :2] / part[:, None]
    u, sizes, v = torch.linalg.svd(pixels)
    scale = sizes.prod(1).sqrt()[:, None, None]
    linear = scale * (u @ v) / whole[:, :, None] * part[:, None]
    return torch.cat([linear, maps[:, :, 2:]], 2), sizes[:, 0] / sizes[:, 1].clamp_min(1e-6)


def correlation(part: Tensor, whole: Tensor, maps: Tensor) -> Tensor:
    """Of grey pictures (N, 1, S, S), where they overlap; times the share of that, if below 0.6."""
    seen, mask = _seen(whole, maps)
    count = mask.sum((1, 2)).clamp_min(1)
    a = (part[:, 0] - (part[:, 0] * mask).sum((1, 2), keepdim=True) / count[:, None, None]) * mask
    b = (seen - (seen * mask).sum((1, 2), keepdim=True) / count[:, None, None]) * mask
    floor = count.sqrt() * FLAT
    sizes = a.flatten(1).norm(dim=1).clamp_min(floor) * b.flatten(1).norm(dim=1).clamp_min(floor)
    found: Tensor = (a * b).sum((1, 2)) / sizes
    return found * (count / mask[0].numel() / 0.6).clamp_max(1)


def _seen(whole: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Grey pictures (N, 1, S, S) as the part's grid sees them, and where it does, (N, S, S)."""
    x, y = _grid(maps, whole.shape[-1])
    seen = grid_sample(whole, _side_by_side(x, y), padding_mode="border", align_corners=False)[:, 0]
    return seen, torch.maximum(x.abs_(), y.abs_()).le_(1)


def _line(seen: Tensor, target: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset (N, 1, 1) from what is seen to the target."""
    known = torch.stack([mask, seen, target], 1).flatten(2)
    sums = (known[:, :2] * mask.flatten(1)[:, None]) @ known.transpose(1, 2)
    count = sums[:, 0, 0].clamp_min(1)
    mean, aim = sums[:, 0, 1] / count, sums[:, 0, 2] / count
    spread = (sums[:, 1, 1] - count * mean.square()).clamp_min(0)
    gain = (sums[:, 1, 2] - count * mean * aim) / (spread + 1e-6)
    gain = gain.clamp(0.2, 5)
    return gain[:, None, None], (aim - gain * mean)[:, None, None]


def _biweight(rest: Tensor, mask: Tensor) -> Tensor:
    """Weights 0 to 1; the scale is 3 times the mean size of what does not fit."""
    count = mask.sum((1, 2), keepdim=True).clamp_min(1)
    scale = 3 * rest.abs().sum((1, 2), keepdim=True) / count + 0.1
    return (rest / scale).square_().neg_().add_(1).clamp_min_(0).square_()
