"""A picture against codes: what is known of the query is more than its bits.

A bit of the query whose number is near 0 might as well have been the other one, so that it
should count little where it differs. Of stored codes only the bits are known. Gordo et al.,
"Asymmetric distances for binary embeddings" (2014, IEEE TPAMI 36).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SHORTLIST = 200
"""Of so many codes that are nearest by Hamming distance, the order is found anew."""


def asymmetric_distances(
    numbers: npt.NDArray[np.float32], codes: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Bits that differ, each weighted by the query's number; 0 to `bits`, as Hamming distances are.

    Args:
        numbers: (bits,) of the query, whose signs are its code; see `Hasher.numbers`.
        codes: (N, bits / 8).

    Returns:
        float32 (N,).
    """
    different = np.unpackbits(codes, axis=1) != (numbers >= 0)
    size = np.abs(numbers)
    mean = size.mean() or 1.0
    distances: npt.NDArray[np.float32] = different @ (size / mean)
    return distances
