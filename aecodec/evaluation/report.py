"""A benchmark's results as one web page that needs no network: tables, and plots to zoom into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from aecodec.errors import require
from aecodec.evaluation.denoising.methods import BLIND
from aecodec.evaluation.learned_codec import NAME, is_ours
from aecodec.evaluation.metrics import METRICS
from aecodec.evaluation.rd.plot import MAX_BPP, axis_label, colour, on_scale
from aecodec.evaluation.rd.published import published_kodak

Figure = dict[str, Any]
"""A plot as Plotly describes it: `data` and `layout`."""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 70rem;
  color: #222 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums;
  display: block; overflow-x: auto }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd; white-space: nowrap }
tr:hover td { background: #f3f6fa }
"""


def check_packages() -> None:
    """Raise AecodecError unless the packages of the extra "report" are installed."""
    require("a report", "report", "markdown_it", "plotly")


def report_page(markdown: str, figures: Sequence[Figure] = ()) -> bytes:
    """The page, UTF-8: the figures, then the tables.

    Args:
        markdown: a benchmark's tables; its first line is the title.
        figures: from `rd_figures` or `denoise_figures`.

    Raises:
        AecodecError: as of `check_packages`.
    """
    check_packages()
    from markdown_it import MarkdownIt
    from plotly.io import to_html

    title, _, rest = markdown.partition("\n")
    title = title.lstrip("# ")
    # Plotly's script, four megabytes, stands in the page once.
    plots = [
        to_html(f, full_html=False, include_plotlyjs=not i, config={"displaylogo": False})
        for i, f in enumerate(figures)
    ]
    tables = MarkdownIt("commonmark", {"html": False}).enable("table").render(rest)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>\n"
        f"{''.join(plots)}\n{tables}</html>\n"
    ).encode()


def rd_figures(figures: Mapping[str, Any]) -> list[Figure]:
    """Rate against quality by each metric that was measured, of the figures of `run_rd`."""
    point = next(iter(figures["curves"].values()))[0]
    return [_rd_figure(figures, metric) for metric in METRICS if metric in point]


def _rd_figure(figures: Mapping[str, Any], metric: str) -> Figure:
    lines = []
    for name, points in figures["curves"].items():
        line: dict[str, Any] = {"color": colour(name), "width": 4 if is_ours(name) else 2}
        settings = [f"setting {p['setting']}" for p in points]
        values = [p[metric] for p in points]
        rates = [p["bpp"] for p in points]
        lines.append(
            _line(name, rates, values, metric, line=line, text=settings, mode="lines+markers")
        )
    for name, curve in (published_kodak() if figures["kodak"] else {}).items():
        if published := getattr(curve, metric, None):
            line = {"dash": "dot", "width": 1.5}
            # Without a legend group, which would take a column of its own below the plot.
            lines.append(
                _line(
                    f"{name} (published)",
                    curve.bpp,
                    published,
                    metric,
                    line=line,
                    mode="lines",
                    visible="legendonly",
                )
            )
    layout = _layout("bits per pixel", axis_label(metric))
    layout["xaxis"]["range"] = [0, MAX_BPP]
    layout["height"] = 680
    return {"data": lines, "layout": layout}


def _line(
    name: str, bpp: Sequence[float], values: Sequence[float], metric: str, **style: Any
) -> dict[str, Any]:
    hover = f"%{{x:.3f}} bpp, %{{y:.2f}} {METRICS[metric].unit}".rstrip()
    if "text" in style:
        hover += "<br>%{text}"
    return {
        "type": "scatter",
        "name": name,
        "x": list(bpp),
        "y": on_scale(values, metric),
        "hovertemplate": hover,
        **style,
    }


def denoise_figures(figures: Mapping[str, Any]) -> list[Figure]:
    """Seconds per megapixel against PSNR at each Gaussian noise level.

    Args:
        figures: of `run_denoise`.
    """
    return [
        _time_figure(task, cells) for task, cells in figures["summary"].items() if "sigma" in task
    ]


def _time_figure(task: str, cells: Mapping[str, Any]) -> Figure:
    timed = {name: c for name, c in cells.items() if c["seconds_per_megapixel"]}
    ours = {NAME: "#c1121f", BLIND: "#e07a80"}
    # Names in the legend: beside the points they cover each other on a telephone.
    points = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [cell["seconds_per_megapixel"]],
            "y": [cell["psnr"]],
            "hovertemplate": "%{x:.3g} s/MP, %{y:.2f} dB",
            "marker": {"size": 12, **({"color": ours[name]} if name in ours else {})},
        }
        for name, cell in timed.items()
    ]
    layout = _layout("seconds per megapixel", f"PSNR (dB), {task}")
    layout["xaxis"]["type"] = "log"
    return {"data": points, "layout": layout}


def _layout(x: str, y: str) -> dict[str, Any]:
    axis = {"gridcolor": "#ddd", "zeroline": False}
    return {
        "height": 560,
        "margin": {"t": 30, "l": 60, "r": 20},
        # Below the plot: beside it a telephone has no room for both.
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.15},
        "plot_bgcolor": "white",
        "xaxis": {"title": {"text": x}, **axis},
        "yaxis": {"title": {"text": y}, **axis},
    }
