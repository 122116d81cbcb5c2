"""A plot of quality against time, and pictures side by side."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from aecodec.evaluation.denoising.methods import BLIND, NAME
from aecodec.evaluation.metrics import psnr

_PLOTTED = ("sigma 15", "sigma 25", "sigma 50")
_CAPTION = 34  # pixels
_GAP = 6


def plot_denoise(summary: Mapping[str, Any], format: str) -> bytes:
    """PSNR against seconds per megapixel at three noise levels, as PNG or SVG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    for axes, task in zip(figure.subplots(1, len(_PLOTTED)), _PLOTTED, strict=True):
        for name, cell in summary[task].items():
            if not cell["seconds_per_megapixel"]:
                continue  # the noisy photo itself
            colour = "#c1121f" if name in (NAME, BLIND) else "#1d4e89"
            place = cell["seconds_per_megapixel"], cell["psnr"]
            axes.plot(*place, "o", color=colour)
            # The blind mode lies almost on top of the other one.
            below = (5, -12) if name == BLIND else (5, 4)
            axes.annotate(name, place, below, textcoords="offset points", fontsize=8)
        axes.set(title=task, xscale="log", xlabel="seconds per megapixel", ylabel="PSNR (dB)")
        axes.margins(x=0.3, y=0.1)
        axes.set_xlim(right=3 * axes.get_xlim()[1])  # names are to the right of their points
        axes.grid(alpha=0.3)
    buffer = BytesIO()
    figure.savefig(buffer, format=format, dpi=150)
    return buffer.getvalue()


def middle(picture: Image.Image, side: int) -> Image.Image:
    """A square of so many pixels a side, or as large as there is."""
    side = min(side, *picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def contact_sheet(rows: Mapping[str, Mapping[str, Image.Image]]) -> bytes:
    """Pictures in rows, each with its name and its PSNR to the row's first, as PNG."""
    side = max(p.height for pictures in rows.values() for p in pictures.values())
    columns = max(len(pictures) for pictures in rows.values())
    width, height = side + _GAP, side + _CAPTION + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, len(rows) * height + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, (task, pictures) in enumerate(rows.items()):
        clean = next(iter(pictures.values()))
        for column, (name, picture) in enumerate(pictures.items()):
            left, top = _GAP + column * width, _GAP + row * height
            sheet.paste(picture, (left, top))
            second = task if picture is clean else f"{psnr(clean, picture):.2f} dB"
            draw.text((left, top + side + 1), f"{name}\n{second}", "black", font, spacing=2)
    buffer = BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
