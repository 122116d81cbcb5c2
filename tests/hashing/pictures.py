"""Screenshots of pictures, and pages of text."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

WORDS = "lorem ipsum dolor sit amet invoice total number street order name page date"


def barred(picture: Image.Image, bar: int, ground: str = "whitesmoke") -> Image.Image:
    """Between bars of so many pixels, with the time in the upper one."""
    shown = ImageOps.expand(picture, (0, bar, 0, bar), ground)
    ink = "white" if ground == "black" else "black"
    ImageDraw.Draw(shown).text((bar // 2, 0), "12:34", ink, font_size=0.6 * bar)
    return shown


def with_button(picture: Image.Image, radius: int) -> Image.Image:
    """Under a white disc in its middle."""
    shown = picture.copy()
    x, y = shown.width // 2, shown.height // 2
    ImageDraw.Draw(shown).ellipse((x - radius, y - radius, x + radius, y + radius), "white")
    return shown


def page(seed: int, last: str = "") -> Image.Image:
    """Thirty lines of words, as a letter has; the last of them as told."""
    rng, words = np.random.default_rng(seed), WORDS.split()
    image = Image.new("RGB", (600, 800), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    for line in range(30):
        text = " ".join(rng.choice(words, 9))
        pen.text((40, 40 + 24 * line), text if line < 29 or not last else last, "black", font)
    return image
