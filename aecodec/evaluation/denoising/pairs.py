"""How well real noise is removed: pairs of a noisy photo and a clean one of the same scene."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from aecodec.denoising.denoiser import Denoiser
from aecodec.errors import UnsupportedImageError
from aecodec.evaluation import machine
from aecodec.evaluation.denoising.methods import (
    BLIND,
    NAME,
    Method,
    for_gaussian_noise,
    opencv_threads,
    to_levels,
)
from aecodec.evaluation.denoising.pairs_table import pairs_markdown
from aecodec.evaluation.denoising.plot import contact_sheet, middle
from aecodec.evaluation.denoising.table import VERSIONS
from aecodec.evaluation.denoising.tasks import NOISY
from aecodec.evaluation.metrics import psnr, ssim
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import Result, write_bytes, write_result

Progress = Callable[[int, int, str], None]
Denoise: TypeAlias = Callable[[Image.Image, float], Image.Image]
"""From the noisy photo and the true level of its noise to the denoised one."""

TOLD = ", told"
_OTHERS = ("BM3D", "OpenCV NLM", "scikit-image NLM")
_SHEET_SIDE = 224  # pixels


class Pair(NamedTuple):
    """Two files of one scene."""

    name: str
    noisy: Path
    clean: Path


def list_pairs(folder: Path, limit: int | None = None) -> list[Pair]:
    """The pairs NAME_noisy.* and NAME_clean.* below a folder, by name; at most `limit`.

    Raises:
        UnsupportedImageError: there are none, or one lacks its other half.
    """
    halves: dict[str, dict[str, Path]] = {"noisy": {}, "clean": {}}
    for path in list_photos(folder):
        name, _, half = path.stem.rpartition("_")
        if half in halves and name:
            halves[half][name] = path
    noisy, clean = halves["noisy"], halves["clean"]
    for name in sorted(noisy.keys() ^ clean.keys()):
        there, missing = ("noisy", "clean") if name in noisy else ("clean", "noisy")
        raise UnsupportedImageError(f"{halves[there][name]}: there is no {name}_{missing} beside")
    if not noisy:
        raise UnsupportedImageError(f"{folder}: no pairs of NAME_noisy and NAME_clean")
    return [Pair(name, noisy[name], clean[name]) for name in sorted(noisy)][:limit]


def noise_level(noisy: Image.Image, clean: Image.Image) -> float:
    """Root mean square of the difference, on the scale of 0..255."""
    difference = np.asarray(noisy, np.float64) - np.asarray(clean)
    return float(np.sqrt(np.mean(difference**2)))


def methods(denoiser: Denoiser, without: Collection[str] = ()) -> dict[str, Denoise]:
    """aecodec as it comes and told the level, then the others, but for those named.

    The others have to be given a level: scikit-image's estimate, and once more the true one.
    """
    found: dict[str, Denoise] = {
        BLIND: lambda noisy, level: denoiser.denoise(noisy),
        NAME + TOLD: lambda noisy, level: denoiser.denoise(noisy, level),
    }
    for method in for_gaussian_noise():
        if method.name in _OTHERS and method.name not in without:
            if find_spec("skimage") and find_spec("pywt"):
                found[method.name] = partial(_with_estimate, method)
            found[method.name + TOLD] = partial(_apply, method)
    return found


def _with_estimate(method: Method, noisy: Image.Image, _: float) -> Image.Image:
    from skimage.restoration import estimate_sigma

    level = estimate_sigma(np.asarray(noisy), channel_axis=2, average_sigmas=True)
    return _apply(method, noisy, float(level))


def _apply(method: Method, noisy: Image.Image, level: float) -> Image.Image:
    x = np.asarray(noisy, np.float32) / 255
    return Image.fromarray(to_levels(method.denoise(x, level)))


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """method -> means over the pairs, and `worst_gain`, the least PSNR above the noisy photo's."""
    noisy = {row["image"]: row["psnr"] for row in rows if row["method"] == NOISY}
    summary = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        some = [row for row in rows if row["method"] == method]
        summary[method] = {
            "psnr": float(np.mean([row["psnr"] for row in some])),
            "ssim": float(np.mean([row["ssim"] for row in some])),
            "worst_gain": min(row["psnr"] - noisy[row["image"]] for row in some),
            "seconds_per_megapixel": sum(row["seconds"] for row in some)
            / sum(row["megapixels"] for row in some),
        }
    return summary


def run_pairs(
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
    """Measure aecodec and the other denoisers that are installed on pairs of photos.

    Args:
        data: folder with files NAME_noisy.* and NAME_clean.*.
        out: folder for pairs.json, pairs.md and the contact sheet, pairs_sheet.png.
        device: for aecodec, "auto", "cpu" or "cuda".
        weights: of aecodec's denoiser; by default those that ship.
        threads: that torch and OpenCV may use; the others decide for themselves.
        limit: measure only the first so many pairs.
        without: names of others to leave out: "BM3D" takes minutes a megapixel.
        progress: called after each pair with pairs done, pairs in all and its name.

    Returns:
        What pairs.json holds. Its figures: `data`, `images`, `device`, `summary` and `rows`,
        one for each pair and method.

    Raises:
        UnsupportedImageError: there are no pairs, or one of unreadable or unequal pictures.
        AecodecError: there are no weights.
    """
    pairs = list_pairs(data, limit)
    with machine.threads(threads), opencv_threads(threads):
        every = methods(Denoiser(device, weights), without)
        warm = load_photo(pairs[0].noisy).crop((0, 0, 64, 64))
        for denoise in every.values():
            denoise(warm, 10.0)
        rows: list[dict[str, Any]] = []
        sheet: dict[str, dict[str, Image.Image]] = {}
        for number, pair in enumerate(pairs):
            noisy, clean = load_photo(pair.noisy), load_photo(pair.clean)
            if noisy.size != clean.size:
                raise UnsupportedImageError(f"{pair.noisy}: not of the size of {pair.clean.name}")
            pictures = _measure(rows, pair.name, noisy, clean, every)
            # The table has the methods that were told: for the eye there is no room.
            sheet[pair.name] = {
                k: middle(v, _SHEET_SIDE) for k, v in pictures.items() if TOLD not in k
            }
            if progress:
                progress(number + 1, len(pairs), pair.name)
        figures: dict[str, Any] = {
            "data": Path(data).resolve().name,
            "images": len(pairs),
            "device": device,
            "summary": summarise(rows),
            "rows": rows,
        }
        tables = pairs_markdown(figures)
        result = write_result(out / "pairs.json", figures, tables, versions=VERSIONS)
    write_bytes(out / "pairs_sheet.png", contact_sheet(sheet))
    return result


def _measure(
    rows: list[dict[str, Any]],
    name: str,
    noisy: Image.Image,
    clean: Image.Image,
    every: dict[str, Denoise],
) -> dict[str, Image.Image]:
    """Add a pair's rows; what each method made of it."""
    level = noise_level(noisy, clean)
    pictures = {"clean": clean, NOISY: noisy}
    seconds = {NOISY: 0.0}
    for method, denoise in every.items():
        start = perf_counter()
        pictures[method] = denoise(noisy, level)
        seconds[method] = perf_counter() - start
    rows += [
        {
            "image": name,
            "method": method,
            "noise_level": level,
            "psnr": psnr(clean, pictures[method]),
            "ssim": ssim(clean, pictures[method]),
            "seconds": spent,
            "megapixels": clean.width * clean.height / 1e6,
        }
        for method, spent in seconds.items()
    ]
    return pictures
