from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from aecodec.denoising.config import STRIDE, DenoiserConfig
from aecodec.denoising.model import DenoiserModel, DenoisingNetwork


def random_network(config: DenoiserConfig) -> DenoisingNetwork:
    """Weights as of a trained network: the tail starts at zero."""
    torch.manual_seed(0)
    model = DenoisingNetwork(config)
    nn.init.normal_(model.tail.weight, std=0.1)
    return model.eval().requires_grad_(False)


def level(sigma: float) -> Tensor:
    return torch.full((1, 1, 1, 1), sigma / 255)


def test_starts_as_the_identity() -> None:
    x = torch.rand(2, 3, 16, 24)
    assert torch.equal(DenoisingNetwork(DenoiserConfig((8, 8, 8), (1, 1, 1)))(x, level(25)), x)


def test_scaling_picture_and_level_scales_the_result() -> None:
    model = random_network(DenoiserConfig((8, 12, 16), (1, 1, 1)))
    x = torch.rand(1, 3, 32, 40)
    torch.testing.assert_close(model(2 * x, level(50)), 2 * model(x, level(25)))


def test_a_map_of_levels_may_vary() -> None:
    model = random_network(DenoiserConfig((8, 12, 16), (1, 1, 1)))
    x = torch.rand(1, 3, 32, 32)
    constant = model(x, level(25))
    torch.testing.assert_close(model(x, torch.full((1, 1, 32, 32), 25 / 255)), constant)
    varied = torch.full((1, 1, 32, 32), 25 / 255)
    varied[..., :8] = 0
    assert not torch.allclose(model(x, varied), constant)


def test_a_coarse_map_is_stretched() -> None:
    model = random_network(DenoiserConfig((8, 12, 16), (1, 1, 1)))
    x = torch.rand(1, 3, 32, 32)
    coarse = torch.full((1, 1, 4, 4), 25 / 255)
    torch.testing.assert_close(model(x, coarse), model(x, level(25)))
    coarse[..., 0] = 0
    assert not torch.allclose(model(x, coarse)[..., :8], model(x, level(25))[..., :8])


def test_an_untrained_estimate_is_of_some_noise_everywhere() -> None:
    model = DenoiserModel(DenoiserConfig((8, 12, 16), (1, 1, 1))).requires_grad_(False)
    found = model.estimate(torch.rand(2, 3, 32, 48))
    torch.testing.assert_close(found, torch.full((2, 1, 4, 6), 5 / 255))


def test_each_image_has_the_network_for_its_noise() -> None:
    model = DenoiserModel(DenoiserConfig((8, 12, 16), (1, 1, 1))).requires_grad_(False)
    for network, seed in ((model.white, 0.1), (model.camera, -0.2)):
        nn.init.constant_(network.tail.weight, seed)
    x, white = torch.rand(3, 3, 16, 24), torch.tensor([True, False, True])[:, None, None, None]
    both = model(x, level(25), None, white)
    torch.testing.assert_close(both[::2], model.white(x[::2], level(25)))
    torch.testing.assert_close(both[1:2], model.camera(x[1:2], level(25)))


@pytest.mark.parametrize("blocks", [(1, 1, 1), (1, 2, 3), (2, 1, 2)])
def test_nothing_beyond_the_margin_matters(blocks: tuple[int, int, int]) -> None:
    model = random_network(DenoiserConfig((4, 4, 4), blocks))
    margin = STRIDE * DenoiserConfig((4, 4, 4), blocks).margin
    size = 2 * margin + STRIDE
    x = torch.rand(1, 3, size, size)
    missing = torch.rand(x.shape) < 0.9
    missing[..., margin:-margin, margin:-margin] = True
    # The same, amid a larger picture.
    grown = torch.rand(1, 3, size + 48, size + 48)
    grown_missing = torch.rand(grown.shape) < 0.5
    grown[..., 24:-24, 24:-24], grown_missing[..., 24:-24, 24:-24] = x, missing
    alone = model(x, level(25), missing)
    surrounded = model(grown, level(25), grown_missing)[..., 24:-24, 24:-24]
    inside = (..., slice(margin, -margin), slice(margin, -margin))
    torch.testing.assert_close(surrounded[inside], alone[inside])
    assert not torch.allclose(surrounded[..., :STRIDE, :], alone[..., :STRIDE, :])


def test_a_config_survives_its_file() -> None:
    config = DenoiserConfig((8, 16, 24), (1, 2, 3))
    assert DenoiserConfig.from_json(config.to_json()) == config
