"""Pictures that no camera took, drawn from a seed: charts, text, screens, flags, noise and others.

A model trained on photographs alone can make garbage of them, so training takes a share of its
crops from here. The same seed gives the same pixels on a machine with the same libraries.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from aecodec.training.drawn.charts import chart
from aecodec.training.drawn.colours import Rng, Size, between, chance
from aecodec.training.drawn.figures import flag, line_art, shapes
from aecodec.training.drawn.interface import icons, interface
from aecodec.training.drawn.over import draw_over
from aecodec.training.drawn.patterns import colour_bars, gradient, plain, stripes
from aecodec.training.drawn.pixels import code, dithering, noise, pixel_art
from aecodec.training.drawn.text import page, table, terminal

__all__ = ["KINDS", "LARGEST", "SMALLEST", "draw", "draw_over"]

SMALLEST, LARGEST = 64, 900  # sides of pictures whose size is drawn


def _collage(rng: Rng, size: Size) -> Image.Image:
    """Two to four pictures of other kinds in one, as on a slide or a screen."""
    image = Image.new("RGB", size)
    x, y = (between(rng, 0.3 * side, 0.7 * side) for side in size)
    upright = chance(rng, 0.5)
    parts = [(0, 0, x, size[1]), (x, 0, size[0], size[1])]
    if not upright:
        parts = [(0, 0, size[0], y), (0, y, size[0], size[1])]
    if chance(rng, 0.5):
        left, top, right, bottom = parts.pop()
        cut = [(left, top, right, y), (left, y, right, bottom)]
        parts += cut if upright else [(left, top, x, bottom), (x, top, right, bottom)]
    for left, top, right, bottom in parts:
        kind = _drawn_kind(rng, [name for name in KINDS if name not in ("collage", "noise")])
        image.paste(_DRAWERS[kind][0](rng, (right - left, bottom - top)), (left, top))
    return image


# How each kind is drawn, and its weight where the kind is drawn from the seed.
_DRAWERS: dict[str, tuple[Callable[[Rng, Size], Image.Image], float]] = {
    "chart": (chart, 2.0),
    "page": (page, 2.0),
    "terminal": (terminal, 1.0),
    "table": (table, 1.0),
    "interface": (interface, 2.0),
    "icons": (icons, 1.0),
    "flag": (flag, 1.5),
    "shapes": (shapes, 1.5),
    "line_art": (line_art, 1.5),
    "pixel_art": (pixel_art, 1.5),
    "dithering": (dithering, 1.5),
    "code": (code, 0.7),
    "noise": (noise, 0.7),
    "colour_bars": (colour_bars, 1.0),
    "gradient": (gradient, 1.5),
    "plain": (plain, 0.5),
    "stripes": (stripes, 1.2),
    "collage": (_collage, 1.5),
}
KINDS = tuple(_DRAWERS)


def _drawn_kind(rng: Rng, kinds: list[str]) -> str:
    weights = np.array([_DRAWERS[name][1] for name in kinds])
    return kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]


def draw(seed: int, kind: str | None = None, size: Size | None = None) -> Image.Image:
    """Draw one picture.

    Args:
        seed: of everything that is drawn at random; not negative.
        kind: one of `KINDS`; None: drawn from the seed.
        size: (width, height) in pixels, at least 16 each; None: drawn from the seed, between
            `SMALLEST` and `LARGEST`.

    Returns:
        An RGB image.

    Raises:
        ValueError: no such kind, or the size is too small.
    """
    rng = np.random.default_rng([seed, 0])
    chosen, sides = _drawn_kind(rng, list(KINDS)), rng.uniform(size=2)
    if kind is not None and kind not in _DRAWERS:
        raise ValueError(f"no kind {kind!r} of drawn pictures; there are {', '.join(KINDS)}")
    if size is None:
        width, height = (round(SMALLEST * (LARGEST / SMALLEST) ** float(s)) for s in sides)
        size = (width, height)
    if min(size) < 16:
        raise ValueError(f"drawn pictures have at least 16 pixels a side, not {size}")
    return _DRAWERS[kind or chosen][0](rng, size)
