"""Windows with what programs put into them."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from aecodec.training.drawn.colours import (
    Colour,
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
from aecodec.training.drawn.text import font, line_of_text, set_mode, words

Box = tuple[int, int, int, int]
Pen = ImageDraw.ImageDraw


def star_points(
    x: float, y: float, radius: float, points: int = 5, inner: float = 0.4, turn: float = 0.0
) -> list[tuple[float, float]]:
    """The corners of a star, one point upwards; a regular polygon with `inner` 0."""
    corners = []
    for i in range(2 * points):
        if i % 2 and not inner:
            continue
        r, angle = radius * (inner if i % 2 else 1), math.pi * i / points - math.pi / 2 + turn
        corners.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return corners


def icon(rng: Rng, pen: Pen, box: Box, colours: list[Colour]) -> None:
    """A sign in a square box: a disc, star, arrow, cross, house, lens, three bars, or a picture."""
    left, top, right, bottom = box
    side, shade, other = right - left, one_of(rng, colours), one_of(rng, colours)
    x, y, r, line = (left + right) / 2, (top + bottom) / 2, side / 2, max(1, side // 10)
    if chance(rng, 0.3):
        pen.rounded_rectangle(box, side // 5, other)
        r *= 0.7
    kind = between(rng, 0, 7)
    if kind == 0:
        pen.ellipse((x - r, y - r, x + r, y + r), shade, other, line)
    elif kind == 1:
        pen.polygon(star_points(x, y, r, between(rng, 4, 8)), shade)
    elif kind == 2:
        pen.polygon(star_points(x, y, r, 3, 0, one_of(rng, (0, 0.5, 1, 1.5)) * math.pi), shade)
    elif kind == 3:
        pen.line((x - r, y - r, x + r, y + r), shade, 2 * line)
        pen.line((x - r, y + r, x + r, y - r), shade, 2 * line)
    elif kind == 4:
        pen.polygon([(x - r, y), (x, y - r), (x + r, y)], shade)
        pen.rectangle((x - 0.7 * r, y, x + 0.7 * r, y + r), other)
    elif kind == 5:
        pen.ellipse((x - r, y - r, x + r / 3, y + r / 3), outline=shade, width=line)
        pen.line((x, y, x + r, y + r), shade, 2 * line)
    elif kind == 6:
        for offset in (-0.7, 0.0, 0.7):
            height = y + offset * r
            pen.rectangle((x - r, height - line / 2, x + r, height + line / 2), shade)
    else:
        pen.rectangle((x - r, y - 0.8 * r, x + r, y + 0.8 * r), shade)
        pen.polygon([(x - r, y + 0.8 * r), (x - 0.2 * r, y), (x + 0.4 * r, y + 0.8 * r)], other)


def icons(rng: Rng, size: Size) -> Image.Image:
    """A grid of signs, large or small, antialiased or not."""
    ground = ground_colour(rng)
    colours = [ink_on(rng, ground, 40), *palette(rng, 4)]
    side = between(rng, 12, max(16, min(size) // 3))
    gap = between(rng, 2, side)

    def paint(pen: Pen, scale: int) -> None:
        for top in range(gap // 2, size[1], side + gap):
            for left in range(gap // 2, size[0], side + gap):
                box = (left * scale, top * scale, (left + side) * scale, (top + side) * scale)
                icon(rng, pen, box, colours)

    return painted(rng, size, ground, paint)


def _widget(
    rng: Rng, pen: Pen, box: Box, pixels: int, ground: Colour, colours: list[Colour]
) -> None:
    """A button, field, tick box, slider, progress bar, tab row or line of text."""
    left, top, right, bottom = box
    ink, accent, height = ink_on(rng, ground), one_of(rng, colours), bottom - top
    middle, label = (top + bottom) // 2, font(rng, "sans", pixels)
    radius = one_of(rng, (0, 0, height // 6, height // 2))
    kind = between(rng, 0, 6)
    if kind == 0:
        text = words(rng, between(rng, 1, 2)).title()
        edge = min(right, left + round(label.getlength(text)) + 2 * pixels)
        pen.rounded_rectangle((left, top, edge, bottom), radius, accent, ink, between(rng, 0, 2))
        centre = ((left + edge) / 2, middle)
        pen.text(centre, text, ink_on(rng, accent), label, anchor="mm")
    elif kind == 1:
        pen.rounded_rectangle(box, radius, None, ink, between(rng, 1, 2))
        pen.text((left + pixels // 2, middle), words(rng, 3), ink, label, anchor="lm")
    elif kind == 2:
        square = (left, middle - pixels // 2, left + pixels, middle + pixels // 2)
        if chance(rng, 0.5):
            pen.rectangle(square, accent if chance(rng, 0.5) else None, ink)
        else:
            pen.ellipse(square, accent if chance(rng, 0.5) else None, ink)
        pen.text((left + 1.5 * pixels, middle), words(rng, 2), ink, label, anchor="lm")
    elif kind in (3, 4):
        stop = left + round((right - left) * float(rng.uniform(0.1, 0.9)))
        thick = between(rng, 1, max(1, height // 4))
        pen.rectangle((left, middle - thick, right, middle + thick), one_of(rng, colours))
        pen.rectangle((left, middle - thick, stop, middle + thick), accent)
        if kind == 3:
            half = height // 3
            pen.ellipse((stop - half, middle - half, stop + half, middle + half), accent, ink)
    elif kind == 5:
        x = left
        while x < right - 4 * pixels:
            text = words(rng, 1).title()
            width = round(label.getlength(text)) + pixels
            pen.rectangle((x, top, x + width, bottom), None, ink)
            pen.text((x + pixels // 2, middle), text, ink, label, anchor="lm")
            x += width
    else:
        text = line_of_text(rng, pixels, right - left)
        pen.text((left, middle), text, ink, label, anchor="lm")


def _panel(rng: Rng, image: Image.Image, box: Box, ground: Colour, colours: list[Colour]) -> None:
    """Widgets one below the other, or cards in a grid."""
    left, top, right, bottom = box
    if right - left < 16 or bottom - top < 16:
        return
    pixels = between(rng, 8, 20)
    part = Image.new("RGB", (right - left, bottom - top), ground)
    pen = ImageDraw.Draw(part)
    set_mode(rng, pen)
    pad = between(rng, 3, 16)
    if chance(rng, 0.4):
        width, height = between(rng, 50, 220), between(rng, 40, 180)
        card, outline = one_of(rng, [*colours, ground]), one_of(rng, colours)
        for y in range(pad, part.height, height + pad):
            for x in range(pad, part.width, width + pad):
                around = (x, y, x + width, y + height)
                pen.rounded_rectangle(around, one_of(rng, (0, 4, 12)), card, outline)
                side = between(rng, 10, height // 2)
                icon(rng, pen, (x + 6, y + 6, x + 6 + side, y + 6 + side), colours)
                text = words(rng, 3)[: max(1, int(width / (0.65 * pixels)) - 1)]
                label = font(rng, "sans", pixels)
                pen.text((x + 6, y + 10 + side), text, ink_on(rng, card), label)
    else:
        y, spread = pad, between(rng, 1, 3)
        while y < part.height:
            height, step = between(rng, 1.4 * pixels, 2.4 * pixels), part.width // spread
            for i in range(spread):
                line = (
                    i * step + pad,
                    y,
                    max(i * step + pad + 8, (i + 1) * step - pad),
                    y + height,
                )
                _widget(rng, pen, line, pixels, ground, colours)
            y += height + between(rng, 2, 2 * pad)
    image.paste(part, (left, top))


def interface(rng: Rng, size: Size) -> Image.Image:
    """A program's window: a title bar, a bar at the side, and panels of widgets."""
    ground = ground_colour(rng)
    colours = palette(rng, 4, one_of(rng, ("pastel", "vivid", "grey", "dark", None)))
    image = Image.new("RGB", size, ground)
    pen = ImageDraw.Draw(image)
    width, height = size
    top = between(rng, 14, 40) if chance(rng, 0.7) else 0
    side = between(rng, 30, width // 3) if chance(rng, 0.5) else 0
    if side:
        _panel(rng, image, (0, top, side, height), one_of(rng, colours), colours)
    split = between(rng, height // 3, height) if chance(rng, 0.4) else height
    _panel(rng, image, (side, top, width, split), ground, colours)
    _panel(rng, image, (side, split, width, height), one_of(rng, [ground, *colours]), colours)
    if top:
        bar = one_of(rng, colours)
        pen.rectangle((0, 0, width, top - 1), bar)
        label = font(rng, "bold", max(8, top // 2))
        pen.text((top // 2, top // 2), words(rng, 2).title(), ink_on(rng, bar), label, anchor="lm")
        for i in range(3):
            left = width - (i + 1) * top
            icon(rng, pen, (left + top // 4, top // 4, left + 3 * top // 4, 3 * top // 4), colours)
    return image
