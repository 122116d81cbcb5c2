"""Charts as matplotlib draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from aecodec.training.drawn.colours import Rng, Size, between, chance, one_of, palette
from aecodec.training.drawn.text import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLES = (
    *("default", "default", "classic", "dark_background", "ggplot", "bmh", "grayscale"),
    *("fivethirtyeight", "Solarize_Light2", "seaborn-v0_8-darkgrid", "seaborn-v0_8-whitegrid"),
)
_MAPS = ("viridis", "magma", "jet", "coolwarm", "Greys", "hsv", "tab10", "YlOrRd", "Blues")


def _colours(rng: Rng, number: int) -> Any:
    """Of the style's cycle, or of a palette of our own."""
    if chance(rng, 0.5):
        return [f"C{i % 7}" for i in range(number)]
    return [tuple(v / 255 for v in c) for c in palette(rng, number)]


def _line(rng: Rng, ax: Axes) -> None:
    x = np.arange(between(rng, 5, 150))
    shades = _colours(rng, 6)
    for i in range(between(rng, 1, 6)):
        y = rng.normal(size=len(x)).cumsum()
        ax.plot(
            *(x, y),
            color=shades[i],
            linewidth=float(rng.uniform(0.5, 4)),
            linestyle=one_of(rng, ("-", "-", "--", ":", "-.")),
            marker=one_of(rng, ("", "", "o", "s", "^")) if len(x) < 40 else "",
            drawstyle=one_of(rng, ("default", "default", "steps-mid")),
            antialiased=not chance(rng, 0.15),
            label=words(rng, 1),
        )
        if chance(rng, 0.2):
            ax.fill_between(x, y, y.min(), color=shades[i], alpha=0.3)


def _bar(rng: Rng, ax: Axes) -> None:
    number, series = between(rng, 2, 12), between(rng, 1, 4)
    names = [words(rng, 1) for _ in range(number)]
    shades = _colours(rng, max(number, series))
    ground, flat = np.zeros(number), chance(rng, 0.3)
    for i in range(series):
        values = rng.uniform(1, 10, number)
        shade = shades if series == 1 and chance(rng, 0.5) else shades[i]
        if flat:
            ax.barh(range(number), values, left=ground, color=shade, label=words(rng, 1))
        else:
            hatch = one_of(rng, ("", "", "", "//", "xx", ".."))
            ax.bar(
                range(number), values, bottom=ground, color=shade, label=words(rng, 1), hatch=hatch
            )
        ground = ground + values
    if flat:
        ax.set_yticks(range(number), names)
    else:
        ax.set_xticks(range(number), names, rotation=one_of(rng, (0, 45, 90)))


def _pie(rng: Rng, ax: Axes) -> None:
    number = between(rng, 2, 9)
    ax.pie(
        rng.uniform(0.3, 3, number),
        colors=_colours(rng, number),
        labels=[words(rng, 1) for _ in range(number)],
        autopct="%1.0f%%" if chance(rng, 0.5) else None,
        startangle=float(rng.uniform(0, 360)),
        explode=rng.uniform(0, 0.1, number) if chance(rng, 0.3) else None,
        wedgeprops={"width": 0.4} if chance(rng, 0.3) else None,
    )


def _scatter(rng: Rng, ax: Axes) -> None:
    for shade in _colours(rng, between(rng, 1, 5)):
        number = between(rng, 10, 300)
        points = rng.normal(rng.normal(size=2) * 2, 1, (number, 2))
        ax.scatter(
            points[:, 0],
            points[:, 1],
            s=float(rng.uniform(2, 80)),
            color=shade,
            marker=one_of(rng, ("o", "o", "s", "x", "+", "^", ".")),
            alpha=one_of(rng, (1.0, 1.0, 0.5)),
            label=words(rng, 1),
        )


def _histogram(rng: Rng, ax: Axes) -> None:
    for shade in _colours(rng, between(rng, 1, 3)):
        ax.hist(
            rng.normal(rng.normal(), rng.uniform(0.5, 2), 500),
            bins=between(rng, 5, 60),
            color=shade,
            alpha=one_of(rng, (1.0, 0.6)),
            histtype=one_of(rng, ("bar", "bar", "step", "stepfilled")),
            label=words(rng, 1),
        )


def _heat_map(rng: Rng, ax: Axes) -> None:
    rows, columns = between(rng, 3, 24), between(rng, 3, 24)
    values = rng.normal(size=(rows, columns))
    if chance(rng, 0.4):
        values = values.cumsum(0).cumsum(1)
    smooth = one_of(rng, ("nearest", "nearest", "bilinear"))
    ax.imshow(values, cmap=one_of(rng, _MAPS), aspect="auto", interpolation=smooth)
    ax.grid(False)
    if rows * columns < 60 and chance(rng, 0.5):
        for (row, column), value in np.ndenumerate(values):
            ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=7)


_DRAWERS = (_line, _bar, _pie, _scatter, _histogram, _heat_map)


def chart(rng: Rng, size: Size) -> Image.Image:
    """Lines, bars, a pie, points, a histogram or a heat map, one to four of them."""
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    font = one_of(rng, ("DejaVu Sans", "DejaVu Sans", "DejaVu Serif", "STIXGeneral"))
    text = {"font.family": font, "font.size": float(rng.uniform(6, 14)), "figure.autolayout": False}
    with matplotlib.style.context(["default", one_of(rng, _STYLES), text]):
        dpi = float(one_of(rng, (72, 100, 140)))
        # A hundredth of a pixel more: the size is cut to whole pixels.
        figure = Figure(figsize=((size[0] + 0.01) / dpi, (size[1] + 0.01) / dpi), dpi=dpi)
        canvas = FigureCanvasAgg(figure)
        many = min(size) >= 300 and chance(rng, 0.25)
        rows, columns = (between(rng, 1, 2), 2) if many else (1, 1)
        figure.subplots_adjust(0.14, 0.13, 0.96, 0.9, 0.35, 0.4)
        for ax in figure.subplots(rows, columns, squeeze=False).flat:
            draw = one_of(rng, _DRAWERS)
            draw(rng, ax)
            if chance(rng, 0.4):
                ax.grid(chance(rng, 0.8))
            if chance(rng, 0.6):
                ax.set_title(words(rng, between(rng, 1, 4)).capitalize())
            if chance(rng, 0.5):
                ax.set_xlabel(words(rng, 1))
                ax.set_ylabel(words(rng, 1))
            if chance(rng, 0.4) and ax.get_legend_handles_labels()[1]:
                ax.legend(loc=one_of(rng, ("upper left", "upper right", "lower right")))
            if chance(rng, 0.1):
                ax.set_axis_off()
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
