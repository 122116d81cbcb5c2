"""What a symbol costs in bits, for training and refinement."""

from __future__ import annotations

import torch
from torch import Tensor

from aecodec.codec.prior import scale_of_index
from aecodec.codec.scales import SCALE_LEVELS

MAGNITUDES = 514  # one more than the longest table has: the escape


def gaussian_bits(values: Tensor, scale: Tensor) -> Tensor:
    """Bits of zero-mean Gaussian values integrated over a unit bin, elementwise."""
    magnitude, inv = values.abs(), 1 / (scale * 2**0.5)
    # Differences of erfc in the tail on one side: no cancellation of nearly equal numbers.
    upper = torch.special.erfc((magnitude - 0.5) * inv)
    lower = torch.special.erfc((magnitude + 0.5) * inv)
    return -torch.log2((0.5 * (upper - lower)).clamp_min(1e-9))


def assumed_symbol_bits() -> Tensor:
    """Bits of magnitudes 0 to 513 at each scale index, as Gaussian tables have them: (64, 514)."""
    scale = scale_of_index(torch.arange(SCALE_LEVELS))
    return gaussian_bits(torch.arange(MAGNITUDES, dtype=torch.float32), scale[:, None])


def table_symbol_bits(lengths: Tensor, counts: Tensor) -> Tensor:
    """As `assumed_symbol_bits`, of a weight file's tables, whose last count is the escape's."""
    bits = torch.empty(SCALE_LEVELS, MAGNITUDES)
    for row, table in zip(bits, counts.double().split(lengths.tolist()), strict=False):
        costs = -torch.log2(table / table.sum())
        radius = len(table) // 2 - 1
        row[: radius + 1] = costs[radius:-1]
        row[radius + 1 :] = costs[-1] + 16  # and a varint, of two bytes mostly
    return bits


def bits_of(symbols: Tensor, index: Tensor, symbol_bits: Tensor) -> Tensor:
    """Bits of symbols, whole numbers, at scale indices, whole numbers that broadcast to them."""
    return symbol_bits[index.long(), symbols.abs().clamp(max=MAGNITUDES - 1).long()]
