from __future__ import annotations

import torch
from torch import nn

from aecodec.nn.bounded import BoundedConv2d, forget_ranges, measured_ranges


def test_outputs_stay_within_what_was_measured() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(BoundedConv2d(3, 8, 3, padding=1), BoundedConv2d(8, 2, 1))
    x = torch.randn(2, 3, 16, 16)
    before = net(x)
    with measured_ranges(net):
        net(x)
    assert all(layer.low.isfinite().all() for layer in net if isinstance(layer, BoundedConv2d))
    torch.testing.assert_close(net(x), before)  # what was measured is left as it was
    wild = net(1000 * x)
    last = net[1]
    assert isinstance(last, BoundedConv2d)
    assert (wild >= last.low[:, None, None]).all()
    assert (wild <= last.high[:, None, None]).all()
    assert (wild.amax((0, 2, 3)) <= before.amax((0, 2, 3)) + 1e-6).all()


def test_ranges_only_shrink_until_forgotten() -> None:
    torch.manual_seed(0)
    layer = BoundedConv2d(1, 4, 3)
    with measured_ranges(layer):
        layer(torch.rand(1, 1, 8, 8))
    low, high = layer.low.clone(), layer.high.clone()
    with measured_ranges(layer):
        layer(100 * torch.randn(1, 1, 8, 8))
    assert (layer.low >= low).all()
    assert (layer.high <= high).all()
    forget_ranges(layer)
    assert layer.low.isinf().all()
    with measured_ranges(layer, margin=0.5):
        layer(torch.rand(1, 1, 8, 8))
    assert (layer.high - layer.low > high - low).any()
