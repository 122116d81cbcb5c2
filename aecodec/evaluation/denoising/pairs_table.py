"""The results on pairs of noisy and clean photos as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aecodec.evaluation.denoising.methods import NAME
from aecodec.evaluation.denoising.table import read_published
from aecodec.evaluation.denoising.tasks import NOISY
from aecodec.evaluation.results import markdown_table


def pairs_markdown(figures: Mapping[str, Any]) -> str:
    """Means, published figures, and the PSNR of each pair, of the figures of `run_pairs`."""
    return (
        f"# Denoising real photographs: {figures['data']}, {figures['images']} pairs\n\n"
        "PSNR in dB and SSIM to the clean photo, means over the"
        " pairs; the pair where least is gained on the noisy photo; wall-clock seconds per"
        " megapixel. The others need a noise level: scikit-image's estimate, or, told, the root"
        " mean square of the true noise.\n\n"
        f"{_means(figures['summary'])}\n{_published()}\n## Each pair, PSNR\n\n"
        f"{_each(figures['rows'])}"
    )


def _label(method: str) -> str:
    return f"**{method}**" if method.startswith(NAME) else method


def _means(summary: dict[str, Any]) -> str:
    rows = [
        [
            _label(method),
            f"{cell['psnr']:.2f}",
            f"{cell['ssim']:.4f}",
            "" if method == NOISY else f"{cell['worst_gain']:+.2f}",
            "" if method == NOISY else f"{cell['seconds_per_megapixel']:.2f}",
        ]
        for method, cell in summary.items()
    ]
    return markdown_table(["method", "PSNR", "SSIM", "least gain, dB", "s/MP"], rows)


def _published() -> str:
    figures = read_published("published_cc15.json")
    data = figures.pop("data")
    rows = [[name, f"{entry['psnr']:.2f}", entry["source"]] for name, entry in figures.items()]
    return f"## Published\n\n{data}. To compare with the above, if on that set.\n\n" + (
        markdown_table(["method", "PSNR", "source"], rows)
    )


def _each(rows: list[dict[str, Any]]) -> str:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    psnr = {(row["image"], row["method"]): row["psnr"] for row in rows}
    images = list(dict.fromkeys(row["image"] for row in rows))
    lines = [[image, *(f"{psnr[image, method]:.2f}" for method in methods)] for image in images]
    return markdown_table(["pair", *methods], lines)
