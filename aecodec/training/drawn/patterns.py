"""Colour bars, gradients, plain colours, stripes and checkerboards."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from aecodec.training.drawn.colours import (
    STYLES,
    Rng,
    Size,
    between,
    chance,
    colour,
    one_of,
    palette,
)
from aecodec.training.drawn.text import font, words

_BARS = ("white", "yellow", "cyan", "lime", "magenta", "red", "blue", "black")


def ramp(rng: Rng, size: Size) -> NDArray[np.float32]:
    """(H, W) in 0 to 1: linear at any angle, radial, conical, or a product of waves."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(size)
    kind, turn = between(rng, 0, 3), float(rng.uniform(0, 2 * np.pi))
    x0, y0 = float(rng.uniform(0, width / max(size))), float(rng.uniform(0, height / max(size)))
    if kind == 0:
        turn = one_of(rng, (0.0, np.pi / 2, turn))
        field = x * math.cos(turn) + y * math.sin(turn)
    elif kind == 1:
        field = np.hypot(x - x0, y - y0)
    elif kind == 2:
        field = np.abs(np.arctan2(y - y0, x - x0))
    else:
        a, b = rng.uniform(1, 9, 2)
        field = np.sin(a * x + turn) * np.cos(b * y)
    field = (field - field.min()) / max(float(np.ptp(field)), 1e-6)
    return field.astype(np.float32)


def coloured(field: NDArray[np.float32], stops: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) in 0 to 1 to (H, W, 3), between colours (N, 3) at equal distances."""
    at = np.linspace(0, 1, len(stops))
    lut = np.stack([np.interp(np.linspace(0, 1, 2048), at, stops[:, c]) for c in range(3)], 1)
    return lut.astype(np.float32)[(field * 2047).astype(np.int32)]


def gradient(rng: Rng, size: Size) -> Image.Image:
    """Smooth or in bands, between two to five colours; or each colour a ramp of its own."""
    if chance(rng, 0.2):
        pixels = np.stack([255 * ramp(rng, size) for _ in range(3)], 2)
    else:
        field = ramp(rng, size)
        if chance(rng, 0.3):
            bands = between(rng, 2, 32)
            field = np.minimum(np.floor(field * bands), bands - 1) / (bands - 1)
        stops = palette(rng, between(rng, 2, 5))
        pixels = coloured(field, np.array(stops, np.float32))
    if chance(rng, 0.15):  # as renderers do against bands
        pixels = pixels + rng.random(pixels.shape, np.float32) - 0.5
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def colour_bars(rng: Rng, size: Size) -> Image.Image:
    """A test card: rows of bars, saturated, grey steps or ramps; a disc or grid on some."""
    image = Image.new("RGB", size)
    pen = ImageDraw.Draw(image)
    rows, y = between(rng, 1, 4), 0
    heights = np.diff(np.concatenate([[0], np.sort(rng.uniform(0.1, 1, rows - 1)), [1]]))
    for share in heights:
        bottom = y + math.ceil(float(share) * size[1])
        kind, number = between(rng, 0, 4), between(rng, 2, 24)
        shades: list[tuple[int, int, int] | str]
        if kind <= 1:
            shades = list(_BARS[:: one_of(rng, (1, -1))])
        elif kind == 2:
            shades = [(v, v, v) for v in np.linspace(0, 255, number).astype(int).tolist()]
        else:
            shades = list(palette(rng, number, one_of(rng, ("primary", "vivid", "any"))))
        for i, shade in enumerate(shades):
            left, right = (round(size[0] * j / len(shades)) for j in (i, i + 1))
            pen.rectangle((left, y, max(left, right - 1), bottom), shade)
        y = bottom
    if chance(rng, 0.25):
        step, ink = between(rng, 16, 64), colour(rng, one_of(rng, ("black_white", "grey")))
        for x in range(step // 2, size[0], step):
            pen.line((x, 0, x, size[1]), ink)
        for y in range(step // 2, size[1], step):
            pen.line((0, y, size[0], y), ink)
    if chance(rng, 0.25):
        r, x, y = 0.4 * min(size), size[0] // 2, size[1] // 2
        pen.ellipse((x - r, y - r, x + r, y + r), None, colour(rng, "primary"), between(rng, 1, 8))
    if chance(rng, 0.25):
        label = font(rng, "bold", between(rng, 10, max(11, min(size) // 10)))
        middle, text = (size[0] / 2, size[1] / 2), words(rng, 1).upper()
        around = pen.textbbox(middle, text, label, anchor="mm")
        pen.rectangle(around, "black")
        pen.text(middle, text, "white", label, anchor="mm")
    return image


def plain(rng: Rng, size: Size) -> Image.Image:
    """One colour; in half of the pictures with a border, or in two halves."""
    shades = palette(rng, 2, one_of(rng, (*STYLES, "primary", "vivid")))
    image = Image.new("RGB", size, shades[0])
    if chance(rng, 0.5):
        inset = between(rng, 1, min(size) // 3)
        box = (inset, inset, size[0] - inset - 1, size[1] - inset - 1)
        if chance(rng, 0.4):
            box = (between(rng, 1, size[0] - 1), 0, size[0], size[1])
        ImageDraw.Draw(image).rectangle(box, shades[1])
    return image


def stripes(rng: Rng, size: Size) -> Image.Image:
    """Stripes, checkerboards or dots of 1 to 32 pixels; half of the stripes aslant or curved."""
    width, height = size
    shades = np.array(palette(rng, between(rng, 2, 4)), np.uint8)
    period = round(32 ** float(rng.random()))
    other = round(32 ** float(rng.random())) if chance(rng, 0.3) else period
    y, x = np.mgrid[0:height, 0:width]
    kind = between(rng, 0, 5)
    if kind <= 1:
        index = x // period + y // other
    elif kind == 2:
        index = (x if chance(rng, 0.5) else y) // period
    elif kind == 3:
        turn = float(rng.uniform(0, np.pi))
        index = np.floor((x * math.cos(turn) + y * math.sin(turn)) / period).astype(int)
    elif kind == 4:
        index = (np.hypot(x - width * rng.random(), y - height * rng.random()) // period).astype(
            int
        )
    else:
        step = 2 * period + 2
        dots = np.hypot(x % step - step / 2, y % step - step / 2) < period / 2 + 0.6
        index = dots.astype(int) * (1 + x // step + y // step)
    return Image.fromarray(shades[index % len(shades)])
