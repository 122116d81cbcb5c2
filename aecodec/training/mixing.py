"""Pictures that are in no photo: two of them blended along a soft edge, in other colours.

A network that has seen the same few hundred photos for long enough knows them, and tells them
apart better than those it has not seen. It has never seen a blend of two before. Yun et al.
paste rectangles for the same reason (CutMix, 2019, arXiv:1905.04899); a soft edge does not give
away where one picture ends.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

_SHAPE = 3  # random numbers a side that a mask is drawn from
_SOFT, _HARD = 5.0, 100.0  # slopes of its edge
_LEAST = 0.3  # fraction that either picture keeps, about


def mix(x: Tensor, y: Tensor, seed: int) -> Tensor:
    """Each picture of x blended with that of y, uint8 (B, 3, S, S) both; a function of the seed."""
    generator = torch.Generator(x.device).manual_seed(seed)
    mask = _masks(len(x), x.shape[-1], x.device, generator)
    blended = torch.lerp(x.float(), y.float(), mask)
    angles = 2 * math.pi * torch.rand(len(x), generator=generator, device=x.device)
    turned = torch.einsum("bij,bjhw->bihw", hue_rotations(angles), blended)
    return turned.round().clamp(0, 255).to(torch.uint8)


def _masks(count: int, side: int, device: torch.device, generator: Generator) -> Tensor:
    """(count, 1, side, side) from 0 to 1: a few smooth blobs."""
    noise = torch.rand(count, 1, _SHAPE, _SHAPE, generator=generator, device=device)
    smooth = F.interpolate(noise, (side, side), mode="bicubic", align_corners=True).flatten(1)
    shares, slopes = torch.rand(2, count, 1, generator=generator, device=device)
    place = ((_LEAST + (1 - 2 * _LEAST) * shares) * (side * side - 1)).long()
    edge = smooth.sort(1).values.gather(1, place)
    slopes = _SOFT * (_HARD / _SOFT) ** slopes
    return ((smooth - edge) * slopes).sigmoid().view(count, 1, side, side)


def hue_rotations(angles: Tensor) -> Tensor:
    """(B,) angles in radians to matrices (B, 3, 3) that turn colours about the greys."""
    cos, sin = angles.cos().view(-1, 1, 1), angles.sin().view(-1, 1, 1) / math.sqrt(3)
    across = angles.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return cos * torch.eye(3, device=angles.device) + (1 - cos) / 3 + sin * across
