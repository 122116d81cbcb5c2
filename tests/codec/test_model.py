from __future__ import annotations

import math

import torch

from aecodec.codec.model import CodecModel
from aecodec.codec.prior import scale_of_index
from tests.eight_bits import small_config

SMALL = small_config(deep=True)


def code(values: list[float], index: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of the bits of some values, with regard to them and to their scale indices."""
    model = CodecModel(SMALL).train()
    symbols = torch.tensor(values).view(1, -1, 1, 1).requires_grad_()
    indices = torch.full_like(symbols, index).detach().requires_grad_()
    _, bits = model._code(symbols, indices, torch.Generator().manual_seed(0))
    bits.sum().backward()
    assert symbols.grad is not None
    assert indices.grad is not None
    return symbols.grad.flatten(), indices.grad.flatten()


def test_a_scale_index_learns_from_the_bits_of_its_symbol() -> None:
    bits = CodecModel(SMALL).symbol_bits
    _, gradient = code([0.0, 0.1, 1.0, -3.0], index=20.25)
    expected = bits[21] - bits[20]
    torch.testing.assert_close(gradient, expected[[0, 0, 1, 3]])
    assert gradient[0] > 0  # zeros want it smaller, large symbols larger
    assert gradient[3] < 0


def test_values_learn_from_noisy_bits() -> None:
    gradient, _ = code([-2.0, 2.0] + [-0.4] * 500 + [0.4] * 500, index=20.0)
    assert gradient[0] < 0 < gradient[1]
    assert gradient[2:502].mean() < -0.1  # though the symbol is zero and stays so
    assert gradient[502:].mean() > 0.1


def test_values_learn_a_part_of_the_noisy_slope() -> None:
    gradient, _ = code([1.0], index=40.0)  # so wide a Gaussian is straight over the noise
    variance = float(scale_of_index(torch.tensor(40.0))) ** 2
    noise = torch.rand(1, generator=torch.Generator().manual_seed(0)) - 0.5
    slope = (1 + noise) / variance / math.log(2)
    torch.testing.assert_close(gradient, 0.8 * slope, rtol=0.01, atol=0)


def test_an_index_beyond_the_tables_comes_back() -> None:
    _, gradient = code([0.0, 0.0, 1.0, 1.0], index=70.0)
    assert gradient[0] > 0
    _, gradient = code([0.0, 0.0, 1.0, 1.0], index=-3.0)
    assert gradient[0] == 0
    assert gradient[3] < 0
