"""What noise costs in bits, and how many of them denoising before encoding saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.denoising.denoiser import Denoiser
from aecodec.evaluation.denoising.pairs import list_pairs
from aecodec.evaluation.metrics import bits_per_pixel, psnr
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import Result, markdown_table, write_result
from aecodec.nn import noise

Progress = Callable[[int, int, str], None]

SIGMAS = (10, 25, 50)
QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


def with_noise(photo: Image.Image, sigma: float, seed: int) -> Image.Image:
    """A noisy copy in 8 bits."""
    x = torch.tensor(np.asarray(photo)).float() / 255
    noisy = noise.to_8_bit(noise.gaussian(x, sigma, torch.Generator().manual_seed(seed)))
    return Image.fromarray((noisy * 255).round().to(torch.uint8).numpy())


class _Sample(NamedTuple):
    """A photo with noise; sigma is None if it was taken so."""

    name: str
    sigma: int | None
    noisy: Image.Image
    clean: Image.Image


def _with_gaussian(photos: Sequence[Path]) -> Iterator[_Sample]:
    for number, path in enumerate(photos):
        clean = load_photo(path)
        for sigma in SIGMAS:
            yield _Sample(path.name, sigma, with_noise(clean, sigma, number), clean)


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
    pairs: bool = False,
    device: str = "auto",
    weights: Path | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Compress noisy photos as they are, and denoised in the blind mode first.

    Args:
        data: folder with clean photos; or, for pairs, with files NAME_noisy.* and NAME_clean.*.
        out: folder for denoise_savings.json and .md.
        pairs: the noise is that of the pairs, otherwise Gaussian noise of `SIGMAS`.
        device: "auto", "cpu" or "cuda".
        weights: of the denoiser; by default those that ship.
        limit: measure only the first so many photos.
        progress: called after each noisy photo with how many are done, their number and its
            name.

    Returns:
        What denoise_savings.json holds. Its figures: `data`, `images` and `rows`, one for
        each photo and sigma, which is null for pairs.

    Raises:
        UnsupportedImageError: when the folder holds no photos, or no pairs, or an unreadable one.
        AecodecError: there are no weights.
    """
    denoiser, codec = Denoiser(device, weights), Codec(device)
    samples: Iterator[_Sample]
    if pairs:
        found = list_pairs(data, limit)
        images = total = len(found)
        samples = (_Sample(p.name, None, load_photo(p.noisy), load_photo(p.clean)) for p in found)
    else:
        photos = list_photos(data, limit)
        images, total = len(photos), len(photos) * len(SIGMAS)
        samples = _with_gaussian(photos)
    rows = []
    for number, (name, sigma, noisy, clean) in enumerate(samples):
        curves = (curve(codec, p, clean) for p in (noisy, denoiser.denoise(noisy)))
        rows.append({"image": name, "sigma": sigma, **compare(*curves)})
        if progress:
            progress(number + 1, total, name)
    figures = {"data": Path(data).resolve().name, "images": images, "rows": rows}
    return write_result(out / "denoise_savings.json", figures, savings_markdown(figures))


def savings_markdown(figures: Mapping[str, Any]) -> str:
    """Means over the photos for each sigma, or over pairs."""
    lines = []
    for sigma in dict.fromkeys(row["sigma"] for row in figures["rows"]):
        rows = [row for row in figures["rows"] if row["sigma"] == sigma]
        reached = [row for row in rows if _is_finite(row["denoised_bpp"])]
        psnr_db, bpp, best = (
            np.mean([r[key] for r in rows]) for key in ("psnr", "bpp", "best_psnr")
        )
        saved = [100 * (1 - row["denoised_bpp"] / row["bpp"]) for row in reached]
        lines.append(
            [
                "as taken" if sigma is None else str(sigma),
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
