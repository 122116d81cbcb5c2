"""Pillow images to float arrays and back, an area at a time: a large one is never floats whole."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from aecodec.nn.arrays import FloatArray
from aecodec.nn.tiling import Area, Window

Levels = tuple[int, int]
"""The levels of an image's pixels that are 0 and 1 to a network."""


def read_area(
    pixels: Image.Image,
    area: Area,
    stride: int,
    beyond: Literal["edge", "reflect"] = "edge",
    levels: Levels | None = None,
) -> FloatArray:
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
    x = array.astype(np.float32)
    if low:
        x -= low
    x /= high - low
    return x.transpose(2, 0, 1)[None]


def write_tile(image: Image.Image, window: Window, x: FloatArray, stride: int) -> None:
    """Paste a tile, rounded to the image's levels; what lies beyond the image is dropped.

    Args:
        image: Pillow image of mode "RGB", "L" or "I;16", changed in place.
        window: in positions of `stride` x `stride` pixels.
        x: the pixels (1, 3, H, W) of its outer area, in [0, 1] (clipped); for a grey
            image the channels are averaged.
    """
    rows, columns = (slice(s.start * stride, s.stop * stride) for s in window.inside)
    top, left = window.top * stride, window.left * stride
    height, width = image.height - top, image.width - left
    tile = x[0, :, rows, columns][:, :height, :width]
    image.paste(to_pillow(tile, image.mode), (left, top))


def to_pillow(x: FloatArray, mode: str, levels: Levels | None = None) -> Image.Image:
    """Pixels (3, H, W) in [0, 1], clipped and rounded to the levels of a mode."""
    if mode != "RGB":
        x = x.mean(0, keepdims=True)
    low, high = levels or full_range(mode)
    scaled = x * np.float32(high - low)
    np.clip(np.round(scaled, out=scaled), 0, high - low, out=scaled)
    if low:
        scaled += low
    if mode == "RGB":
        return Image.merge("RGB", [Image.fromarray(plane) for plane in scaled.astype(np.uint8)])
    return Image.fromarray(scaled[0].astype("<u2" if mode == "I;16" else np.uint8))


def full_range(mode: str) -> Levels:
    """The lowest and highest level of a mode."""
    return 0, 65535 if mode == "I;16" else 255
