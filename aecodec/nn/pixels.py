"""Pillow images to tensors and back, an area at a time: a large image is never a tensor whole."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from aecodec.nn.tiling import Area, Window

Levels = tuple[int, int]
"""The levels of an image's pixels that are 0 and 1 to a network."""


def read_area(
    pixels: Image.Image,
    area: Area,
    stride: int,
    beyond: Literal["edge", "reflect"] = "edge",
    levels: Levels | None = None,
) -> Tensor:
    """Pixels of an area as float32 (1, 3, H, W) in [0, 1], in channels-last order.

    Grey becomes three equal channels.

    Args:
        pixels: Pillow image of mode "RGB", "L" or "I;16".
        area: in positions that stand for `stride` x `stride` pixels each.
        beyond: what is there below and right of the image: its last row and column
            repeated, or its reflection.
        levels: black and white; None: all that the mode has.
    """
    rows, columns = area
    top, left = rows.start * stride, columns.start * stride
    bottom, right = rows.stop * stride, columns.stop * stride
    box = (left, top, min(right, pixels.width), min(bottom, pixels.height))
    array = np.asarray(pixels.crop(box))
    missing = [(0, bottom - box[3]), (0, right - box[2])] + [(0, 0)] * (array.ndim - 2)
    if bottom > box[3] or right > box[2]:  # np.pad would copy all the same
        array = np.pad(array, missing, mode=beyond)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    # One float array and no more: large temporaries cost more than the arithmetic.
    low, high = levels or full_range(pixels.mode)
    x = torch.from_numpy(array.astype(np.float32))
    if low:
        x.sub_(low)
    x.div_(high - low)
    return x.permute(2, 0, 1)[None]


def write_tile(
    image: Image.Image,
    window: Window,
    x: Tensor,
    stride: int,
    levels: Levels | None = None,
) -> None:
    """Paste a tile, rounded to the image's levels; what lies beyond the image is dropped.

    Args:
        image: Pillow image of mode "RGB", "L" or "I;16", changed in place.
        window: in positions of `stride` x `stride` pixels.
        x: the pixels (1, 3, H, W) of its outer area, in [0, 1] (clipped); for a grey
            image the channels are averaged.
        levels: as for `read_area`.
    """
    rows, columns = (slice(s.start * stride, s.stop * stride) for s in window.inside)
    top, left = window.top * stride, window.left * stride
    height, width = image.height - top, image.width - left
    tile = x[0, :, rows, columns][:, :height, :width]
    image.paste(to_pillow(tile, image.mode, levels), (left, top))


def to_pillow(x: Tensor, mode: str, levels: Levels | None = None) -> Image.Image:
    """Pixels (3, H, W) in [0, 1], clipped and rounded to the levels of a mode."""
    if mode != "RGB":
        x = x.mean(0, keepdim=True)
    low, high = levels or full_range(mode)
    rounded = (x * (high - low)).round_().clamp_(0, high - low).add_(low)
    return _to_pillow(rounded.permute(1, 2, 0).cpu().numpy(), mode)


def full_range(mode: str) -> Levels:
    """The lowest and highest level of a mode."""
    return 0, 65535 if mode == "I;16" else 255


def _to_pillow(levels: npt.NDArray[np.float32], mode: str) -> Image.Image:
    if mode == "RGB":
        return Image.fromarray(levels.astype(np.uint8))
    return Image.fromarray(levels[..., 0].astype("<u2" if mode == "I;16" else np.uint8))
