"""What noise costs in bits, and how many of them denoising before encoding saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.denoising import noise
from aecodec.denoising.denoiser import Denoiser
from aecodec.evaluation.metrics import bits_per_pixel, psnr
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import Result, markdown_table, write_result

Progress = Callable[[int, int, str], None]

SIGMAS = (10, 25, 50)
QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


def with_noise(photo: Image.Image, sigma: float, seed: int) -> Image.Image:
    """A noisy copy in 8 bits."""
    x = torch.tensor(np.asarray(photo)).float() / 255
    noisy = noise.to_8_bit(noise.gaussian(x, sigma, torch.Generator().manual_seed(seed)))
    return Image.fromarray((noisy * 255).round().to(torch.uint8).numpy())


def _is_finite(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))  # JSON knows no nan


def curve(codec: Codec, picture: Image.Image, clean: Image.Image) -> list[tuple[float, float]]:
    """(bits per pixel, PSNR to the clean photo in dB) of a picture at each quality."""
    points = []
    for quality in QUALITIES:
        data = codec.compress(picture, quality)
        points.append((bits_per_pixel(data, clean.size), psnr(clean, codec.decompress(data))))
    return points


def compare(
    noisy: Sequence[tuple[float, float]], denoised: Sequence[tuple[float, float]]
) -> dict[str, float]:
    """The best that encoding the noisy photo reaches, and what the same takes denoised.

    More bits reproduce more of the noise, so the PSNR to the clean photo has a peak.

    Args:
        noisy, denoised: curves of the same photo.

    Returns:
        `psnr` in dB and `bpp` at the noisy photo's peak, `denoised_bpp` at that PSNR (nan
        if never reached) and `best_psnr` of the denoised curve.
    """
    bpp, peak = max(noisy, key=lambda point: point[1])
    best = max(range(len(denoised)), key=lambda i: denoised[i][1])
    rising = denoised[: best + 1]
    rates, qualities = [point[0] for point in rising], [point[1] for point in rising]
    needed = float(np.exp(np.interp(peak, qualities, np.log(rates), right=np.nan)))
    return {"psnr": peak, "bpp": bpp, "denoised_bpp": needed, "best_psnr": qualities[-1]}


def run_savings(
    data: Path,
    out: Path,
    *,
    device: str = "auto",
    weights: Path | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Compress noisy photos as they are, and denoised in the blind mode first.

    Args:
        data: folder with clean photos.
        out: folder for denoise_savings.json and .md.
        device: "auto", "cpu" or "cuda".
        weights: of the denoiser; by default those that ship.
        limit: measure only the first so many photos.
        progress: called after each photo with photos done, photos in all and its name.

    Returns:
        What denoise_savings.json holds. Its figures: `data`, `images` and `rows`, one for
        each photo and sigma.

    Raises:
        UnsupportedImageError: when the folder holds no photos or an unreadable one.
        AecodecError: there are no weights.
    """
    denoiser, codec = Denoiser(device, weights), Codec(device)
    photos = list_photos(data, limit)
    rows = []
    for number, path in enumerate(photos):
        clean = load_photo(path)
        for sigma in SIGMAS:
            noisy = with_noise(clean, sigma, number)
            curves = (curve(codec, p, clean) for p in (noisy, denoiser.denoise(noisy)))
            rows.append({"image": path.name, "sigma": sigma, **compare(*curves)})
        if progress:
            progress(number + 1, len(photos), path.name)
    figures = {"data": Path(data).resolve().name, "images": len(photos), "rows": rows}
    return write_result(out / "denoise_savings.json", figures, savings_markdown(figures))


def savings_markdown(figures: Mapping[str, Any]) -> str:
    """Means over the photos for each sigma."""
    lines = []
    for sigma in SIGMAS:
        rows = [row for row in figures["rows"] if row["sigma"] == sigma]
        reached = [row for row in rows if _is_finite(row["denoised_bpp"])]
        psnr_db, bpp, best = (
            np.mean([r[key] for r in rows]) for key in ("psnr", "bpp", "best_psnr")
        )
        saved = [100 * (1 - row["denoised_bpp"] / row["bpp"]) for row in reached]
        lines.append(
            [
                str(sigma),
                f"{psnr_db:.2f}",
                f"{bpp:.3f}",
                f"{np.mean(saved):.0f} %" if saved else "–",
                f"{len(reached)} of {len(rows)}",
                f"{best:.2f}",
            ]
        )
    header = ["sigma", "peak PSNR dB", "bpp there", "bytes saved", "photos", "peak denoised dB"]
    return (
        f"# Compressing noisy photos: {figures['data']}, {figures['images']} photos\n\n"
        "PSNR is to the clean photo. Encoded as it is, a noisy photo has its best PSNR at some "
        "rate (more bits bring back the noise); `--denoise auto` reaches that PSNR with so many "
        "fewer bytes, and goes on to a higher peak.\n\n" + markdown_table(header, lines)
    )
