"""Separable smoothing of batches of planes, arrays or tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aecodec.nn.arrays import Array, FloatArray, namespace


def smooth(planes: Array, taps: Sequence[float], *, padding: int) -> Array:
    """Convolve each plane (B, C, H, W) with a symmetric kernel along both axes.

    Args:
        planes: float32 or float64.
        taps: an odd number of weights.
        padding: zeros on each side; with 0 the result is smaller, each side by len(taps) - 1.
    """
    if isinstance(planes, np.ndarray):
        return _along(_along(planes, taps, padding, 3), taps, padding, 2)
    from aecodec.nn.torch_gaussian import smooth as smooth_tensor

    return smooth_tensor(planes, taps, padding=padding)


def _along(planes: Any, taps: Sequence[float], padding: int, axis: int) -> FloatArray:
    """Along one axis; equal taps to either side are multiplied once."""
    sides = [(0, 0)] * 4
    sides[axis] = (padding, padding)
    padded = np.moveaxis(np.pad(planes, sides), axis, -1)
    length, middle = padded.shape[-1] - len(taps) + 1, len(taps) // 2

    def part(start: int) -> Any:
        return padded[..., start : start + length]

    total = np.multiply(part(middle), planes.dtype.type(taps[middle]))
    pair = np.empty_like(total)
    for near in range(middle):
        np.add(part(near), part(len(taps) - 1 - near), out=pair)
        pair *= planes.dtype.type(taps[near])
        total += pair
    return np.moveaxis(total, -1, axis)


def moments(x: Array, y: Array, taps: Sequence[float], *, padding: int) -> tuple[Array, ...]:
    """Local means of two pictures' planes (B, C, H, W), and of what their variances need.

    Returns:
        Local means of x, of y, of x^2 + y^2 and of (x - y)^2, each (B, C, h, w). Covariances
        follow from these, without the difference of nearly equal numbers.
    """
    xp, count = namespace(x), x.shape[1]
    planes = xp.concatenate([x, y, x**2 + y**2, (x - y) ** 2], 1)
    smoothed = smooth(planes, taps, padding=padding)
    return tuple(smoothed[:, k * count : (k + 1) * count] for k in range(4))
