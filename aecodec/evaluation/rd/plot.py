"""Plots of rate against distortion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aecodec.evaluation.learned_codec import NAME, is_ours
from aecodec.evaluation.metrics import METRICS
from aecodec.evaluation.rd.published import PublishedCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_BPP = 1.6
MOST_CURVES = 8
# Those that a plot has room for: first what matters most. Published ones count, too.
_MEASURED = ("JPEG", "AVIF", "AVIF, PSNR", "JPEG XL", "WebP", "HEIC", "JPEG 2000")
_PUBLISHED = ("VTM 9.1 4:4:4", "mbt2018-mean")
_COLOURS = {
    "JPEG": "#444444",
    "WebP": "#2a9d8f",
    "AVIF": "#1d4e89",
    "AVIF, PSNR": "#5fa8d3",
    "JPEG 2000": "#8d6e3f",
    "JPEG XL": "#e08e0b",
    "HEIC": "#7b4fa3",
}


def colour(name: str) -> str:
    """Of a codec's curve."""
    if is_ours(name):
        return "#c1121f" if name == NAME else "#e07a80"
    return _COLOURS.get(name, "black")


def axis_label(metric: str) -> str:
    """A metric's name and unit."""
    unit = METRICS[metric].unit
    return METRICS[metric].name + (f" ({unit})" if unit else "")


def on_scale(values: Sequence[float], metric: str) -> list[float]:
    """A metric's values as plots show them."""
    return [METRICS[metric].scale(value) for value in values]


def choose_curves(
    curves: Mapping[str, Any], published: Mapping[str, PublishedCurve], metric: str
) -> tuple[list[str], list[str]]:
    """The names of the measured and of the published curves that a plot shows.

    At most MOST_CURVES: aecodec, then the others in the order of their importance.
    """
    theirs = [name for name in _PUBLISHED if name in published and _has(published[name], metric)]
    ours = [name for name in curves if is_ours(name)]
    others = [name for name in _MEASURED if name in curves]
    others += [name for name in curves if name not in (*ours, *others)]
    return [*ours, *others][: MOST_CURVES - len(theirs)], theirs


def _has(curve: PublishedCurve, metric: str) -> bool:
    return bool(getattr(curve, metric, None))


def _at(rate: Sequence[float], quality: Sequence[float], bpp: float) -> float:
    import numpy as np

    return float(np.interp(bpp, rate, quality))


def _draw_measured(axes: Axes, curves: Mapping[str, Any], metric: str) -> None:
    for name, points in curves.items():
        rate = [p["bpp"] for p in points]
        ours = is_ours(name)
        axes.plot(
            rate,
            on_scale([p[metric] for p in points], metric),
            color=colour(name),
            linewidth=3 if ours else 1.4,
            marker="o",
            markersize=5 if ours else 3,
            zorder=4 if ours else 3,
            label=name,
        )


def _draw_published(axes: Axes, curves: Mapping[str, PublishedCurve], metric: str) -> None:
    import matplotlib

    drawn: list[tuple[str, Sequence[float], list[float]]] = [
        (name, curve.bpp, on_scale(getattr(curve, metric), metric))
        for name, curve in curves.items()
    ]
    # From the best at a usual rate down, so that the legend reads like the plot.
    drawn.sort(key=lambda c: -_at(c[1], c[2], 0.6))
    shades = matplotlib.colormaps["cividis"].resampled(len(drawn) + 2)
    styles = ("--", "-.", ":")
    for i, (name, rate, quality) in enumerate(drawn):
        axes.plot(
            rate,
            quality,
            styles[i % 3],
            color=shades(i),
            linewidth=1,
            alpha=0.8,
            label=f"{name} (published)",
        )


def _visible_quality(axes: Axes) -> tuple[float, float]:
    """Lowest and highest quality among the points left of MAX_BPP, with a margin."""
    import numpy as np

    points = np.concatenate([np.asarray(line.get_xydata()) for line in axes.lines])
    shown = [float(y) for x, y in points if x <= MAX_BPP and np.isfinite(y)]
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    margin = 0.03 * (high - low) + 0.01
    return low - margin, high + margin


def plot_rd(
    curves: Mapping[str, Any],
    published: Mapping[str, PublishedCurve],
    *,
    title: str,
    metric: str,
    format: str,
) -> bytes:
    """Draw measured curves and published ones up to 1.6 bpp; those of `choose_curves`.

    Args:
        curves: codec -> points, as in the figures of `run_rd`.
        published: from `published_kodak`, or empty.
        title: above the plot: what was measured.
        metric: a key of METRICS; MS-SSIM is drawn in dB, -10 log10(1 - MS-SSIM).
        format: "png" or "svg".

    Returns:
        The picture as a file's bytes.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A figure of its own rather than pyplot's: no global state, no window system.
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    measured, theirs = choose_curves(curves, published, metric)
    _draw_measured(axes, {name: curves[name] for name in measured}, metric)
    _draw_published(axes, {name: published[name] for name in theirs}, metric)
    low, high = _visible_quality(axes)
    low = max(low, METRICS[metric].least)
    axes.set(xlim=(0, MAX_BPP), ylim=(low, high))
    axes.set(xlabel="bits per pixel", ylabel=axis_label(metric))
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    file = BytesIO()
    # No date, and ids from a fixed salt: equal results make equal files.
    with matplotlib.rc_context({"svg.hashsalt": "aecodec", "svg.fonttype": "none"}):
        metadata = {"Date": None} if format == "svg" else {}
        figure.savefig(file, format=format, dpi=150, metadata=metadata)
    return file.getvalue()
