"""Plots of rate against distortion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aecodec.evaluation.learned_codec import NAMES
from aecodec.evaluation.metrics import ms_ssim_db
from aecodec.evaluation.published import PublishedCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_BPP = 1.6
LABELS = {"psnr": "PSNR (dB)", "ms_ssim": "MS-SSIM (dB)"}
COLOURS = {
    NAMES["mse"]: "#c1121f",
    NAMES["ms-ssim"]: "#e07a80",
    "JPEG": "#444444",
    "WebP": "#2a9d8f",
    "AVIF": "#1d4e89",
    "AVIF 4:4:4": "#5fa8d3",
    "JPEG 2000": "#8d6e3f",
    "JPEG XL": "#e08e0b",
    "HEIC": "#7b4fa3",
}


def _decibels(values: Sequence[float], metric: str) -> list[float]:
    return [ms_ssim_db(v) for v in values] if metric == "ms_ssim" else list(values)


def _at(rate: Sequence[float], quality: Sequence[float], bpp: float) -> float:
    import numpy as np

    return float(np.interp(bpp, rate, quality))


def _draw_measured(axes: Axes, curves: Mapping[str, Any], metric: str) -> None:
    for name, points in curves.items():
        rate = [p["bpp"] for p in points]
        quality = _decibels([p[metric] for p in points], metric)
        ours = name in NAMES.values()
        axes.plot(
            rate,
            quality,
            color=COLOURS.get(name, "black"),
            linewidth=3 if ours else 1.4,
            marker="o",
            markersize=5 if ours else 3,
            zorder=4 if ours else 3,
            label=name,
        )


def _draw_published(axes: Axes, curves: Mapping[str, PublishedCurve], metric: str) -> None:
    import matplotlib

    drawn: list[tuple[str, Sequence[float], list[float]]] = []
    for name, curve in curves.items():
        values: Sequence[float] | None = getattr(curve, metric)
        if values:
            drawn.append((name, curve.bpp, _decibels(values, metric)))
    # From the best at a usual rate down, so that the legend reads like the plot.
    drawn.sort(key=lambda c: -_at(c[1], c[2], 0.6))
    shades = matplotlib.colormaps["cividis"].resampled(len(drawn) + 2)
    styles = ("--", "-.", ":")
    for i, (name, rate, quality) in enumerate(drawn):
        axes.plot(rate, quality, styles[i % 3], color=shades(i), linewidth=1, alpha=0.8, label=name)


def _legends(axes: Axes, measured: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    place: dict[str, Any] = {
        "loc": "upper left",
        "frameon": False,
        "fontsize": 9,
        "alignment": "left",
    }
    first = axes.legend(
        handles[:measured],
        labels[:measured],
        title="measured here",
        bbox_to_anchor=(1.01, 1.02),
        **place,
    )
    if len(handles) > measured:
        axes.add_artist(first)
        axes.legend(
            handles[measured:],
            labels[measured:],
            title="published, best first",
            bbox_to_anchor=(1.01, 0.54),
            **place,
        )


def _visible_quality(axes: Axes) -> tuple[float, float]:
    """Lowest and highest quality among the points left of MAX_BPP."""
    import numpy as np

    points = np.concatenate([np.asarray(line.get_xydata()) for line in axes.lines])
    shown = [float(y) for x, y in points if x <= MAX_BPP and np.isfinite(y)]
    return (min(shown), max(shown)) if shown else (0.0, 1.0)


def plot_rd(
    curves: Mapping[str, Any],
    published: Mapping[str, PublishedCurve],
    *,
    title: str,
    metric: str,
    format: str,
) -> bytes:
    """Draw measured curves and published ones up to 1.6 bpp.

    Args:
        curves: codec -> points, as in the result of `rd.run_rd`.
        published: from `published_kodak`, or empty; curves without this metric are left out.
        title: above the plot: what was measured.
        metric: "psnr" or "ms_ssim" (drawn in dB, -10 log10(1 - MS-SSIM)).
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
    _draw_measured(axes, curves, metric)
    _draw_published(axes, published, metric)
    low, high = _visible_quality(axes)
    axes.set(xlim=(0, MAX_BPP), ylim=(low - 0.5, high + 0.5))
    axes.set(xlabel="bits per pixel", ylabel=LABELS[metric])
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _legends(axes, len(curves))
    file = BytesIO()
    # No date, and ids from a fixed salt: equal results make equal files.
    with matplotlib.rc_context({"svg.hashsalt": "aecodec", "svg.fonttype": "none"}):
        metadata = {"Date": None} if format == "svg" else {}
        figure.savefig(file, format=format, dpi=150, metadata=metadata)
    return file.getvalue()
