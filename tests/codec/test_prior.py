from __future__ import annotations

import math

import torch

from aecodec.codec.walk import magnitude_activation


def test_magnitudes_are_integer_square_roots() -> None:
    symbols = torch.arange(-300.0, 301.0)
    expected = [min(255, math.isqrt(1024 * min(64, abs(int(s))))) for s in symbols]
    assert magnitude_activation(symbols).tolist() == expected
    # A root that is off by more than one unit in the last place gives the same.
    for factor in (1 - 3e-7, 1 + 3e-7):
        assert magnitude_activation(symbols * factor).tolist() == expected
