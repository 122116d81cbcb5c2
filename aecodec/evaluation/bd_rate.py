"""How many more bits one codec needs than another for the same quality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from aecodec.errors import AecodecError

# Bjontegaard fitted four points; with fewer, the shape of the curve is a guess.
MIN_POINTS = 4


class BdRateError(AecodecError, ValueError):
    """Two rate-distortion curves that cannot be compared."""


def _upper_envelope(
    rate: Sequence[float], quality: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(log rate, quality), both strictly increasing."""
    if len(rate) != len(quality):
        raise BdRateError(f"{len(rate)} rates but {len(quality)} qualities")
    points = np.array(sorted(zip(rate, quality, strict=True), key=lambda p: (p[0], -p[1])))
    points = points.reshape(-1, 2)  # where there are none
    if not np.isfinite(points).all() or (points[:, :1] <= 0).any():
        raise BdRateError("rates must be positive, rates and qualities finite")
    best = -np.inf
    kept = []
    for point in points:
        if point[1] > best:
            best = point[1]
            kept.append(point)
    if len(kept) < MIN_POINTS:
        raise BdRateError(f"need {MIN_POINTS} points of growing quality, not {len(kept)}")
    envelope = np.array(kept)
    return np.log(envelope[:, 0]), envelope[:, 1]


def bd_rate(
    reference_rate: Sequence[float],
    reference_quality: Sequence[float],
    rate: Sequence[float],
    quality: Sequence[float],
) -> float:
    """Mean difference in rate at equal quality, in percent: -20 means a fifth fewer bits.

    Log rate is interpolated as a function of quality and integrated over the qualities
    that both curves reach: Bjontegaard, "Calculation of average PSNR differences between
    RD-curves" (VCEG-M33, 2001), with monotone piecewise cubics (PCHIP) for the global
    polynomial, as JCT-VC does, because those do not overshoot between points.

    Points may come in any order. A point that costs more than another without being
    better is left out, so a curve that dips is replaced by its upper envelope.

    Args:
        reference_rate, rate: bits per pixel (or any unit the two share), positive.
        reference_quality, quality: PSNR in dB, or MS-SSIM in dB (`metrics.ms_ssim_db`).

    Raises:
        BdRateError: with fewer than four points on an envelope, with values that are not
            finite, or when the two ranges of quality do not overlap.
    """
    reference = _upper_envelope(reference_rate, reference_quality)
    other = _upper_envelope(rate, quality)
    low = max(reference[1][0], other[1][0])
    high = min(reference[1][-1], other[1][-1])
    if low >= high:
        raise BdRateError(
            f"qualities do not overlap: {reference[1][0]:.2f} to {reference[1][-1]:.2f}"
            f" and {other[1][0]:.2f} to {other[1][-1]:.2f}"
        )
    areas = [PchipInterpolator(q, r).integrate(low, high) for r, q in (reference, other)]
    return float(100 * np.expm1((areas[1] - areas[0]) / (high - low)))
