from __future__ import annotations

import torch
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.torch_networks import CodecNetwork
from aecodec.codec.transforms import SynthesisTransform
from tests.eight_bits import small_config

SMALL = small_config(deep=True)
QUALITY = torch.tensor([50.0])


def test_what_the_layers_say_of_a_pixel_comes_out_at_it() -> None:
    synthesis = SynthesisTransform(SMALL).eval()
    for block in (synthesis.fine, synthesis.finest):
        torch.nn.init.zeros_(block.conv2.weight)
        torch.nn.init.zeros_(block.conv2.bias)  # type: ignore[arg-type]
    y = torch.randn(2, 32, 3, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        h = synthesis.deep_blocks(synthesis.deep_scale(synthesis.head(y), QUALITY), QUALITY)
        h = synthesis.blocks(F.pixel_shuffle(synthesis.up(h), 2), QUALITY)
        expected = F.pixel_shuffle(synthesis.tail(synthesis.scale(h, QUALITY)), 8)
        expected += F.pixel_shuffle(synthesis.linear(y), LATENT_STRIDE)
        assert torch.allclose(synthesis(y, QUALITY), expected, atol=1e-5)


def test_nothing_beyond_the_margin_matters() -> None:
    model = CodecNetwork(SMALL).eval()
    margin, size = SMALL.margin, 2 * SMALL.margin + 1
    # The same amid a larger picture, or larger latents.
    y, x = torch.randn(1, 32, size + 4, size + 4), torch.rand(1, 3, *[16 * (size + 4)] * 2)
    latents, pixels = slice(margin, margin + 1), slice(16 * margin, 16 * (margin + 1))
    with torch.no_grad():
        surrounded = model.synthesis(y, QUALITY)[..., 32:-32, 32:-32]
        alone = model.synthesis(y[..., 2:-2, 2:-2], QUALITY)
        inside = (..., pixels, pixels)
        torch.testing.assert_close(surrounded[inside], alone[inside])
        assert not torch.allclose(surrounded, alone)
        surrounded = model.analysis(x, QUALITY)[..., 2:-2, 2:-2]
        alone = model.analysis(x[..., 32:-32, 32:-32], QUALITY)
        inside = (..., latents, latents)
        torch.testing.assert_close(surrounded[inside], alone[inside])
        assert not torch.allclose(surrounded, alone)


def test_a_config_survives_its_file() -> None:
    assert CodecConfig.from_json(SMALL.to_json()) == SMALL
