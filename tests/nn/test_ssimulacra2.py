from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from aecodec.nn.ssimulacra2 import score, weighted_sum
from tests.pictures import photograph, through_jpeg, to_tensor


def photo(name: str, side: int = 256) -> Tensor:
    return to_tensor(photograph(name))[..., :side, :side]


def coarse(x: Tensor) -> Tensor:
    return (x * 12).floor() / 12


def shifted(x: Tensor) -> Tensor:
    return (x + x.roll(1, 3)) / 2


def tinted(x: Tensor) -> Tensor:
    return x * torch.tensor([1.0, 0.9, 0.8]).view(3, 1, 1)


DISTORTIONS: list[Callable[[Tensor], Tensor]] = [coarse, shifted, tinted]


# By frame-analytics 0.7.0 in float64, which agrees with libjxl's code to 4e-11 but for its
# float32 rounding.
@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("astronaut", (512, 512), (43.7315, 55.1823, 40.7066)),
        ("coffee", (399, 301), (30.2755, 22.891, 60.1695)),
        ("chelsea", (50, 41), (-15.8686, 89.1147, 74.3994)),
        ("chelsea", (9, 8), (92.8662, 97.5051, 98.9964)),
    ],
)
def test_the_scores_of_another_implementation(
    name: str, size: tuple[int, int], expected: tuple[float, ...]
) -> None:
    x = to_tensor(photograph(name))[..., : size[0], : size[1]]
    found = [float(score(weighted_sum(x, change(x)))) for change in DISTORTIONS]
    assert found == pytest.approx(expected, abs=0.02)


def test_equal_pictures_have_no_errors() -> None:
    x = photo("coffee")
    total = weighted_sum(x, x)
    assert total.tolist() == [0]
    assert score(total).tolist() == [100]


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_it_falls_as_jpeg_compresses_more(name: str) -> None:
    image = photograph(name).crop((0, 0, 256, 256))
    coded = [through_jpeg(image, quality) for quality in (95, 80, 50, 20, 5)]
    totals = [weighted_sum(to_tensor(image), to_tensor(one)) for one in coded]
    assert totals == sorted(totals)
    assert 80 < score(totals[0]) < 95
    assert score(totals[-1]) < 20


def test_a_batch_is_as_one_by_one() -> None:
    x = torch.cat([photo(name) for name in ("astronaut", "coffee", "chelsea")])
    y = torch.cat([change(x[i : i + 1]) for i, change in enumerate(DISTORTIONS)])
    alone = torch.cat([weighted_sum(a[None], b[None]) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(weighted_sum(x, y), alone)


def test_the_gradient_is_the_slope() -> None:
    x = photo("astronaut", 64).double()
    y = shifted(coarse(x)).requires_grad_()
    direction = torch.randn(y.shape, generator=torch.Generator().manual_seed(0), dtype=y.dtype)
    (gradient,) = torch.autograd.grad(weighted_sum(x, y).sum(), y)
    with torch.no_grad():
        up, down = (weighted_sum(x, y + step * direction) for step in (1e-6, -1e-6))
    slope = (gradient * direction).sum()
    assert float((up - down) / 2e-6) == pytest.approx(float(slope), rel=1e-3)


@pytest.mark.parametrize("value", [None, 0.0, 0.5, 1.0])
def test_gradients_are_finite_where_pictures_are_equal_or_flat(value: float | None) -> None:
    x = photo("astronaut", 64)
    if value is not None:
        x = torch.full_like(x, value)
    for other in (x, torch.zeros_like(x), torch.ones_like(x), x + 1e-6):
        y = other.clone().requires_grad_()
        total = weighted_sum(x, y)
        total.sum().backward()
        assert total.isfinite().all()
        assert y.grad is not None
        assert y.grad.isfinite().all()


def test_what_is_too_small_is_said() -> None:
    x = photo("astronaut", 7)
    with pytest.raises(ValueError, match="at least 8"):
        weighted_sum(x, x)
