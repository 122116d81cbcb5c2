"""A small filter of decoded pixels, fitted to each picture and sent with it.

Networks are trained for the mean of all pictures. A Wiener filter, as in the loops of AV1 and VVC
(Karczewicz et al., "VVC in-loop filters", 2021), takes back what they do to this one. A level of a
colour becomes itself plus weighted differences to rings of neighbours, in all three colours. All
numbers are integers, so that every decoder makes the same of the same pixels.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from aecodec.errors import CorruptFileError
from aecodec.nn.arrays import FloatArray

Weights = npt.NDArray[np.int8]
"""(rings, 3, 3): of each ring, for each colour that changes, of each colour that it sees."""

RINGS = (
    ((0, 1), (0, -1), (1, 0), (-1, 0)),
    ((1, 1), (1, -1), (-1, 1), (-1, -1)),
    ((0, 2), (0, -2), (2, 0), (-2, 0)),
    ((0, 3), (0, -3), (3, 0), (-3, 0)),
)
REACH = 3  # pixels; margins of tiles have four to spare
_PARTS = 8  # of a level
_STEP = 256  # the weight that is one
_PER_RING = 9  # bytes
_FRAME = 6  # bytes of the chunk beside them
_SWEEPS = 4
_DOUBT = 2.0  # of samples: squared levels, as if each pixel had so much that no weight changes


def apply(x: FloatArray, weights: Weights) -> FloatArray:
    """Filter pixels (3, H, W) in [0, 1], and round them to levels of 255."""
    # Sums stay below 2^24, so that float32 has them exactly, in any order.
    y = _in_parts(x)
    flat = weights.astype(np.float32).transpose(1, 0, 2).reshape(3, -1)
    change = flat @ _differences(y, len(weights)).reshape(flat.shape[1], -1)
    y *= _STEP
    y += change.reshape(y.shape)
    y /= _STEP * _PARTS
    np.clip(np.round(y, out=y), 0, 255, out=y)
    y /= 255
    return y


class Fit:
    """Least squares over a picture, or samples of it."""

    def __init__(self) -> None:
        features = 3 * len(RINGS)
        self._products = np.zeros((features, features))
        self._targets = np.zeros((features, 3))
        self._pixels = 0

    def add(self, x: FloatArray, original: FloatArray, inside: tuple[slice, slice]) -> None:
        """Pixels (3, H, W) in [0, 1], and what `inside` of them should be, on that scale."""
        y = _in_parts(x) / np.float32(_PARTS)
        rows, columns = inside
        seen = _differences(y, len(RINGS))[:, rows, columns].reshape(len(self._products), -1)
        error = (255 * original - y[:, rows, columns]).reshape(3, -1)
        self._products += seen @ seen.T
        self._targets += seen @ error.T
        self._pixels += seen.shape[1]

    def change(self, weights: Weights) -> float:
        """Mean square of what weights change in what was added, in levels."""
        w = weights.transpose(0, 2, 1).reshape(-1, 3).astype(np.float64) / _STEP
        a = self._products[: len(w), : len(w)]
        return float((w * (a @ w)).sum()) / 3 / max(1, self._pixels)

    def join(self, other: Fit) -> None:
        """Add what was added to another."""
        self._products += other._products
        self._targets += other._targets
        self._pixels += other._pixels

    def best(self, bits_per_error: float, pixels: int | None = None) -> Weights | None:
        """The number of rings that saves most, and their weights; None: it does not pay.

        Args:
            bits_per_error: what a squared error of 1 in one pixel, mean of its colours, is worth.
            pixels: of the picture, if only samples of it were added. Smooth ones say little of
                what else there is: then weights are smaller.
        """
        if not self._pixels:
            return None
        doubt = 0.0 if pixels is None else _DOUBT * self._pixels
        worth = bits_per_error * (pixels or self._pixels) / self._pixels
        best, found = 0.0, None
        for rings in range(1, len(RINGS) + 1):
            a, b = self._products[: 3 * rings, : 3 * rings], self._targets[: 3 * rings]
            w = _rounded_solution(a + doubt * np.eye(len(a)), b)
            removed = float((w * (2 * b - a @ w)).sum()) / 3
            saved = worth * removed - 8 * (_PER_RING * rings + _FRAME)
            if saved > best:
                integers = np.rint(_STEP * w).astype(np.int8)
                best, found = saved, integers.reshape(rings, 3, 3).transpose(0, 2, 1)
        return found


def _rounded_solution(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Multiples of 1 / `_STEP` that minimise w' a w - 2 b' w, nearly: one by one, from the best."""
    floor = 1e-9 * np.trace(a) + 1e-9
    w = np.linalg.solve(a + floor * np.eye(len(a)), b)
    for _ in range(_SWEEPS):
        for i in range(len(w)):
            others = b[i] - a[i] @ w + a[i, i] * w[i]
            w[i] = np.clip(np.rint(_STEP * others / (a[i, i] + floor)), -127, 127) / _STEP
    return w


def _in_parts(x: FloatArray) -> FloatArray:
    """[0, 1] as whole parts of levels, in planes: torch's are channels-last, and slow here."""
    return np.round(np.clip(np.ascontiguousarray(x), 0, 1) * np.float32(255 * _PARTS))


def _differences(y: FloatArray, rings: int) -> FloatArray:
    """Of (3, H, W), the sums over each ring less as often the pixel: (3 * rings, H, W)."""
    height, width = y.shape[1:]
    padded = np.pad(y, ((0, 0), (REACH, REACH), (REACH, REACH)), mode="edge")
    found = np.empty((rings, *y.shape), np.float32)
    for sums, ring in zip(found, RINGS, strict=False):
        np.multiply(y, -len(ring), out=sums)
        for down, right in ring:
            top, left = REACH + down, REACH + right
            sums += padded[:, top : top + height, left : left + width]
    return found.reshape(-1, height, width)


def pack(weights: Weights) -> bytes:
    """The payload of a chunk."""
    return weights.astype(np.int8).tobytes()


def unpack(payloads: Iterable[bytes], mode: str) -> Weights | None:
    """The inverse, of a file's chunks of this type, at most one; None: no filter.

    Raises:
        CorruptFileError: malformed, or not for pictures of this mode.
    """
    for payload in payloads:
        rings, rest = divmod(len(payload), _PER_RING)
        if mode != "RGB":
            raise CorruptFileError(f"filter: not for pictures of mode {mode}")
        if rest or not 1 <= rings <= len(RINGS):
            raise CorruptFileError(f"filter: {len(payload)} bytes, not 9, 18, 27 or 36")
        return np.frombuffer(payload, np.int8).reshape(rings, 3, 3)
    return None
