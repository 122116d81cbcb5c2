"""A sensor's filter of colours, after Bayer, and how cameras fill in what it leaves out."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Demosaicing = Literal["bilinear", "malvar", "directed"]
"""Linear filters, of neighbours only or those of Malvar, He and Cutler ("High-quality linear
interpolation for demosaicing of Bayer-patterned color images", 2004); or green along edges and the
others by their differences from it (Hamilton and Adams, US patent 5,629,734, 1997), which turns
noise into short lines.
"""

# Green where it is not; another colour from its row, from its column, from its diagonals.
_BILINEAR = (
    ((0, 1, 0), (1, 0, 1), (0, 1, 0)),
    ((0, 0, 0), (2, 0, 2), (0, 0, 0)),
    ((0, 2, 0), (0, 0, 0), (0, 2, 0)),
    ((1, 0, 1), (0, 0, 0), (1, 0, 1)),
)  # times 4
_MALVAR = (
    ((0, 0, -2, 0, 0), (0, 0, 4, 0, 0), (-2, 4, 8, 4, -2), (0, 0, 4, 0, 0), (0, 0, -2, 0, 0)),
    ((0, 0, 1, 0, 0), (0, -2, 0, -2, 0), (-2, 8, 10, 8, -2), (0, -2, 0, -2, 0), (0, 0, 1, 0, 0)),
    ((0, 0, -2, 0, 0), (0, -2, 8, -2, 0), (1, 0, 10, 0, 1), (0, -2, 8, -2, 0), (0, 0, -2, 0, 0)),
    ((0, 0, -3, 0, 0), (0, 4, 0, 4, 0), (-3, 0, 12, 0, -3), (0, 4, 0, 4, 0), (0, 0, -3, 0, 0)),
)  # times 16: Malvar, He and Cutler, 2004
_ALONG = (
    (-1, 2, 2, 2, -1),
    (0, 4, 0, -4, 0),
    (-4, 0, 8, 0, -4),
)  # times 4: what its row, or column, says of green, and two differences


def mosaic_of(x: Tensor, phase: tuple[int, int]) -> Tensor:
    """The one colour of each pixel behind a Bayer filter: (B, 1, H, W)."""
    mosaic = torch.empty_like(x[:, :1])
    for channel, (rows, columns) in zip((0, 1, 1, 2), _sites(phase), strict=True):
        mosaic[:, 0, rows, columns] = x[:, channel, rows, columns]
    return mosaic


def demosaic(mosaic: Tensor, phase: tuple[int, int], how: Demosaicing) -> Tensor:
    """(B, 1, H, W) to all three colours of each pixel, (B, 3, H, W)."""
    own = mosaic[:, 0]
    if how == "directed":
        base = _directed_green(mosaic, phase)
        others = _filtered(mosaic - base, _BILINEAR[1:], 4.0)
        green = base[:, 0]
        across, down, diagonal = (green + difference for difference in others)
    else:
        taps, total = (_MALVAR, 16.0) if how == "malvar" else (_BILINEAR, 4.0)
        green, across, down, diagonal = _filtered(mosaic, taps, total)
    colours = torch.empty_like(mosaic).expand(-1, 3, -1, -1).contiguous()
    sources = (
        (own, green, diagonal),
        (across, own, down),
        (down, own, across),
        (diagonal, green, own),
    )
    for source, (rows, columns) in zip(sources, _sites(phase), strict=True):
        for channel, values in enumerate(source):
            colours[:, channel, rows, columns] = values[:, rows, columns]
    return colours


def _directed_green(mosaic: Tensor, phase: tuple[int, int]) -> Tensor:
    """(B, 1, H, W): green everywhere, its own where it is, otherwise along what varies less."""
    row = torch.tensor(_ALONG)
    filters = torch.zeros(6, 5, 5)
    filters[:3, 2], filters[3:, :, 2] = row, row
    across, step, curve, down, step_down, curve_down = _filtered(mosaic, filters, 4)
    flat = step.abs() + curve.abs() <= step_down.abs() + curve_down.abs()
    green = torch.where(flat, across, down)[:, None]
    for rows, columns in _sites(phase)[1:3]:
        green[:, 0, rows, columns] = mosaic[:, 0, rows, columns]
    return green


def _filtered(mosaic: Tensor, taps: Any, total: float) -> tuple[Tensor, ...]:
    """(B, 1, H, W) through each of some filters: (B, H, W) of each."""
    filters = torch.as_tensor(taps, device=mosaic.device, dtype=mosaic.dtype)[:, None] / total
    padded = F.pad(mosaic, [filters.shape[-1] // 2] * 4, mode="reflect")  # keeps the pattern
    return F.conv2d(padded, filters).unbind(1)


def _sites(phase: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Rows and columns of red, green in rows of red, green in rows of blue, and blue."""
    down, right = phase
    return [
        (slice((row + down) % 2, None, 2), slice((column + right) % 2, None, 2))
        for row in (0, 1)
        for column in (0, 1)
    ]
