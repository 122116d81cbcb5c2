"""Colours, canvases and choices that all drawn pictures share."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Size = tuple[int, int]
Rng = np.random.Generator
Item = TypeVar("Item")

STYLES = ("primary", "vivid", "pastel", "dark", "grey", "any", "black_white")


def one_of(rng: Rng, items: Sequence[Item]) -> Item:
    return items[int(rng.integers(len(items)))]


def between(rng: Rng, low: float, high: float) -> int:
    """A whole number, both ends included; `low` where `high` is smaller."""
    return int(rng.integers(int(low), max(int(low), int(high)) + 1))


def chance(rng: Rng, share: float) -> bool:
    return bool(rng.random() < share)


def _from_hsv(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * r), round(255 * g), round(255 * b)


def colour(rng: Rng, style: str) -> Colour:
    """A colour of one of `STYLES`. Primary: each channel is 0 or 255."""
    hue, a, b = rng.random(3)
    if style == "primary":
        r, g, b3 = (255 * int(v) for v in rng.integers(0, 2, 3))
        return r, g, b3
    if style == "black_white":
        level = 255 * int(a < 0.5)
        return level, level, level
    if style == "grey":
        level = int(256 * a)
        return level, level, level
    if style == "any":
        return int(256 * hue), int(256 * a), int(256 * b)
    saturation, value = {
        "vivid": (1.0, 0.6 + 0.4 * float(a > 0.4)),
        "pastel": (0.15 + 0.3 * a, 0.85 + 0.15 * b),
        "dark": (0.3 + 0.7 * a, 0.1 + 0.3 * b),
    }[style]
    return _from_hsv(hue, saturation, value)


def palette(rng: Rng, number: int, style: str | None = None) -> list[Colour]:
    """Colours of one style, mostly, which is drawn if it is None; the first two surely differ."""
    chosen = style or one_of(rng, STYLES)
    shades = [
        colour(rng, one_of(rng, STYLES) if chance(rng, 0.15) else chosen) for _ in range(number)
    ]
    if number > 1 and max(abs(a - b) for a, b in zip(*shades[:2], strict=True)) < 40:
        r, g, b = (255 - v if v in (0, 255) else (v + 128) % 256 for v in shades[0])
        shades[1] = (r, g, b)
    return shades


def brightness(c: Colour) -> float:
    """Luma, 0 to 255."""
    return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]


def ink_on(rng: Rng, ground: Colour, least: float = 90) -> Colour:
    """A colour that can be read on `ground`: its luma differs by `least` or more."""
    plain = (0, 0, 0) if brightness(ground) > 127 else (255, 255, 255)
    if chance(rng, 0.5):
        return plain
    for _ in range(8):
        ink = colour(rng, one_of(rng, STYLES))
        if abs(brightness(ink) - brightness(ground)) >= least:
            return ink
    return plain


def ground_colour(rng: Rng) -> Colour:
    """A background: white most often, as in what people have, or black, grey, or coloured."""
    kind = rng.random()
    if kind < 0.4:
        return (255, 255, 255)
    if kind < 0.5:
        return (0, 0, 0)
    if kind < 0.65:
        level = between(rng, 235, 254)
        return level, level, level
    if kind < 0.8:
        return colour(rng, "dark")
    return colour(rng, one_of(rng, STYLES))


def painted(
    rng: Rng, size: Size, ground: Colour, paint: Callable[[ImageDraw.ImageDraw, int], None]
) -> Image.Image:
    """A canvas that `paint(pen, scale)` has painted: bilevel edges, or supersampled ones.

    Coordinates and widths are to be multiplied by the scale, which is 1 in half of the pictures.
    """
    scale = one_of(rng, (1, 1, 2, 3))
    image = Image.new("RGB", (size[0] * scale, size[1] * scale), ground)
    paint(ImageDraw.Draw(image), scale)
    return image if scale == 1 else image.reduce(scale)
