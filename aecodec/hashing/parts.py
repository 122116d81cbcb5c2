"""How well a picture matches others, or a part of them: small grey copies are laid over each other.

Lewis, "Fast normalized cross-correlation" (1995): all places at once by a Fourier transform,
and the mean and deviation of what is there by sums over rectangles.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.hashing.copies import SIDE, Copies
from aecodec.nn.arrays import AnyArray, FloatArray

_SIZES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # of the part, at most so much of each side
_FLAT = 0.01  # deviation, of [0, 1], below which a part counts as having this


def template_match(
    query: Copies, wide: float, pictures: Copies, widths: AnyArray
) -> npt.NDArray[np.float32]:
    """The greatest correlation of a query with each picture, or with any part of it.

    Of a part the query is taken to have kept the proportions. Parts have 0.4 to 1 of what fits.
    Of a whole it may be squashed, flipped and turned by quarters, too.

    Args:
        query: its small copy, uint8 (32, 32).
        wide: its width by its height.
        pictures: small copies, uint8 (N, 32, 32).
        widths: of the pictures, by their heights, (N,).

    Returns:
        float32 (N,), at most 1.
    """
    if not len(pictures):
        return np.empty(0, np.float32)
    whole, grey = (np.asarray(copy, np.float32) / 255 for copy in (query, pictures))
    turns = [np.rot90(turn, n) for n in range(4) for turn in (whole, whole[:, ::-1])]
    best = (_standard(grey) @ _standard(np.stack(turns)).T).max(1)
    transformed = _transform(grey)
    for (height, width), rows in _part_sizes(wide / widths).items():
        resized = Image.fromarray(whole).resize((width, height), Image.Resampling.BILINEAR)
        template = np.asarray(resized)
        chosen = _Transformed(*(each[rows] for each in transformed))
        best[rows] = np.maximum(best[rows], _correlation(chosen, template))
    return best


def _standard(pictures: FloatArray) -> FloatArray:
    """(N, side, side) to (N, side * side) whose products are correlations."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(1, keepdims=True)
    norm = np.sqrt(np.square(flat).sum(1, keepdims=True))
    return flat / np.maximum(norm, np.float32(_FLAT * SIDE))


def _part_sizes(wider: AnyArray) -> dict[tuple[int, int], list[int]]:
    """(height, width) that the query may have in the squares -> which pictures.

    Args:
        wider: how much wider the query's proportions are than each picture's, (N,).
    """
    sizes: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, ratio in enumerate(wider.tolist()):
        for size in _SIZES:
            sides = size * SIDE * min(1, 1 / ratio), size * SIDE * min(1, ratio)
            height, width = (max(1, round(side)) for side in sides)
            sizes[height, width].append(row)
    return sizes


class _Transformed(NamedTuple):
    """What every size of a part needs of the pictures (N, side, side)."""

    spectrum: AnyArray
    sums: AnyArray  # float64 (N, side + 1, side + 1), over all above and to the left
    square_sums: AnyArray


def _transform(pictures: FloatArray) -> _Transformed:
    wide = pictures.astype(np.float64)
    return _Transformed(np.fft.rfft2(pictures), _sums(wide), _sums(np.square(wide)))


def _sums(values: AnyArray) -> AnyArray:
    return np.pad(values, ((0, 0), (1, 0), (1, 0))).cumsum(1).cumsum(2)


def _correlation(pictures: _Transformed, template: FloatArray) -> FloatArray:
    """The greatest of each picture over all places of the template (h, w)."""
    height, width = template.shape
    places = (..., slice(SIDE - height + 1), slice(SIDE - width + 1))
    template = template - template.mean()
    # Parts do not reach over the edge, so the transform's going round does not matter.
    spectrum = np.fft.rfft2(template, s=(SIDE, SIDE)).conj()
    product = np.fft.irfft2(pictures.spectrum * spectrum)[places]
    count = height * width
    mean = _window_sums(pictures.sums, height, width) / count
    square = _window_sums(pictures.square_sums, height, width) / count
    deviation = np.sqrt(np.maximum(square - np.square(mean), _FLAT**2))
    own = np.sqrt(max(float(np.square(template).mean()), _FLAT**2))
    correlation = (product / (count * own * deviation)).max((1, 2))
    return correlation.astype(np.float32)


def _window_sums(sums: AnyArray, height: int, width: int) -> AnyArray:
    rows = sums[:, height:] - sums[:, :-height]
    return rows[..., width:] - rows[..., :-width]
