"""How well a picture matches others, or a part of them: small grey copies are laid over each other.

Lewis, "Fast normalized cross-correlation" (1995): all places at once by a Fourier transform,
and the mean and deviation of what is there by sums over rectangles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, pad

_SIDE = 32  # pixels, of the copies, which are squashed to squares
_SIZES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # of the part, at most so much of each side
_FLAT = 0.01  # deviation, of [0, 1], below which a part counts as having this


@torch.inference_mode()
def template_match(query: Image.Image, pictures: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
    """The greatest correlation of a query with each picture, or with any part of it.

    Of a part the query is taken to have kept the proportions. Parts have 0.4 to 1 of what fits.
    Of a whole it may be squashed, flipped and turned by quarters, too.

    Returns:
        float32 (N,), at most 1.
    """
    if not pictures:
        return np.empty(0, np.float32)
    whole = _grey(query)
    grey = torch.stack([_grey(picture) for picture in pictures])
    turns = [turn.rot90(n) for n in range(4) for turn in (whole, whole.flip(1))]
    best = (_standard(grey) @ _standard(torch.stack(turns)).T).amax(1)
    transformed = _transform(grey)
    for (height, width), rows in _part_sizes(query, pictures).items():
        size = (height, width)
        template = interpolate(whole[None, None], size, mode="bilinear", antialias=True)[0, 0]
        chosen = _Transformed(*(each[rows] for each in transformed))
        best[rows] = torch.maximum(best[rows], _correlation(chosen, template))
    return best.numpy()


def _grey(picture: Image.Image) -> Tensor:
    small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)


def _standard(pictures: Tensor) -> Tensor:
    """(N, side, side) to (N, side * side) whose products are correlations."""
    flat = pictures.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    return flat / flat.norm(dim=1, keepdim=True).clamp_min(_FLAT * _SIDE)


def _part_sizes(
    query: Image.Image, pictures: Sequence[Image.Image]
) -> dict[tuple[int, int], list[int]]:
    """(height, width) that the query may have in the squares -> which pictures."""
    sizes: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, picture in enumerate(pictures):
        wider = (query.width * picture.height) / (query.height * picture.width)
        for size in _SIZES:
            sides = size * _SIDE * min(1, 1 / wider), size * _SIDE * min(1, wider)
            height, width = (max(1, round(side)) for side in sides)
            sizes[height, width].append(row)
    return sizes


class _Transformed(NamedTuple):
    """What every size of a part needs of the pictures (N, side, side)."""

    spectrum: Tensor
    sums: Tensor  # float64 (N, side + 1, side + 1), over all above and to the left
    square_sums: Tensor


def _transform(pictures: Tensor) -> _Transformed:
    return _Transformed(
        torch.fft.rfft2(pictures), _sums(pictures.double()), _sums(pictures.double().square())
    )


def _sums(values: Tensor) -> Tensor:
    return pad(values, (1, 0, 1, 0)).cumsum(1).cumsum(2)


def _correlation(pictures: _Transformed, template: Tensor) -> Tensor:
    """The greatest of each picture over all places of the template (h, w)."""
    height, width = template.shape
    places = (..., slice(_SIDE - height + 1), slice(_SIDE - width + 1))
    template = template - template.mean()
    # Parts do not reach over the edge, so the transform's going round does not matter.
    spectrum = torch.fft.rfft2(template, s=(_SIDE, _SIDE)).conj()
    product = torch.fft.irfft2(pictures.spectrum * spectrum)[places]
    count = height * width
    mean = _window_sums(pictures.sums, height, width) / count
    square = _window_sums(pictures.square_sums, height, width) / count
    deviation = (square - mean.square()).clamp_min(_FLAT**2).sqrt()
    own = template.square().mean().clamp_min(_FLAT**2).sqrt()
    correlation: Tensor = (product / (count * own * deviation)).amax((1, 2))
    return correlation


def _window_sums(sums: Tensor, height: int, width: int) -> Tensor:
    rows = sums[:, height:] - sums[:, :-height]
    return (rows[..., width:] - rows[..., :-width]).float()
