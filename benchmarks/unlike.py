"""Unlike pictures of many classes, drawn from a seed: what a folder holds that is no photo.

Those of the second half share a template, as letters of one sender do, and differ in what they say.
"""

from __future__ import annotations

import math
from calendar import day_abbr, month_name
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from aecodec.training.drawn import draw

Pen = ImageDraw.ImageDraw
Rng = np.random.Generator

_TEXT = """
and for the with from order invoice total number street city date name page table chapter
result report note please payment within thirty days account transfer delivery quantity
meeting project budget quarter customer service agreement signature reference subject
morning evening river mountain window garden letter answer question station market paper
"""
_WORDS = _TEXT.split()


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _words(rng: Rng, count: int) -> str:
    return " ".join(str(word) for word in rng.choice(_WORDS, count))


def _number(rng: Rng, digits: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, digits))


def _colour(rng: Rng) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


def _sheet(size: tuple[int, int], colour: str = "white") -> tuple[Image.Image, Pen]:
    image = Image.new("RGB", size, colour)
    return image, ImageDraw.Draw(image)


# ---- of their own ------------------------------------------------------------------------


def _drawn(kind: str) -> Callable[[int], Image.Image]:
    return lambda seed: draw(seed, kind, (480, 360) if seed % 2 else (360, 480))


def _icon(seed: int) -> Image.Image:
    return draw(seed, "icons", (48, 48))


def _glyph(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("L", (28, 28))
    left, top = rng.uniform(2, 8, 2).tolist()
    text = chr(ord("A") + seed % 26) + (chr(ord("a") + seed // 26 % 26) if seed >= 26 else "")
    ImageDraw.Draw(image).text((left, top), text, fill=255, font=_font(float(rng.uniform(14, 22))))
    return image.convert("RGB")


def _tiny(seed: int) -> Image.Image:
    """An icon of 16 by 16: a shape in a colour with a hole."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGBA", (16, 16))
    pen = ImageDraw.Draw(image)
    a, b = (int(value) for value in rng.integers(0, 5, 2))
    shape = (pen.ellipse, pen.rectangle, pen.rounded_rectangle)[int(rng.integers(3))]
    shape((a, b, 15 - a, 15 - b), fill=(*_colour(rng), 255))
    x, y = (int(value) for value in rng.integers(4, 9, 2))
    pen.rectangle((x, y, x + int(rng.integers(1, 4)), y + int(rng.integers(1, 4))), fill="white")
    return image


def _speck(seed: int) -> Image.Image:
    """Of 1 to 8 pixels a side."""
    rng = np.random.default_rng(seed)
    width, height = rng.integers(1, 9, 2)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def _stars(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    sky, count = np.zeros((400, 400)), int(rng.integers(60, 200))
    sky[rng.integers(0, 400, count), rng.integers(0, 400, count)] = rng.uniform(5, 60, count)
    sky = ndimage.gaussian_filter(sky, 1.2) * 2 + rng.normal(0.02, 0.01, sky.shape)
    return Image.fromarray((sky.clip(0, 1) * 255).astype(np.uint8)).convert("RGB")


def _noise(seed: int) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    )


def _solid(seed: int) -> Image.Image:
    return Image.new("RGB", (200, 200), _colour(np.random.default_rng(seed)))


def _measured(seed: int) -> Image.Image:
    """Grey of 16 bits that uses a hundredth of its range, as of a microscope."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=(240, 320)), rng.uniform(4, 12))
    for _ in range(int(rng.integers(4, 16))):
        y, x = np.ogrid[:240, :320]
        place = rng.uniform(0, 240), rng.uniform(0, 320)
        field += 0.3 * np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / rng.uniform(40, 600))
    levels = 1200 + 500 * (field - field.min()) / np.ptp(field) + rng.normal(0, 3, field.shape)
    return Image.fromarray(levels.clip(0, 65535).astype(np.uint16))


# ---- with a template ---------------------------------------------------------------------


def _letter(seed: int) -> Image.Image:
    """The same letterhead and foot, another text; a scan, with a little noise and slant."""
    rng = np.random.default_rng(seed)
    image, pen = _sheet((800, 1100))
    pen.rectangle((60, 50, 180, 120), fill=(20, 60, 120))
    pen.text((200, 55), "NORTHERN TRADING COMPANY", (20, 60, 120), _font(30))
    pen.text((200, 95), "12 Harbour Street, Port of the North", (90, 90, 90), _font(16))
    pen.line((60, 140, 740, 140), (20, 60, 120), 3)
    pen.text((560, 170), f"{rng.integers(1, 29)} March 20{rng.integers(10, 26)}", 0, _font(18))
    y = 240
    for _ in range(int(rng.integers(8, 24))):
        pen.text((60, y), _words(rng, int(rng.integers(7, 11))), 0, _font(18))
        y += 28 + 28 * int(rng.random() < 0.15)
    pen.line((60, 1030, 740, 1030), (150, 150, 150), 1)
    pen.text((200, 1040), "Registered in the North, number 1234567", (90, 90, 90), _font(14))
    image = image.rotate(float(rng.normal(0, 0.2)), Image.Resampling.BICUBIC, fillcolor="white")
    grain = np.asarray(image) + rng.normal(0, 3, (1100, 800, 1))
    return Image.fromarray(grain.clip(0, 255).astype(np.uint8))


def _form(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image, pen = _sheet((800, 1000))
    pen.text((250, 40), "REGISTRATION FORM", 0, _font(28))
    for n, label in enumerate(
        ("Name", "Street", "City", "Born", "Phone", "Account", "Remarks", "Office", "Date")
    ):
        y = 120 + 80 * n
        pen.text((60, y), label, 0, _font(20))
        pen.rectangle((220, y - 10, 740, y + 40), outline=0)
        entry = _number(rng, 8) if n in (3, 4, 5, 8) else _words(rng, 2).title()
        pen.text((235, y), entry, (30, 30, 160), _font(22))
    for n in range(6):
        x = 60 + 120 * n
        pen.rectangle((x, 900, x + 24, 924), outline=0, width=2)
        if rng.random() < 0.5:
            pen.line((x, 900, x + 24, 924), 0, 3)
    return image


def _calendar(seed: int) -> Image.Image:
    """A month; the days are where they are in that month."""
    rng = np.random.default_rng(seed)
    image, pen = _sheet((700, 560))
    pen.text((40, 20), f"{month_name[1 + seed % 10]} {2000 + seed % 40}", 0, _font(34))
    for column, name in enumerate(day_abbr):
        pen.text((52 + 90 * column, 80), name, (180, 0, 0) if column > 4 else 0, _font(20))
    first, days = seed % 7, 28 + seed % 4
    for day in range(days):
        row, column = divmod(first + day, 7)
        x, y = 40 + 90 * column, 110 + 72 * row
        pen.rectangle((x, y, x + 90, y + 72), outline=(160, 160, 160))
        pen.text((x + 6, y + 4), str(day + 1), 0, _font(20))
        if rng.random() < 0.25:
            pen.text((x + 6, y + 38), _words(rng, 1), (0, 90, 160), _font(16))
    return image


def _music(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image, pen = _sheet((800, 1000))
    pen.text((300, 30), f"No. {seed % 100}", 0, _font(30))
    for stave in range(8):
        top = 110 + 110 * stave
        for line in range(5):
            pen.line((50, top + 10 * line, 750, top + 10 * line), 0, 1)
        for bar in range(5):
            pen.line((50 + 175 * bar, top, 50 + 175 * bar, top + 40), 0, 2)
        x = 75
        while x < 740:
            y = top + 5 * int(rng.integers(-2, 11))
            pen.ellipse((x - 6, y - 5, x + 6, y + 5), fill=0 if rng.random() < 0.8 else "white")
            pen.ellipse((x - 6, y - 5, x + 6, y + 5), outline=0)
            pen.line((x + 6, y, x + 6, y - 32), 0, 2)
            x += int(rng.choice([22, 33, 44]))
    return image


def _map(seed: int) -> Image.Image:
    """Roads and lakes, with the same legend and frame."""
    rng = np.random.default_rng(seed)
    image, pen = _sheet((640, 640), "#f2efe9")
    height = ndimage.gaussian_filter(rng.normal(size=(640, 640)), 40)
    pixels = np.array(image)
    pixels[height < np.quantile(height, 0.2)] = (170, 211, 223)
    pixels[height > np.quantile(height, 0.75)] = (200, 225, 180)
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(8, 16))):
        points = rng.uniform(0, 640, 2) + np.cumsum(rng.normal(0, 60, (8, 2)), 0)
        colour, width = ((250, 200, 90), 7) if rng.random() < 0.3 else ("white", 4)
        pen.line([tuple(point) for point in points.tolist()], colour, width)
    for _ in range(6):
        x, y = rng.uniform(40, 560, 2).tolist()
        pen.text((x, y), _words(rng, 1).title(), 0, _font(18))
    pen.rectangle((440, 470, 620, 620), "white", 0)
    for n, text in enumerate(("Road", "Path", "Lake", "Wood")):
        pen.text((500, 485 + 32 * n), text, 0, _font(18))
        pen.rectangle(
            (455, 490 + 32 * n, 485, 505 + 32 * n), ("orange", "grey", "blue", "green")[n]
        )
    pen.rectangle((0, 0, 639, 639), outline=0, width=6)
    return image


def _slide(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image, pen = _sheet((960, 540))
    pen.rectangle((0, 0, 960, 90), (0, 70, 130))
    pen.rectangle((0, 500, 960, 540), (230, 230, 230))
    pen.text((820, 508), "ACME Group", (90, 90, 90), _font(20))
    pen.text((40, 22), _words(rng, int(rng.integers(2, 5))).title(), "white", _font(40))
    for n in range(int(rng.integers(3, 7))):
        pen.ellipse((50, 140 + 55 * n, 62, 152 + 55 * n), (0, 70, 130))
        pen.text((80, 128 + 55 * n), _words(rng, int(rng.integers(3, 9))), 0, _font(28))
    return image


def _chat(seed: int) -> Image.Image:
    """Screenshots of one application: the same bars, other messages."""
    rng = np.random.default_rng(seed)
    image, pen = _sheet((450, 900), "#ece5dd")
    pen.rectangle((0, 0, 450, 90), (7, 94, 84))
    pen.text((90, 30), "Family", "white", _font(28))
    pen.ellipse((20, 20, 70, 70), (180, 200, 190))
    pen.text((370, 4), f"{rng.integers(0, 24)}:{rng.integers(10, 60)}", "white", _font(16))
    y = 110
    while y < 760:
        lines = int(rng.integers(1, 4))
        left, colour = (20, "white") if rng.random() < 0.5 else (140, (220, 248, 198))
        pen.rounded_rectangle((left, y, left + 290, y + 26 * lines + 14), 12, colour)
        for n in range(lines):
            pen.text((left + 12, y + 6 + 26 * n), _words(rng, 3), 0, _font(18))
        y += 26 * lines + 26
    pen.rectangle((0, 820, 450, 900), (240, 240, 240))
    pen.rounded_rectangle((20, 835, 360, 885), 24, "white")
    pen.ellipse((380, 835, 430, 885), (7, 94, 84))
    return image


def _receipt(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 14))
    image, pen = _sheet((360, 300 + 30 * count))
    pen.text((90, 20), "CORNER SHOP", 0, _font(26))
    pen.text((110, 56), "open every day", 0, _font(16))
    for n in range(count):
        pen.text((30, 110 + 30 * n), _words(rng, 2), 0, _font(17))
        pen.text((270, 110 + 30 * n), f"{rng.uniform(1, 60):.2f}", 0, _font(17))
    pen.line((30, 120 + 30 * count, 330, 120 + 30 * count), 0, 2)
    pen.text((30, 130 + 30 * count), f"TOTAL {rng.uniform(20, 300):.2f}", 0, _font(24))
    pen.text((70, 190 + 30 * count), "thank you, come again", 0, _font(16))
    return image


def _plot(seed: int) -> Image.Image:
    """A curve in the same axes with the same labels."""
    rng = np.random.default_rng(seed)
    image, pen = _sheet((640, 480))
    pen.rectangle((70, 40, 610, 420), outline=0)
    for n in range(6):
        pen.text((20, 405 - 73 * n), f"{n / 5:.1f}", 0, _font(16))
        pen.text((65 + 105 * n, 430), str(20 * n), 0, _font(16))
        pen.line((70, 420 - 76 * n, 610, 420 - 76 * n), (220, 220, 220))
    y = ndimage.gaussian_filter1d(np.cumsum(rng.normal(size=120)), 2)
    y = 410 - (y - y.min()) / np.ptp(y) * 350
    pen.line([(70 + 4.5 * n, float(v)) for n, v in enumerate(y)], (31, 119, 180), 3)
    return image


def _board(seed: int) -> Image.Image:
    """A chessboard with some men on it."""
    rng = np.random.default_rng(seed)
    image, pen = _sheet((480, 480), "#f0d9b5")
    for n in range(64):
        x, y = 60 * (n % 8), 60 * (n // 8)
        if (n + n // 8) % 2:
            pen.rectangle((x, y, x + 59, y + 59), "#b58863")
    for n in rng.choice(64, int(rng.integers(6, 24)), replace=False).tolist():
        x, y = 60 * (n % 8), 60 * (n // 8)
        ground, ink = ("white", "black") if rng.random() < 0.5 else ("black", "white")
        pen.ellipse((x + 12, y + 12, x + 48, y + 48), ground, ink)
        pen.text((x + 22, y + 16), "KQRBNP"[int(rng.integers(6))], ink, _font(24))
    return image


def _logo(seed: int) -> Image.Image:
    """Transparent: one shape in another colour each time, as brands have them."""
    rng = np.random.default_rng(0)
    image = Image.new("RGBA", (200, 200))
    pen = ImageDraw.Draw(image)
    hue = (seed * 37) % 360
    colour = Image.new("HSV", (1, 1), (hue * 255 // 360, 60 + seed * 53 % 190, 120 + seed % 130))
    fill = (*colour.convert("RGB").getpixel((0, 0)), 255)  # type: ignore[misc]
    points = [
        (100 + r * math.cos(a), 100 + r * math.sin(a))
        for a, r in zip(np.linspace(0, 2 * math.pi, 12)[:-1], rng.uniform(40, 95, 11), strict=True)
    ]
    pen.polygon(points, fill)
    return image


def _white_logo(seed: int) -> Image.Image:
    """Transparent: other shapes, all white."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGBA", (200, 200), (255, 255, 255, 0))
    angles = np.linspace(0, 2 * math.pi, int(rng.integers(5, 14)))[:-1]
    points = [
        (100 + r * math.cos(a), 100 + r * math.sin(a))
        for a in angles
        for r in (rng.uniform(30, 95),)
    ]
    ImageDraw.Draw(image).polygon(points, (255, 255, 255, 255))
    return image


def _dusk(seed: int) -> Image.Image:
    """A foggy sky with a little grain: nearly nothing to see."""
    rng = np.random.default_rng(seed)
    levels = (
        rng.uniform(0.4, 0.7, 3)
        + 0.02 * ndimage.gaussian_filter(rng.normal(size=(300, 400, 1)), (60, 60, 0)) * 40
        + rng.normal(0, 0.006, (300, 400, 3))
    )
    return Image.fromarray((levels.clip(0, 1) * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(1)
    )


CLASSES: dict[str, Callable[[int], Image.Image]] = {
    "pages": _drawn("page"),
    "tables": _drawn("table"),
    "terminals": _drawn("terminal"),
    "screenshots": _drawn("interface"),
    "charts": _drawn("chart"),
    "line art": _drawn("line_art"),
    "shapes": _drawn("shapes"),
    "flags": _drawn("flag"),
    "QR codes": _drawn("code"),
    "pixel art": _drawn("pixel_art"),
    "stripes": _drawn("stripes"),
    "icons": _icon,
    "icons of 16 pixels": _tiny,
    "specks of 1 to 8 pixels": _speck,
    "glyphs": _glyph,
    "gradients": _drawn("gradient"),
    "star fields": _stars,
    "fog": _dusk,
    "noise": _noise,
    "solid colours": _solid,
    "16 bits, small range": _measured,
    "white logos": _white_logo,
    "letters of one sender": _letter,
    "one form": _form,
    "calendars": _calendar,
    "sheet music": _music,
    "maps with one legend": _map,
    "slides of one template": _slide,
    "one chat application": _chat,
    "receipts of one shop": _receipt,
    "curves in one plot": _plot,
    "chessboards": _board,
    "one logo in colours": _logo,
}
"""Of each class, a picture from a seed; no two seeds show the same."""
