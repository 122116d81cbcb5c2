"""How large one unit of a byte is, channel by channel; and weights as whole numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aecodec.codec.eight_bits.layers import WEIGHT_MAX
from aecodec.nn.arrays import FloatArray
from aecodec.nn.leak import SLOPE

Doubles = npt.NDArray[np.float64]
_SHRINK = (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1)  # of the whole range


def best_unit(
    values: FloatArray | Doubles, reach: FloatArray | Doubles, least: int, most: int
) -> Doubles:
    """The unit of each channel for which rounding and clamping lose least.

    Args:
        values: samples (N, C).
        reach: the largest magnitude of each channel, (C,).
        least, most: whole numbers that there are.
    """
    units = np.array([np.maximum(reach * part / most, 1e-6) for part in _SHRINK])
    columns = np.ascontiguousarray(values.T, dtype=np.float32)
    errors = [
        [
            _error(column, float(unit), least, most)
            for column, unit in zip(columns, row, strict=True)
        ]
        for row in units
    ]
    found: Doubles = units[np.argmin(errors, 0), np.arange(len(reach))]
    return found


def _error(values: FloatArray, unit: float, least: int, most: int) -> float:
    """Mean squared, of values as whole numbers of a unit."""
    whole = values * np.float32(1 / unit)
    np.round(whole, out=whole)
    np.clip(whole, least, most, out=whole)
    whole *= np.float32(unit)
    whole -= values
    return float(np.dot(whole, whole)) / len(values)


class Hidden(NamedTuple):
    """How bytes keep what is behind a leaky ReLU: of each channel the sign that varies more.

    Channels of some layers are nearly always negative: there the leak says all, and the bytes are
    of the values' negatives.

    Attributes:
        sign: 1 or -1, (C,).
        unit: of the bytes, before the leaky ReLU, (C,).
        after: the same behind it, negative where the sign is, (C,).
        dropped: the mean of what is left out, behind it, (C,).
    """

    sign: Doubles
    unit: Doubles
    after: Doubles
    dropped: Doubles


def hidden(values: FloatArray, least: FloatArray, most: FloatArray) -> Hidden:
    """For samples (N, C) behind the leaky ReLU, and their range (C,)."""
    above, below = np.maximum(values, 0), np.minimum(values, 0) / SLOPE
    turned = SLOPE * below.std(0) > above.std(0)
    up = best_unit(above, np.maximum(most, 1e-4), 0, 255)
    down = best_unit(-below, np.maximum(-least / SLOPE, 1e-4), 0, 255)
    return Hidden(
        np.where(turned, -1.0, 1.0),
        np.where(turned, down, up),
        np.where(turned, -SLOPE * down, up),
        np.where(turned, above.mean(0), SLOPE * below.mean(0)),
    )


def weight_scales(weight: Doubles) -> Doubles:
    """The value of one unit for each row of weights (out, n), for which rounding loses least."""
    largest = np.maximum(np.abs(weight).max(1), 1e-12)
    scales = np.array([largest * part / WEIGHT_MAX for part in np.linspace(0.5, 1, 21)])
    errors = [
        np.square(rounded_weight(weight, scale) * scale[:, None] - weight).sum(1)
        for scale in scales
    ]
    found: Doubles = scales[np.argmin(errors, 0), np.arange(len(weight))]
    return found


def rounded_weight(weight: Doubles, scale: Doubles) -> Doubles:
    """The whole numbers nearest to weights (out, n) in units of a scale (out,)."""
    rounded: Doubles = np.clip(np.round(weight / scale[:, None]), -WEIGHT_MAX, WEIGHT_MAX)
    return rounded
