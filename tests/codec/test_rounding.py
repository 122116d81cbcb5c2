from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aecodec.codec.prior import scale_of_index
from aecodec.codec.rdoq import ERROR_BITS, rdoq_round, shrinkage
from aecodec.codec.rounding import assumed_symbol_bits, gaussian_bits, table_symbol_bits
from aecodec.codec.scales import SCALE_LEVELS
from aecodec.training.codec_calibration import assumed_tables
from aecodec.training.export import table_tensors


def cost(value: float, symbol: int, scale: torch.Tensor) -> float:
    bits = gaussian_bits(torch.tensor(float(symbol)), scale)
    return float(bits) + ERROR_BITS * (value - symbol) ** 2


@settings(max_examples=200, deadline=None)
@given(st.floats(-1.2, 1.2), st.integers(8, SCALE_LEVELS - 1))
def test_of_zero_and_one_the_cheaper_is_chosen(value: float, index: int) -> None:
    scale = scale_of_index(torch.tensor(float(index)))
    chosen = int(rdoq_round(torch.tensor([value]), torch.tensor([float(index)])))
    assert chosen * value >= 0
    least = min(cost(value, symbol, scale) for symbol in (-1, 0, 1))
    assert cost(value, chosen, scale) <= least + 1e-3


def test_magnitudes_shrink_less_the_wider_the_scale() -> None:
    by = shrinkage()
    assert by.shape == (SCALE_LEVELS,)
    assert (np.diff(by) <= 1e-6).all()
    assert 0 <= by[-1] < 1e-3
    assert by[0] <= 0.5


def test_indices_are_those_of_channels_or_of_elements() -> None:
    values = torch.linspace(-3, 3, 2 * 5 * 4).reshape(2, 5, 4)
    index = torch.tensor([10, 40], dtype=torch.uint8)[:, None, None]
    rounded = rdoq_round(values, index)
    assert torch.equal(rounded, rdoq_round(values, index.expand(2, 5, 4).float()))
    assert ((rounded - values).abs() <= 0.5 + shrinkage()[10]).all()
    assert torch.equal(rounded, rounded.round())


def test_tables_of_gaussians_cost_what_gaussians_do() -> None:
    tensors = table_tensors(assumed_tables())
    bits = table_symbol_bits(tensors["tables.lengths"], tensors["tables.counts"])
    expected = assumed_symbol_bits()
    assert bits.shape == expected.shape
    for index in range(0, SCALE_LEVELS, 7):
        likely = int(3 * scale_of_index(torch.tensor(float(index)))) + 1
        torch.testing.assert_close(
            bits[index, :likely], expected[index, :likely], atol=0.01, rtol=0.001
        )
    escape = bits[10, -1]
    assert escape > 30  # a count of 16 in 2**24, and the value
