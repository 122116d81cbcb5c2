"""The rate-distortion results as Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aecodec.evaluation.learned_codec import is_ours
from aecodec.evaluation.metrics import METRICS
from aecodec.evaluation.results import markdown_table

VERSIONS = (
    "aecodec",
    "torch",
    "pillow",
    "libjpeg_turbo",
    "webp",
    "avif",
    "aom",
    "jpg_2000",
    "pillow-jxl-plugin",
    "pillow-heif",
    "HEIF encoder",
)
# (metric, reference) of the columns of the short table.
_SHORT = (
    ("ssimulacra2", "AVIF"),
    ("ssimulacra2", "JPEG"),
    ("ms_ssim", "AVIF"),
    ("psnr", "AVIF"),
    ("psnr", "JPEG"),
)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %".replace("-", "−")


def _decimals(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def _metrics_of(rates: Mapping[str, Any]) -> list[str]:
    """The metrics that were measured; results of older versions have fewer."""
    first = next(iter(rates.values()))
    return [key for key in METRICS if key in first]


def _by_strength(rates: Mapping[str, Any], metric: str) -> list[str]:
    """aecodec first, then from the strongest (fewest bits against JPEG) to the weakest."""

    def strength(name: str) -> tuple[bool, float]:
        against_jpeg = rates[name][metric].get("JPEG")
        return not is_ours(name), 0.0 if against_jpeg is None else against_jpeg

    return sorted(rates, key=strength)


def _bd_table(rates: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> str:
    """A column for each (metric, reference); codecs that none of them can compare are left out."""
    several = len({metric for metric, _ in columns}) > 1
    header = [f"{METRICS[m].name} vs {ref}" if several else f"vs {ref}" for m, ref in columns]
    rows = []
    for name in _by_strength(rates, columns[0][0]):
        cells = [rates[name][metric][ref] for metric, ref in columns]
        if any(cell is not None for cell in cells):
            label = f"**{name}**" if is_ours(name) else name
            rows.append([label, *(_percent(cell) for cell in cells)])
    return markdown_table(["codec", *header], rows)


def short_table(figures: Mapping[str, Any]) -> str:
    """BD-rates by all metrics against the references that matter most, of `run_rd`'s figures."""
    rates = figures["bd_rate"]
    first = next(iter(rates.values()))
    return _bd_table(rates, [(m, ref) for m, ref in _SHORT if ref in first.get(m, {})])


def _bd_tables(rates: Mapping[str, Any]) -> str:
    """A table for each metric."""
    parts = []
    for metric in _metrics_of(rates):
        references = list(next(iter(rates.values()))[metric])
        if any(value is not None for r in rates.values() for value in r[metric].values()):
            least = METRICS[metric].least
            title = METRICS[metric].name + (f", from {least:g} on" if math.isfinite(least) else "")
            table = _bd_table(rates, [(metric, ref) for ref in references])
            parts.append(f"### {title}\n\n{table}")
    return "\n".join(parts)


def _point_table(curves: Mapping[str, Any]) -> str:
    keys = _metrics_of({name: points[0] for name, points in curves.items()})
    titles = [METRICS[k].name + (" dB" if k == "psnr" else "") for k in keys]
    header = ["codec", "setting", "bpp", *titles, "encode ms", "decode ms"]
    rows = [
        [
            name,
            str(point["setting"]),
            _decimals(point["bpp"], 3),
            *(_decimals(point[key], METRICS[key].decimals) for key in keys),
            _decimals(1000 * point["encode_s"], 1),
            _decimals(1000 * point["decode_s"], 1),
        ]
        for name, points in curves.items()
        for point in points
    ]
    return markdown_table(header, rows)


def rd_markdown(figures: Mapping[str, Any]) -> str:
    """Tables of BD-rates and of all points from the figures of `run_rd`."""
    return f"{bd_markdown(figures)}\n## Points\n\n{_point_table(figures['curves'])}"


def _origins(origins: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A sentence for each earlier measurement that curves are from."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for codec, origin in origins.items():
        names.setdefault((origin["commit"], origin["date"][:10], origin["cpu"]), []).append(codec)
    return [
        f"Kept from commit {commit}, {date}, {cpu}, whose times are not those of the others:"
        f" {'; '.join(codecs)}.\n"
        for (commit, date, cpu), codecs in names.items()
    ]


def bd_markdown(figures: Mapping[str, Any]) -> str:
    """The same without the points."""
    weights = ", ".join(f'{name} is "{codec}"' for name, codec in figures["weights"].items())
    parts = [
        f"# Rate and distortion on {figures['data']} ({figures['images']} images)\n",
        f"Weights: {weights}. Device {figures['device']}.\n",
        "BD-rate: difference in bits at equal quality, on the curves of the means over the"
        " images and over the qualities that both reach; negative is smaller. The JPEG measured"
        " here is progressive with fitted Huffman tables, a stronger reference than plain JPEG."
        ' "AVIF" is as Pillow writes it, "AVIF, PSNR" is tuned for PSNR, 4:4:4, at speed 4.\n',
        *_origins(figures.get("origins", {})),
        "## BD-rate, measured\n",
        _bd_tables(figures["bd_rate"]),
    ]
    if figures["published_bd_rate"]:
        parts += [
            "## BD-rate, published curves against the codecs measured here\n",
            _bd_tables(figures["published_bd_rate"]),
        ]
    return "\n".join(parts)
