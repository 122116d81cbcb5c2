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


def shared_range(
    reference_quality: Sequence[float], quality: Sequence[float], least: float = -np.inf
) -> tuple[float, float]:
    """The lowest and the highest quality that two curves both reach, from `least` on.

    Raises:
        BdRateError: there is none.
    """
    low = max(min(reference_quality), min(quality), least)
    high = min(max(reference_quality), max(quality))
    if low >= high:
        from_on = "" if least == -np.inf else f" from {least:g} on"
        raise BdRateError(
            f"qualities do not overlap{from_on}:"
            f" {min(reference_quality):.2f} to {max(reference_quality):.2f}"
            f" and {min(quality):.2f} to {max(quality):.2f}"
        )
    return float(low), float(high)


def bd_rate(
    reference_rate: Sequence[float],
    reference_quality: Sequence[float],
    rate: Sequence[float],
    quality: Sequence[float],
    least: float = -np.inf,
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
        reference_quality, quality: PSNR in dB, MS-SSIM in dB (`metrics.ms_ssim_db`), or scores.
        least: quality below it does not count.

    Raises:
        BdRateError: with fewer than four points on an envelope, with values that are not
            finite, or when the two ranges of quality do not overlap.
    """
    reference = _upper_envelope(reference_rate, reference_quality)
    other = _upper_envelope(rate, quality)
    low, high = shared_range(reference[1].tolist(), other[1].tolist(), least)
    areas = [PchipInterpolator(q, r).integrate(low, high) for r, q in (reference, other)]
    return float(100 * np.expm1((areas[1] - areas[0]) / (high - low)))
