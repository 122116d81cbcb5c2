"""How well photos are denoised, beside the other denoisers that run on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from aecodec.denoising.denoiser import Denoiser
from aecodec.errors import UnsupportedImageError
from aecodec.evaluation import machine
from aecodec.evaluation.denoising import methods
from aecodec.evaluation.denoising.methods import BLIND, Floats, Method, ours, to_levels
from aecodec.evaluation.denoising.plot import contact_sheet, middle, plot_denoise
from aecodec.evaluation.denoising.table import VERSIONS, denoise_markdown
from aecodec.evaluation.denoising.tasks import NOISY, TASKS, NoiseTask
from aecodec.evaluation.metrics import psnr, ssim
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import Result, write_bytes, write_result

Progress = Callable[[int, int, str], None]
_LEAST = 16  # pixels a side: SSIM looks at windows of 11, reflection needs more than it adds


def methods_for(task: NoiseTask, denoiser: Denoiser, without: Collection[str] = ()) -> list[Method]:
    """Ours first, then those that are made for this noise, but for those named."""
    mine = ours(denoiser, task.kind)
    if task.group == "clean":  # told that nothing is wrong, nobody does anything
        return [method for method in mine if method.name == BLIND]
    impulses = task.group == "impulses"
    others = methods.for_impulses() if impulses else methods.for_gaussian_noise()
    return [*mine, *(method for method in others if method.name not in without)]


def measure_photo(
    photo: Image.Image, seed: int, denoiser: Denoiser, without: Collection[str] = ()
) -> list[dict[str, Any]]:
    """One photo through all tasks and methods: rows of task, method, psnr, ssim and seconds.

    Denoised pictures are rounded to 8 bits before they are compared, as is usual.
    """
    clean = np.asarray(photo)
    x = torch.tensor(clean).permute(2, 0, 1)[None].float() / 255
    rows = []
    for task in TASKS:
        noisy = task.corrupt(x, seed)[0].permute(1, 2, 0).numpy()
        rows.append(_row(task.name, NOISY, clean, noisy, 0.0))
        for method in methods_for(task, denoiser, without):
            start = perf_counter()
            denoised = method.denoise(noisy, task.sigma)
            rows.append(_row(task.name, method.name, clean, denoised, perf_counter() - start))
    return rows


def _row(
    task: str, method: str, clean: NDArray[np.uint8], x: Floats, seconds: float
) -> dict[str, Any]:
    levels = to_levels(x)
    return {
        "task": task,
        "method": method,
        "psnr": psnr(clean, levels),
        "ssim": ssim(clean, levels),
        "seconds": seconds,
        "megapixels": clean.shape[0] * clean.shape[1] / 1e6,
    }


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """task -> method -> means over the photos, and seconds per megapixel of them all."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["method"]), []).append(row)
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for (task, method), group in groups.items():
        summary.setdefault(task, {})[method] = {
            "psnr": float(np.mean([row["psnr"] for row in group])),
            "ssim": float(np.mean([row["ssim"] for row in group])),
            "seconds_per_megapixel": sum(row["seconds"] for row in group)
            / sum(row["megapixels"] for row in group),
        }
    return summary


def run_denoise(
    data: Path,
    out: Path,
    *,
    device: str = "auto",
    weights: Path | None = None,
    threads: int = 2,
    limit: int | None = None,
    without: Collection[str] = (),
    progress: Progress | None = None,
) -> Result:
    """Measure aecodec and the other denoisers that are installed on a folder of photos.

    Args:
        data: folder with photos.
        out: folder for denoise.json, denoise.md, the plot and the contact sheet.
        device: for aecodec, "auto", "cpu" or "cuda".
        weights: of aecodec's denoiser; by default those that ship.
        threads: that torch and OpenCV may use; the others decide for themselves.
        limit: measure only the first so many photos.
        without: names of others to leave out: "BM3D" takes minutes a megapixel.
        progress: called after each photo with photos done, photos in all and its name.

    Returns:
        What denoise.json holds. Its figures: `data`, `images`, `device`, `summary` and `rows`,
        one for each photo, task and method.

    Raises:
        UnsupportedImageError: when the folder holds no photos or an unreadable one.
        AecodecError: there are no weights.
    """
    denoiser = Denoiser(device, weights)
    photos = list_photos(data, limit)
    rows: list[dict[str, Any]] = []
    with machine.threads(threads), methods.opencv_threads(threads):
        first = load_photo(photos[0])
        measure_photo(first.crop((0, 0, 64, 64)), 0, denoiser, without)  # to warm up
        for number, path in enumerate(photos):
            photo = load_photo(path)
            if min(photo.size) < _LEAST:
                raise UnsupportedImageError(f"{path}: under {_LEAST} pixels a side")
            rows += measure_photo(photo, number, denoiser, without)
            if progress:
                progress(number + 1, len(photos), path.name)
        sheet = contact_sheet(_sheet_rows(first, denoiser, without))
        figures: dict[str, Any] = {
            "data": Path(data).resolve().name,
            "images": len(photos),
            "device": device,
            "summary": summarise(rows),
            "rows": rows,
        }
        tables = denoise_markdown(figures)
        result = write_result(out / "denoise.json", figures, tables, versions=VERSIONS)
    for suffix in ("png", "svg"):
        write_bytes(out / f"denoise.{suffix}", plot_denoise(figures["summary"], suffix))
    write_bytes(out / "denoise_sheet.png", sheet)
    return result


def _sheet_rows(
    photo: Image.Image, denoiser: Denoiser, without: Collection[str]
) -> dict[str, dict[str, Image.Image]]:
    """task -> what -> picture, of the middle of a photo."""
    clean = middle(photo, 256)
    x = torch.tensor(np.asarray(clean)).permute(2, 0, 1)[None].float() / 255
    sheet = {}
    for task in TASKS:
        if task.group not in ("8-bit", "impulses"):
            continue
        noisy = task.corrupt(x, 0)[0].permute(1, 2, 0).numpy()
        pictures = {"clean": clean, NOISY: Image.fromarray(to_levels(noisy))}
        for method in methods_for(task, denoiser, without):
            denoised = method.denoise(noisy, task.sigma)
            pictures[method.name] = Image.fromarray(to_levels(denoised))
        sheet[task.name] = pictures
    return sheet
