from __future__ import annotations

import torch
from torch import nn

from aecodec.nn.blocks import ModulatedConv2d, QualityTable


def modulated() -> ModulatedConv2d:
    conv = ModulatedConv2d(3, 5, anchors=4)
    assert isinstance(conv.modulation, QualityTable)
    nn.init.normal_(conv.modulation.values)
    return conv.eval()


@torch.no_grad()
def test_one_quality_for_all_is_that_quality_for_each() -> None:
    conv, x = modulated(), torch.randn(2, 3, 6, 7)
    for quality in (1.0, 37.0, 100.0):
        one, each = torch.tensor([quality]), torch.tensor([quality, quality])
        torch.testing.assert_close(conv(x, one), conv(x, each))


@torch.no_grad()
def test_each_picture_of_a_batch_has_its_own_quality() -> None:
    conv, x, qualities = modulated(), torch.randn(2, 3, 6, 7), torch.tensor([10.0, 90.0])
    both = conv(x, qualities)
    for k in range(2):
        torch.testing.assert_close(conv(x[k : k + 1], qualities[k : k + 1])[0], both[k])
    assert not torch.allclose(conv(x, qualities.flip(0)), both)


@torch.no_grad()
def test_the_modulation_begins_as_the_identity() -> None:
    conv, x = ModulatedConv2d(3, 5, anchors=4), torch.randn(2, 3, 6, 7)
    plain = ModulatedConv2d(3, 5, anchors=0)
    keys = ("weight", "bias", "low", "high")
    plain.load_state_dict({key: conv.state_dict()[key] for key in keys})
    quality = torch.tensor([1.0, 60.0])
    torch.testing.assert_close(conv(x, quality), plain(x, quality))
