"""Drawing over and around photos: captions, frames, watermarks, interfaces, screenshots."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from aecodec.training.drawn.colours import Rng, between, chance, colour, ink_on, one_of, palette
from aecodec.training.drawn.interface import icon, interface
from aecodec.training.drawn.text import font, page, set_mode, words


def _caption(rng: Rng, image: Image.Image) -> None:
    """A line of text on a band, or outlined without one."""
    pen = ImageDraw.Draw(image)
    set_mode(rng, pen)
    pixels = between(rng, 10, max(12, image.height // 10))
    text, label = words(rng, between(rng, 2, 8)), font(rng, one_of(rng, ("bold", "sans")), pixels)
    y = one_of(rng, (pixels // 4, image.height - round(1.6 * pixels)))
    band = colour(rng, one_of(rng, ("primary", "dark", "black_white", "vivid")))
    ink = ink_on(rng, band)
    if chance(rng, 0.5):
        pen.rectangle((0, y - pixels // 4, image.width, y + round(1.35 * pixels)), band)
        pen.text((pixels // 2, y), text, ink, label)
    else:
        pen.text((pixels // 2, y), text, ink, label, stroke_width=2, stroke_fill=band)


def _frame(rng: Rng, image: Image.Image) -> None:
    """One or two borders around the whole."""
    pen = ImageDraw.Draw(image)
    for inset, shade in zip((0, between(rng, 2, 20)), palette(rng, 2), strict=True):
        box = (inset, inset, image.width - 1 - inset, image.height - 1 - inset)
        pen.rectangle(box, None, shade, between(rng, 1, max(2, min(image.size) // 20)))


def _watermark(rng: Rng, image: Image.Image) -> None:
    """The same words over and over, half transparent."""
    pixels = between(rng, 12, max(14, image.width // 12))
    label, text = font(rng, "bold", pixels), words(rng, 2).upper()
    mask = Image.new("L", image.size, 0)
    pen, opacity = ImageDraw.Draw(mask), between(rng, 30, 160)
    step = max(24, round(label.getlength(text)) + 2 * pixels)
    rows = range(0, image.height, between(rng, 3 * pixels, 8 * pixels))
    for row, y in enumerate(rows):
        for x in range(-step // 2 * (row % 2), image.width, step):
            pen.text((x, y), text, opacity, label)
    image.paste(one_of(rng, [(255, 255, 255), (0, 0, 0)]), mask=mask)


def _elements(rng: Rng, image: Image.Image) -> None:
    """Buttons with signs, boxes around things with a label, lines: what viewers lay over photos."""
    pen = ImageDraw.Draw(image)
    shades = palette(rng, 3, one_of(rng, ("primary", "vivid", "black_white")))
    side = between(rng, 14, max(16, min(image.size) // 8))
    for i in range(between(rng, 1, 5)):
        left, top = i * (side + 8) + 8, image.height - side - 8
        icon(rng, pen, (left, top, left + side, top + side), shades)
    for _ in range(between(rng, 0, 3)):
        x, y = between(rng, 0, 0.7 * image.width), between(rng, 12, 0.7 * image.height)
        shade = one_of(rng, shades)
        box = (
            x,
            y,
            x + between(rng, 20, image.width // 3),
            y + between(rng, 20, image.height // 3),
        )
        pen.rectangle(box, None, shade, between(rng, 1, 4))
        text = f"{words(rng, 1)} {rng.random():.2f}"
        label = font(rng, "sans", 12)
        pen.rectangle(pen.textbbox((x, y - 14), text, label), shade)
        pen.text((x, y - 14), text, ink_on(rng, shade), label)


def _screenshot(rng: Rng, image: Image.Image) -> None:
    """Part of a page or of a program's window beside the photo, which keeps more than half."""
    width, height = image.size
    if chance(rng, 0.5):
        size = (between(rng, width // 5, 0.45 * width), height)
        corner = one_of(rng, ((0, 0), (width - size[0], 0)))
    else:
        size = (width, between(rng, height // 5, 0.45 * height))
        corner = one_of(rng, ((0, 0), (0, height - size[1])))
    image.paste(one_of(rng, (page, interface))(rng, size), corner)


_LAYERS = (_screenshot, _watermark, _caption, _frame, _elements)


def draw_over(photo: Image.Image, seed: int) -> Image.Image:
    """A photo with one to three things drawn over it; most of it can still be seen.

    Args:
        photo: of any mode and at least 64 pixels on each side; not changed.
        seed: the same seed and photo give the same pixels.

    Returns:
        An RGB image of the photo's size.
    """
    rng = np.random.default_rng([seed, 1])
    image = photo.convert("RGB")
    if image is photo:
        image = photo.copy()
    chosen = set(rng.choice(len(_LAYERS), between(rng, 1, 3), replace=False).tolist())
    for number, layer in enumerate(_LAYERS):
        if number in chosen:
            layer(rng, image)
    return image
