"""Rate-distortion curves that others published for the Kodak set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class PublishedCurve:
    """Means over the 24 Kodak pictures, in order of growing rate.

    Attributes:
        source: repository, commit and file that the numbers were read from.
        bpp: bits per pixel.
        psnr: RGB PSNR in dB.
        ms_ssim: MS-SSIM in [0, 1] of the same (MSE-trained) model; None if not published.
    """

    source: str
    bpp: tuple[float, ...]
    psnr: tuple[float, ...]
    ms_ssim: tuple[float, ...] | None


def published_kodak() -> dict[str, PublishedCurve]:
    """Reference curves by name: BPG, VTM and learned codecs from 2018 to 2025."""
    text = files(__package__).joinpath("published_kodak.json").read_text("utf-8")
    return {
        name: PublishedCurve(
            source=entry["source"],
            bpp=tuple(entry["bpp"]),
            psnr=tuple(entry["psnr"]),
            ms_ssim=None if entry["ms_ssim"] is None else tuple(entry["ms_ssim"]),
        )
        for name, entry in json.loads(text).items()
    }
