"""The denoising results as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from aecodec.evaluation.denoising.methods import BLIND, NAME
from aecodec.evaluation.denoising.tasks import TASKS
from aecodec.evaluation.results import markdown_table

VERSIONS = ("aecodec", "torch", "bm3d", "opencv-python-headless", "scikit-image")
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


def read_published(name: str) -> dict[str, Any]:
    """Figures that others published: name -> "source" and "psnr"; and "data", what of."""
    text = files(__package__).joinpath(name).read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def denoise_markdown(figures: Mapping[str, Any]) -> str:
    """Tables of all groups of tasks and the published figures, of the figures of `run_denoise`."""
    parts = [
        f"# Denoising: {figures['data']}, {figures['images']} photos\n\n"
        "The seed of a photo's noise is its place in the list. "
        "Each cell: PSNR in dB / SSIM, means over the photos; times are wall-clock seconds per "
        "megapixel, mean over the tasks.\n"
    ]
    for group, (title, text) in _TITLES.items():
        names = [task.name for task in TASKS if task.group == group]
        parts.append(f"## {title}\n\n{text}\n\n{_table(figures['summary'], names)}")
        if group in ("float", "8-bit"):
            parts.append(f"{_blind_cost(figures['summary'], names)}\n")
    return "\n".join([*parts, _published_table()])


def _table(summary: dict[str, Any], tasks: Sequence[str]) -> str:
    methods = list(dict.fromkeys(method for task in tasks for method in summary[task]))
    rows = []
    for method in methods:
        cells = [summary[task][method] for task in tasks]
        seconds = sum(cell["seconds_per_megapixel"] for cell in cells) / len(cells)
        # JSON knows no infinity: a clean photo beside itself.
        decibels = ["inf" if cell["psnr"] is None else f"{cell['psnr']:.2f}" for cell in cells]
        figures = [f"{db} / {cell['ssim']:.4f}" for db, cell in zip(decibels, cells, strict=True)]
        label = f"**{method}**" if method in (NAME, BLIND) else method
        rows.append([label, *figures, f"{seconds:.2f}" if seconds else ""])
    return markdown_table(["method", *tasks, "s/MP"], rows)


def _blind_cost(summary: dict[str, Any], tasks: Sequence[str]) -> str:
    costs = (summary[task][NAME]["psnr"] - summary[task][BLIND]["psnr"] for task in tasks)
    return f"Not being told sigma costs {', '.join(f'{cost:.2f}' for cost in costs)} dB."


def _published_table() -> str:
    figures = read_published("published_cbsd68.json")
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
