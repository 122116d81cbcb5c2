"""Flags, discs and polygons, and line art."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from aecodec.training.drawn.colours import (
    Rng,
    Size,
    between,
    chance,
    ground_colour,
    ink_on,
    one_of,
    painted,
    palette,
)
from aecodec.training.drawn.interface import star_points

Pen = ImageDraw.ImageDraw
_FLAG_COLOURS = (
    *((255, 255, 255), (0, 0, 0), (255, 0, 0), (206, 17, 38), (0, 85, 164), (0, 0, 255)),
    *((0, 146, 70), (0, 255, 0), (255, 206, 0), (255, 255, 0), (0, 255, 255), (255, 0, 255)),
    *((239, 65, 53), (0, 40, 104), (255, 153, 51), (117, 170, 219)),
)


def flag(rng: Rng, size: Size) -> Image.Image:
    """Bands, crosses, saltires or quarters, with a disc, star or triangle on some."""
    shades = [one_of(rng, _FLAG_COLOURS) for _ in range(6)]
    if chance(rng, 0.3):
        shades = palette(rng, 6, one_of(rng, ("primary", "vivid")))
    pattern, sign = between(rng, 0, 4), between(rng, 0, 4)
    bands, upright = between(rng, 2, one_of(rng, (3, 3, 13))), chance(rng, 0.5)
    cx, cy = float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.3, 0.6))
    thick, points = float(rng.uniform(0.05, 0.25)), between(rng, 4, 9)

    def paint(pen: Pen, scale: int) -> None:
        w, h = size[0] * scale, size[1] * scale
        if pattern <= 1:
            for i in range(bands):
                a, b = i / bands, (i + 1) / bands
                box = (a * w, 0, b * w, h) if upright else (0, a * h, w, b * h)
                pen.rectangle(box, shades[i % (3 if bands <= 3 else 2)])
        elif pattern == 2:
            for part, shade in ((1.0, shades[1]), (0.5, shades[2])):
                half = h * thick * part / 2
                pen.rectangle((cx * w - half, 0, cx * w + half, h), shade)
                pen.rectangle((0, cy * h - half, w, cy * h + half), shade)
        elif pattern == 3:
            for part, shade in ((1.0, shades[1]), (0.5, shades[2])):
                wide = max(1, round(h * thick * part))
                pen.line((0, 0, w, h), shade, wide)
                pen.line((0, h, w, 0), shade, wide)
        else:
            pen.rectangle((0, 0, cx * w, cy * h), shades[1])
            pen.rectangle((cx * w, cy * h, w, h), shades[2])
        r, x, y = min(w, h) * (0.1 + thick), w / 2, h / 2
        if sign == 1:
            pen.ellipse((x - r, y - r, x + r, y + r), shades[3])
        elif sign == 2:
            pen.polygon(star_points(x, y, r, points, 0.4), shades[3])
        elif sign == 3:
            pen.polygon([(0, 0), (cx * w, h / 2), (0, h)], shades[3])
        elif sign == 4:
            pen.rectangle((0, 0, 0.4 * w, 0.5 * h), shades[3])
            for i in range(points):
                for j in range(3):
                    at = (0.4 * w * (i + 0.5) / points, 0.5 * h * (j + 0.5) / 3)
                    pen.polygon(star_points(*at, 0.15 * w / points), shades[4])

    return painted(rng, size, shades[0], paint)


def shapes(rng: Rng, size: Size) -> Image.Image:
    """Discs, boxes, polygons, stars, rings: few and large or many and small, mostly saturated."""
    ground = ground_colour(rng)
    style = one_of(rng, ("primary", "primary", "vivid", "pastel", "grey", "black_white", "any"))
    shades = palette(rng, between(rng, 2, 8), style)
    number = round(2 * 60 ** float(rng.random()))
    largest = 0.6 * min(size) / number**0.4

    def paint(pen: Pen, scale: int) -> None:
        for _ in range(number):
            x, y = (float(v) for v in rng.uniform(0, 1, 2) * size * scale)
            r, shade = float(rng.uniform(2, max(3, largest))) * scale, one_of(rng, shades)
            edge = one_of(rng, shades) if chance(rng, 0.3) else None
            kind, width = between(rng, 0, 4), max(1, round(r / 8))
            if kind == 0:
                pen.ellipse((x - r, y - r, x + r, y + r), shade, edge, width)
            elif kind == 1:
                tall = r * float(rng.uniform(0.3, 1.5))
                pen.rectangle((x - r, y - tall, x + r, y + tall), shade, edge, width)
            elif kind == 2:
                turn = float(rng.uniform(0, math.pi))
                pen.polygon(star_points(x, y, r, between(rng, 3, 7), 0, turn), shade, edge)
            elif kind == 3:
                inner = float(rng.uniform(0.2, 0.7))
                pen.polygon(star_points(x, y, r, between(rng, 4, 12), inner), shade, edge)
            else:
                pen.ellipse((x - r, y - r, x + r, y + r), None, shade, max(2, round(r / 4)))

    return painted(rng, size, ground, paint)


def _curve(rng: Rng, w: int, h: int, harmonics: int = 5) -> list[tuple[float, float]]:
    """A closed curve of some harmonics, around a point of its own."""
    t = np.linspace(0, 2 * np.pi, 160)
    centre, radius = rng.uniform(0, 1, 2) * (w, h), float(rng.uniform(0.05, 0.5)) * min(w, h)
    reach = np.ones_like(t)
    for k in range(1, harmonics + 1):
        reach += rng.normal() * 0.4 / k * np.cos(k * t + rng.uniform(0, 2 * np.pi))
    xs, ys = centre[0] + radius * reach * np.cos(t), centre[1] + radius * reach * np.sin(t)
    return list(zip(xs.tolist(), ys.tolist(), strict=True))


def line_art(rng: Rng, size: Size) -> Image.Image:
    """Thin lines: straight ones, rays, curves, hatching, contours, or a map of fields and roads."""
    ground = ground_colour(rng)
    inks = [ink_on(rng, ground, 60) for _ in range(between(rng, 1, 4))]
    thick, kind = between(rng, 1, one_of(rng, (1, 2, 6))), between(rng, 0, 5)
    number, fields = between(rng, 5, 60), palette(rng, 5, one_of(rng, ("pastel", "vivid")))

    def paint(pen: Pen, scale: int) -> None:
        w, h, wide = size[0] * scale, size[1] * scale, thick * scale
        if kind == 0:
            for _ in range(number):
                ends = rng.uniform(0, 1, 4) * (w, h, w, h)
                pen.line(ends.tolist(), one_of(rng, inks), wide)
        elif kind == 1:
            x, y = rng.uniform(0, 1, 2) * (w, h)
            for i in range(2 * number):
                angle = math.pi * i / number
                far = (x + (w + h) * math.cos(angle), y + (w + h) * math.sin(angle))
                pen.line((x, y, *far), inks[i % len(inks)], wide)
        elif kind == 2:
            for _ in range(number):
                pen.line(_curve(rng, w, h), one_of(rng, inks), wide, "curve")
        elif kind == 3:
            step, slope = between(rng, 3, 24) * scale, float(rng.uniform(-1.5, 1.5))
            for x in range(-2 * h, w + 2 * h, step):
                pen.line((x, 0, x + slope * h, h), inks[0], wide)
                if slope > 0:
                    pen.line((x, h, x + slope * h, 0), inks[-1], wide)
        elif kind == 4:
            shape = np.array(_curve(rng, w, h))
            middle = shape.mean(0)
            for i in range(number):
                ring = middle + (shape - middle) * (0.1 + 4 * i / number)
                pen.line([(float(x), float(y)) for x, y in ring], inks[i % len(inks)], wide)
        else:
            for _ in range(number // 2):
                pen.polygon(_curve(rng, w, h), one_of(rng, fields), one_of(rng, inks), wide)
            for _ in range(number // 4):
                road = [(float(x), float(y)) for x, y in rng.uniform(0, 1, (4, 2)) * (w, h)]
                pen.line(road, inks[0], 4 * wide, "curve")
                pen.line(road, ground, 2 * wide, "curve")

    return painted(rng, size, ground, paint)
