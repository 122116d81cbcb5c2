"""Pages of text, terminals and tables, in the fonts that matplotlib carries."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from aecodec.training.drawn.colours import (
    Colour,
    Rng,
    Size,
    between,
    chance,
    colour,
    ground_colour,
    ink_on,
    one_of,
    palette,
)

_TEXT = (
    "the of and a to in is it for was on are as with his they at be this from have or by one had"
    " not but what all were when we there can an your which their said if do will each about how"
    " up out them then she many some so these would other into has more her two like him see time"
    " could no make than first been its who now people my made over did down only way find use may"
    " water long little very after word called just where most know get through back much before"
    " also around another came come work three must because does part even place well such here"
    " take why things help put years different away again off went old number great tell men say"
    " small every found still name should home big give air line set own under read last never us"
    " left end along while might next sound below saw something thought both few those always"
    ' Jazz Quartz Xylophone @home [7] why? No! a/b 50% kg; KHz PDF URL JSON (see) "quoted"'
)
_WORDS = _TEXT.split()
_SERIF = ("DejaVuSerif", "STIXGeneral", "cmr10")
_SANS = ("DejaVuSans", "DejaVuSans", "cmss10", "DejaVuSans-Oblique")
_BOLD = ("DejaVuSans-Bold", "DejaVuSerif-Bold", "STIXGeneralBol", "cmb10")
_MONO = ("DejaVuSansMono", "DejaVuSansMono", "DejaVuSansMono-Bold", "cmtt10")
FAMILIES = {"serif": _SERIF, "sans": _SANS, "bold": _BOLD, "mono": _MONO}

Font = ImageFont.FreeTypeFont


@lru_cache(maxsize=256)
def _font(name: str, pixels: int) -> Font:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"{name}.ttf"), pixels)


def font(rng: Rng, family: str, pixels: int) -> Font:
    """One of a family of `FAMILIES`."""
    return _font(one_of(rng, FAMILIES[family]), pixels)


def text_pixels(rng: Rng) -> int:
    """A size of text, 8 to 40 pixels, small ones more often."""
    return round(8 * 5 ** (float(rng.random()) ** 1.4))


def words(rng: Rng, number: int) -> str:
    """Words and, now and then, figures, with spaces between."""
    chosen = rng.integers(0, len(_WORDS) + 12, number)
    return " ".join(
        _WORDS[i] if i < len(_WORDS) else f"{int(rng.integers(0, 10 ** int(rng.integers(1, 6)))):,}"
        for i in chosen
    )


def line_of_text(rng: Rng, pixels: int, width: int) -> str:
    """About as many words as fit."""
    return words(rng, max(1, round(width / (3.1 * pixels))))


def set_mode(rng: Rng, pen: ImageDraw.ImageDraw) -> None:
    """Antialiased glyphs mostly, bilevel ones in a quarter of the pictures."""
    pen.fontmode = "1" if chance(rng, 0.25) else "L"


def _column(
    rng: Rng, pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], ink: Colour, accent: Colour
) -> None:
    """Headings, paragraphs and lists until the box (left, top, right, bottom) is full."""
    left, y, right, bottom = box
    pixels = text_pixels(rng)
    body = font(rng, one_of(rng, ("serif", "sans", "sans", "mono")), pixels)
    large = font(rng, "bold", min(64, round(pixels * float(rng.uniform(1.2, 2)))))
    spacing = round(pixels * float(rng.uniform(1.15, 1.7)))
    bullets, dense = chance(rng, 0.3), chance(rng, 0.5)
    while y < bottom:
        if chance(rng, 0.4):
            title = words(rng, between(rng, 1, 5)).title()
            pen.text((left, y), title, accent if chance(rng, 0.4) else ink, large)
            y += round(1.3 * large.size)
            if chance(rng, 0.3):
                pen.line((left, y, right, y), ink, between(rng, 1, 3))
                y += pixels // 2
        indent = 2 * pixels if bullets else 0
        for number in range(between(rng, 2, 14 if dense else 6)):
            if y >= bottom:
                break
            text = line_of_text(rng, pixels, right - left - indent)
            while len(text) > 4 and body.getlength(text) > right - left - indent:
                text = text[: text.rindex(" ")] if " " in text else text[:-3]
            if bullets:
                pen.ellipse((left, y + pixels // 2, left + pixels // 3, y + 5 * pixels // 6), ink)
            if number and chance(rng, 0.05):  # a link
                pen.text((left + indent, y), text, accent, body)
                pen.line((left + indent, y + 1.15 * pixels, right, y + 1.15 * pixels), accent)
            else:
                pen.text((left + indent, y), text, ink, body)
            y += spacing
        y += between(rng, spacing // 2, spacing * (1 if dense else 3))


def page(rng: Rng, size: Size) -> Image.Image:
    """Text in one to three columns: black on white, coloured, or light on dark."""
    ground = ground_colour(rng)
    image = Image.new("RGB", size, ground)
    pen = ImageDraw.Draw(image)
    set_mode(rng, pen)
    ink, accent = ink_on(rng, ground), ink_on(rng, ground, 60)
    columns = between(rng, 1, 1 + min(2, size[0] // 250))
    margin, step = between(rng, 2, min(size) // 8), size[0] // columns
    for i in range(columns):
        box = (i * step + margin, margin, (i + 1) * step - margin // 2, size[1] - margin)
        _column(rng, pen, box, ink, accent)
    return image


def terminal(rng: Rng, size: Size) -> Image.Image:
    """Lines of code or of a shell in one width of glyphs, their words coloured by kind."""
    ground = one_of(rng, [(0, 0, 0), (30, 30, 30), (0, 43, 54), (40, 42, 54), (255, 255, 255)])
    image = Image.new("RGB", size, ground)
    pen = ImageDraw.Draw(image)
    set_mode(rng, pen)
    inks = [ink_on(rng, ground), *(ink_on(rng, ground, 50) for _ in range(between(rng, 0, 5)))]
    pixels = min(24, text_pixels(rng))
    mono = font(rng, "mono", pixels)
    cell, spacing = mono.getlength("0"), round(pixels * float(rng.uniform(1.1, 1.5)))
    signs = ("=", "()", "{", "}", "->", "::", "+=", "$", "#", "./", "[0]", "|", "&&", "//")
    numbered, depth = chance(rng, 0.4), 0
    for row, y in enumerate(range(pixels // 2, size[1], spacing)):
        x = cell
        if numbered:
            pen.text((x, y), f"{row:3d}", inks[-1], mono)
            x += 5 * cell
        if chance(rng, 0.12):
            continue
        depth = max(0, min(6, depth + between(rng, -1, 1)))
        x += 2 * depth * cell
        for _ in range(between(rng, 1, 9)):
            if x > size[0]:
                break
            word = one_of(rng, signs) if chance(rng, 0.3) else words(rng, 1).lower()
            pen.text((x, y), word, one_of(rng, inks), mono)
            x += (len(word) + 1) * cell
        if chance(rng, 0.03):  # a selected line
            pen.rectangle((0, y, size[0], y + spacing - 1), outline=inks[-1])
    return image


def table(rng: Rng, size: Size) -> Image.Image:
    """Cells of words and figures: ruled, banded or plain, with a head of another colour."""
    ground = ground_colour(rng)
    image = Image.new("RGB", size, ground)
    pen = ImageDraw.Draw(image)
    set_mode(rng, pen)
    ink, head = ink_on(rng, ground), colour(rng, one_of(rng, ("vivid", "dark", "pastel", "grey")))
    band = palette(rng, 1, "pastel" if sum(ground) > 380 else "dark")[0]
    pixels = min(22, text_pixels(rng))
    body, bold = (
        font(rng, one_of(rng, ("sans", "serif", "mono")), pixels),
        font(rng, "bold", pixels),
    )
    height, rule = round(pixels * float(rng.uniform(1.4, 2.4))), between(rng, 0, 2)
    banded, upright, row_ink = chance(rng, 0.5), chance(rng, 0.6), ink_on(rng, band)
    stops, x = [], between(rng, 0, 12)
    while x < size[0]:
        stops.append(x)
        x += between(rng, 3 * pixels, 9 * pixels)
    numeric, top = rng.random(len(stops)) < 0.6, between(rng, 0, 20)
    for row, y in enumerate(range(top, size[1], height)):
        fill = head if row == 0 else band if banded and row % 2 else ground
        pen.rectangle((stops[0], y, size[0], y + height - 1), fill)
        this = ink_on(rng, head) if row == 0 else row_ink if fill is band else ink
        for left, figures in zip(stops, numeric, strict=True):
            number = f"{float(rng.normal() * 10 ** between(rng, 0, 4)):,.{between(rng, 0, 2)}f}"
            text = number if figures and row else words(rng, 1)
            inset = (left + pixels // 3, y + (height - round(1.2 * pixels)) // 2)
            pen.text(inset, text, this, body if row else bold)
        if rule:
            pen.line((stops[0], y, size[0], y), ink, rule)
    if rule and upright:
        for left in stops:
            pen.line((left, top, left, size[1]), ink, rule)
    return image
