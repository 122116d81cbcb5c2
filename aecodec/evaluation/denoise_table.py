"""The denoising results as Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aecodec.evaluation.denoise_methods import BLIND, NAME
from aecodec.evaluation.files import markdown_table

if TYPE_CHECKING:
    from aecodec.evaluation.denoise import NoiseTask

_TITLES = {
    "float": (
        "Gaussian noise, floats",
        "Noise added to floats and not clipped, as in the literature; OpenCV takes 8 bits only.",
    ),
    "8-bit": (
        "Gaussian noise, 8 bits",
        "The noisy picture clipped and rounded to 8 bits, as in a file.",
    ),
    "impulses": (
        "Impulse noise",
        "Salt and pepper hits each colour value on its own; masking loses whole pixels.",
    ),
    "clean": ("Clean photos", "What is left of a photo without noise after the blind mode."),
}


def published() -> dict[str, Any]:
    """Figures that others published: name -> "source" and "psnr" by sigma; and "data"."""
    text = files("aecodec.evaluation").joinpath("denoise_published.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def denoise_markdown(result: dict[str, Any], tasks: Sequence[NoiseTask]) -> str:
    """Tables of all groups of tasks, the published figures and the conditions."""
    parts = [f"# Denoising: {result['data']}, {result['images']} photos\n\n{_conditions(result)}\n"]
    for group, (title, text) in _TITLES.items():
        names = [task.name for task in tasks if task.group == group]
        parts.append(f"## {title}\n\n{text}\n\n{_table(result['summary'], names)}")
        if group in ("float", "8-bit"):
            parts.append(f"{_blind_cost(result['summary'], names)}\n")
    return "\n".join([*parts, _published_table()])


def _conditions(result: dict[str, Any]) -> str:
    about = result["machine"]
    return (
        f"{about['cpu']}, {about['threads']} threads, load {about['load_average']} at the end, "
        f"torch {about['versions']['torch']}, {about['date']}. The seed of a photo's noise is "
        "its place in the list. Each cell: PSNR in dB / SSIM, means over the photos; times are "
        "wall-clock seconds per megapixel, mean over the tasks."
    )


def _table(summary: dict[str, Any], tasks: Sequence[str]) -> str:
    methods = list(dict.fromkeys(method for task in tasks for method in summary[task]))
    rows = []
    for method in methods:
        cells = [summary[task][method] for task in tasks]
        seconds = sum(cell["seconds_per_megapixel"] for cell in cells) / len(cells)
        figures = [f"{cell['psnr']:.2f} / {cell['ssim']:.4f}" for cell in cells]
        label = f"**{method}**" if method in (NAME, BLIND) else method
        rows.append([label, *figures, f"{seconds:.2f}" if seconds else ""])
    return markdown_table(["method", *tasks, "s/MP"], rows)


def _blind_cost(summary: dict[str, Any], tasks: Sequence[str]) -> str:
    costs = (summary[task][NAME]["psnr"] - summary[task][BLIND]["psnr"] for task in tasks)
    return f"Not being told sigma costs {', '.join(f'{cost:.2f}' for cost in costs)} dB."


def _published_table() -> str:
    figures = published()
    data = figures.pop("data")
    sigmas = ("15", "25", "50")
    rows = [
        [name, *(f"{entry['psnr'][sigma]:.2f}" for sigma in sigmas), entry["source"]]
        for name, entry in figures.items()
    ]
    header = ["method", *(f"sigma {sigma}" for sigma in sigmas), "source"]
    return f"## Published\n\n{data}. To compare with the floats above, if on that set.\n\n" + (
        markdown_table(header, rows)
    )
