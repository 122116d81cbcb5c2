"""Before and after training: ranges of activations, tables of how often symbols really occur.

The tables that training assumes are Gaussian; what the encoder rounds has heavier tails and
more zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aecodec.codec import hyper_prior
from aecodec.codec.entropy import IndexArray, Int32Array, gaussian_pmf, quantise_pmf
from aecodec.codec.inference import InferenceModel
from aecodec.codec.model import CodecModel
from aecodec.codec.prior import scale_of_index
from aecodec.codec.scales import SCALE_LEVELS
from aecodec.nn.bounded import measured_ranges

_QUALITIES = range(5, 100, 10)
_RANGE_QUALITIES = (1, 25, 50, 75, 100)


def assumed_tables() -> list[list[int]]:
    """Counts of each table's symbols and escape, as training assumes them: those of the scale
    indices of latents, then those of hyper-latents.
    """
    return [quantise_pmf(masses) for masses in _assumed_masses()]


def calibrated_tables(model: InferenceModel, crops: Sequence[Tensor]) -> list[list[int]]:
    """As `assumed_tables`, from what the encoder does with some crops.

    Args:
        crops: uint8 (1, 3, H, W), H and W multiples of 64.
    """
    assumed = [np.array(masses) for masses in _assumed_masses()]
    seen = _Occurrences([len(masses) for masses in assumed])
    for crop in crops:
        for quality in _QUALITIES:
            y = model.analyse((crop.float() / 255 - 0.5).numpy(), quality)
            model.quantise(y, quality, seen.add, rdoq=True)
    # As if each symbol, on the average, had been seen once more, as often as training assumes.
    return [
        quantise_pmf((occurrences + len(masses) * masses) / (occurrences.sum() + len(masses)))
        for occurrences, masses in zip(seen.symmetric(), assumed, strict=True)
    ]


@torch.no_grad()
def calibrate_ranges(model: CodecModel, crops: Sequence[Tensor], margin: float = 0) -> None:
    """Set the ranges of the transforms' convolutions to what they reach on some crops.

    Args:
        model: on whatever device.
        crops: uint8 (1, 3, H, W), H and W multiples of 64.
        margin: as of `aecodec.nn.bounded.measured_ranges`.
    """
    training, device = model.training, model.symbol_bits.device
    model.eval()
    with measured_ranges(model, margin):
        for crop in crops:
            x = (crop.to(device).float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
            for quality in _RANGE_QUALITIES:
                model(x, torch.tensor([float(quality)], device=device))
    model.train(training)


def _assumed_masses() -> list[list[float]]:
    scales = scale_of_index(torch.arange(SCALE_LEVELS, dtype=torch.float64)).tolist()
    of_latents = [gaussian_pmf(scale) for scale in scales]
    means = [part / hyper_prior.QUARTERS for part in hyper_prior.PARTS]
    some = scales[: hyper_prior.SCALES]
    return of_latents + [gaussian_pmf(scale, mean) for mean in means for scale in some]


class _Occurrences:
    """Of each table, how often each symbol and the escape occurred."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.tables = [np.zeros(length) for length in lengths]

    def add(self, symbols: Int32Array, indices: IndexArray) -> None:
        for index in np.unique(indices):
            table, chosen = self.tables[index], symbols[indices == index]
            radius = len(table) // 2 - 1
            place = np.where(np.abs(chosen) > radius, 2 * radius + 1, chosen + radius)
            table += np.bincount(place, minlength=len(table))

    def symmetric(self) -> list[npt.NDArray[np.float64]]:
        """Of a symbol and its negative, the mean, where that of the table is zero."""
        zero = hyper_prior.FIRST + hyper_prior.SCALES
        means = [np.append((t[:-1] + t[-2::-1]) / 2, t[-1]) for t in self.tables[:zero]]
        return means + self.tables[zero:]
