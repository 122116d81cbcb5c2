from __future__ import annotations

import pytest
import torch

from aecodec.nn.binarisation import off_diagonal_covariance, sign_ste, squared_mean


def test_signs_with_a_straight_gradient() -> None:
    x = torch.tensor([-2.0, -0.0, 0.5], requires_grad=True)
    signs = sign_ste(x)
    assert signs.tolist() == [-1, 1, 1]
    (signs * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 2, 3]


def test_stochastic_bits_are_set_with_their_probability() -> None:
    x = torch.full((200_000,), 0.7)
    drawn = sign_ste(x, 0.5, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {-1.0, 1.0}
    expected = torch.sigmoid(torch.tensor(0.7 / 0.5))
    assert float((drawn > 0).float().mean()) == pytest.approx(float(expected), abs=0.005)
    again = sign_ste(x, 0.5, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)
    with pytest.raises(ValueError, match="negative"):
        sign_ste(x, -1)


def test_penalties_are_zero_for_good_bits_only() -> None:
    every = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 4)
    assert float(squared_mean(every)) == 0
    assert float(off_diagonal_covariance(every)) == pytest.approx(0, abs=1e-6)
    copied = every[:, :1].repeat(1, 4)
    assert float(off_diagonal_covariance(copied)) == pytest.approx((16 / 15) ** 2)
    assert float(squared_mean(torch.ones(5, 3))) == 1
