from __future__ import annotations

import pytest
import pytorch_msssim
import torch
from torch import Tensor

from aecodec.nn.ms_ssim import MIN_SIDE, ms_ssim
from tests.pictures import photograph, to_tensor


def photos(height: int, width: int) -> Tensor:
    names = ("astronaut", "coffee", "chelsea")
    return torch.cat([to_tensor(photograph(name))[..., :height, :width] for name in names])


@pytest.mark.parametrize("size", [(256, 256), (161, 203)])
@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_it_agrees_with_pytorch_msssim(size: tuple[int, int], noise: float) -> None:
    x = photos(*size)
    y = x + noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    expected = pytorch_msssim.ms_ssim(x, y, data_range=1, size_average=False)
    torch.testing.assert_close(ms_ssim(x, y), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(ms_ssim(x[1:2], y[1:2]), expected[1:2], atol=1e-5, rtol=0)
    assert (ms_ssim(x, x) == 1).all()


def test_gradients_are_finite_where_pictures_are_equal_or_opposite() -> None:
    x = photos(MIN_SIDE, MIN_SIDE)
    for other in (x, 1 - x, torch.zeros_like(x), 100 * x - 50):
        y = other.clone().requires_grad_()
        ms_ssim(x, y).sum().backward()
        assert y.grad is not None
        assert y.grad.isfinite().all()


def test_what_is_too_small_is_said() -> None:
    x = photos(MIN_SIDE - 1, 300)
    with pytest.raises(ValueError, match="at least 161"):
        ms_ssim(x, x)
