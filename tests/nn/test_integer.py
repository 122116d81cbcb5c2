from __future__ import annotations

import pytest
import torch

from aecodec.nn import integer
from aecodec.nn.device import has_int8_products
from aecodec.nn.integer import ExactConv2d, QuantAwareConv2d
from aecodec.nn.integer_units import ACTIVATION_MAX
from tests.threads import one_and_two_threads


def pair(kernel: int, activation: bool, groups: int = 1) -> tuple[QuantAwareConv2d, ExactConv2d]:
    """A training layer with random parameters and the exact layer exported from it."""
    torch.manual_seed(kernel)
    train = QuantAwareConv2d(24, 16, kernel, anchors=3, groups=groups, activation=activation)
    with torch.no_grad():
        train.bias.values.normal_()
    exact = ExactConv2d(24, 16, kernel, anchors=3, groups=groups, activation=activation)
    exact.load_state_dict(train.export())
    return train, exact


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("activation", [True, False])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("quality", [1, 37, 100])
def test_exact_layer_is_the_trained_layer(
    kernel: int, activation: bool, groups: int, quality: int
) -> None:
    train, exact = pair(kernel, activation, groups)
    x = torch.randint(0, ACTIVATION_MAX + 1, (1, 24, 9, 7)).float()
    expected = train(x, torch.tensor([float(quality)]))
    found = exact(x, quality)
    # Float32 training may round a tie the other way, by one unit and rarely.
    difference = (found - expected).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.01


def test_exact_layer_equals_integer_arithmetic() -> None:
    _, exact = pair(3, True)
    x = torch.randint(0, ACTIVATION_MAX + 1, (1, 24, 6, 5))
    total = torch.nn.functional.conv2d(x, exact.weight.long(), padding=1)
    total += exact.bias[49].long()[:, None, None]
    out = torch.round(total.double() * exact.multiplier.double()[:, None, None]).clamp(0, 255)
    assert torch.equal(exact(x.float(), 50), out.float())


@pytest.mark.parametrize("int8", [True, False])
def test_exact_layer_does_not_depend_on_threads_or_autocast(
    int8: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integer, "has_int8_products", lambda: int8 and has_int8_products())
    _, exact = pair(3, True)
    x = torch.randint(0, ACTIVATION_MAX + 1, (1, 24, 40, 40)).float()
    expected = exact(x, 50)
    for _ in one_and_two_threads():
        assert torch.equal(exact(x, 50), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(exact(x, 50), expected)


def test_gradients_reach_the_parameters() -> None:
    train, _ = pair(3, True)
    x = torch.randint(0, ACTIVATION_MAX + 1, (2, 24, 8, 8)).float()
    train(x, torch.tensor([10.0, 90.0])).sum().backward()
    for parameter in train.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


@pytest.mark.skipif(not has_int8_products(), reason="a CPU without AVX512-VNNI")
@pytest.mark.parametrize(("kernel", "groups"), [(1, 1), (3, 1), (1, 4), (3, 4)])
def test_8_bit_products_give_the_same(
    kernel: int, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, exact = pair(kernel, True, groups)
    extreme = torch.full_like(exact.weight, 127)
    extreme[::2] = -127
    inputs = [torch.randint(0, 256, (2, 24, 9, 7)), torch.full((1, 24, 5, 4), 255)]
    for weight in (exact.weight.clone(), extreme):
        exact.load_state_dict({**exact.state_dict(), "weight": weight})
        for x in inputs:
            assert torch.equal(exact._int8_sums(x.float()).double(), exact._float_sums(x.double()))
    x = inputs[0].float()
    fast = exact(x, 50)
    monkeypatch.setattr(integer, "has_int8_products", lambda: False)
    assert torch.equal(fast, exact(x, 50))


def test_float32_is_used_only_where_it_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    _, exact = pair(3, True)
    x = torch.randint(0, ACTIVATION_MAX + 1, (1, 24, 12, 12)).float()
    assert exact._float32_is_exact(x.device)
    fast = exact._float_sums(x)
    wide = ExactConv2d(1024, 2, 3, anchors=3)  # 9,216 products of up to 127 x 255
    wide.load_state_dict({**wide.state_dict(), "weight": torch.full_like(wide.weight, 127)})
    assert not wide._float32_is_exact(x.device)
    monkeypatch.setattr(ExactConv2d, "_float32_is_exact", lambda self, device: False)
    assert torch.equal(fast.double(), exact._float_sums(x))


def test_global_precision_settings_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integer, "has_int8_products", lambda: False)
    _, exact = pair(3, True)
    x = torch.randint(0, ACTIVATION_MAX + 1, (1, 24, 30, 30)).float()
    expected = exact(x, 50)
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.equal(exact(x, 50), expected)
    finally:
        torch.set_float32_matmul_precision("highest")

    def refuse() -> str:  # nor does a summary of them matter
        raise RuntimeError("PyTorch is checking the matmul precision without a specific backend")

    monkeypatch.setattr(torch, "get_float32_matmul_precision", refuse)
    assert torch.equal(exact(x, 50), expected)
