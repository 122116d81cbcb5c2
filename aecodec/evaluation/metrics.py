"""Distortion and rate of one decoded picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecodec.images import to_8_bits

Picture: TypeAlias = Image.Image | NDArray[np.uint8]


def _rgb(picture: Picture) -> NDArray[np.uint8]:
    """Pixels as uint8 (H, W, 3)."""
    if isinstance(picture, Image.Image):
        return np.asarray(to_8_bits(picture).convert("RGB"))
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"need uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    return picture


def _pair(first: Picture, second: Picture) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    a, b = _rgb(first), _rgb(second)
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    return a, b


def psnr(first: Picture, second: Picture) -> float:
    """Peak signal-to-noise ratio in dB over all RGB samples, peak 255; inf when equal.

    Args:
        first, second: images (converted to RGB) or uint8 arrays (H, W, 3) of one size.

    Raises:
        ValueError: when sizes differ or an array is not uint8 (H, W, 3).
    """
    a, b = _pair(first, second)
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def ssim(first: Picture, second: Picture) -> float:
    """Structural similarity (Wang et al., 2004), Gaussian window, mean over RGB; 1 when equal.

    Args:
        first, second: images or uint8 arrays (H, W, 3) of one size, at least 11 pixels a side.
    """
    import torch
    from pytorch_msssim import ssim as similarity

    x, y = (torch.tensor(p).permute(2, 0, 1)[None].float() for p in _pair(first, second))
    return float(similarity(x, y, data_range=255.0))


def ms_ssim(first: Picture, second: Picture) -> float:
    """Multi-scale structural similarity over RGB, in [0, 1]; 1 when equal.

    Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality
    assessment" (2003), with the usual five scales. Pictures with a side under 161
    pixels are too small for those: nan.

    Args:
        first, second: images (converted to RGB) or uint8 arrays (H, W, 3) of one size.

    Raises:
        ValueError: when sizes differ or an array is not uint8 (H, W, 3).
    """
    import torch
    from pytorch_msssim import ms_ssim as similarity

    from aecodec.nn.ms_ssim import MIN_SIDE

    a, b = _pair(first, second)
    if min(a.shape[:2]) < MIN_SIDE:
        return math.nan
    x, y = (torch.tensor(p).permute(2, 0, 1)[None].float() for p in (a, b))
    return float(similarity(x, y, data_range=255.0))


def ssimulacra2(original: Picture, distorted: Picture) -> float:
    """SSIMULACRA 2: 100 when equal, 90 hardly to be told apart, 50 medium, no lower bound.

    The score of libjxl's tool (`aecodec.nn.ssimulacra2`), whose order of pictures matters.
    Pictures with a side under 8 pixels are too small: nan.

    Args:
        original, distorted: images (converted to RGB) or uint8 arrays (H, W, 3) of one size.

    Raises:
        ValueError: when sizes differ or an array is not uint8 (H, W, 3).
    """
    from aecodec.nn.ssimulacra2 import MIN_SIDE, score, weighted_sum

    a, b = _pair(original, distorted)
    if min(a.shape[:2]) < MIN_SIDE:
        return math.nan
    x, y = (p.transpose(2, 0, 1)[None].astype(np.float32) / 255 for p in (a, b))
    return float(score(weighted_sum(x, y))[0])


def ms_ssim_db(value: float) -> float:
    """MS-SSIM on a decibel scale, -10 log10(1 - value); inf at 1, nan stays nan."""
    return -10 * math.log10(1 - value) if value != 1 else math.inf


def bits_per_pixel(data: bytes, size: tuple[int, int]) -> float:
    """Rate of a whole file, headers and all, in bits per pixel of a (width, height) picture."""
    return 8 * len(data) / (size[0] * size[1])


@dataclass(frozen=True)
class Metric:
    """A measure of quality, and how benchmarks show it.

    Attributes:
        name: for tables.
        unit: behind a value; "" if it has none.
        measure: from the original and the decoded picture to the value.
        decimals: of the value in tables.
        scale: from the value to what plots and BD-rates go by.
        least: BD-rates go by what lies above it, on that scale.
    """

    name: str
    unit: str
    measure: Callable[[Picture, Picture], float]
    decimals: int
    scale: Callable[[float], float] = float
    least: float = -math.inf


# A curve falls to -100 and below at its lowest rates, where a score only tells one ruin from
# another; a mean over all of it would be of that. 30 is what libjxl's tool calls low quality.
SSIMULACRA2_LEAST = 30.0

METRICS = {
    "psnr": Metric("PSNR", "dB", psnr, 2),
    "ms_ssim": Metric("MS-SSIM", "dB", ms_ssim, 4, ms_ssim_db),
    "ssimulacra2": Metric("SSIMULACRA 2", "", ssimulacra2, 2, least=SSIMULACRA2_LEAST),
}
"""By the key in result files. A metric that is added here is in every rate-distortion table."""
