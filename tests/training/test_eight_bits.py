"""`aecodec.training.eight_bits`: fits, and the training twin; on a small model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import SYNTHESIS, WEIGHT_MAX
from aecodec.codec.eight_bits.torch_ops import torch_synthesis
from aecodec.codec.networks import OnnxCodec
from aecodec.nn.arrays import AnyArray
from aecodec.training.decoder import DecoderTraining
from aecodec.training.eight_bits.fit import fit, fitted_layer
from aecodec.training.eight_bits.quantise import SynthesisQuantiser
from aecodec.training.eight_bits.samples import float_samples
from aecodec.training.eight_bits.start import byte_tensors
from aecodec.training.eight_bits.twin import ByteSynthesis
from aecodec.training.eight_bits.units import rounded_weight, weight_scales
from aecodec.training.recipe import DecoderRecipe
from tests.eight_bits import float_tensors, latents, random_codec, small_config

CONFIG = small_config(deep=True)


def crops(count: int = 4, side: int = 64) -> Tensor:
    """Of the astronaut, uint8 (count, 3, side, side)."""
    photo, rng = torch.from_numpy(data.astronaut()), np.random.default_rng(5)
    places = rng.integers(0, 512 - side, (count, 2))
    parts = [photo[y : y + side, x : x + side] for y, x in places]
    return torch.stack(parts).permute(0, 3, 1, 2)


def exact(config: CodecConfig, tensors: dict[str, AnyArray], y: Tensor, quality: Tensor) -> Tensor:
    """Pixels (B, 3, H, W) of scaled latents (B, M, h, w)."""
    known = {
        SYNTHESIS + name: torch.from_numpy(np.array(tensor)) for name, tensor in tensors.items()
    }
    rows = [
        torch_synthesis(config, known, part[None], int(q))
        for part, q in zip(y, quality, strict=True)
    ]
    return torch.cat(rows)


def test_a_fit_is_better_than_rounding() -> None:
    """Most where inputs go together."""
    rng = np.random.default_rng(3)
    weight = rng.normal(size=(6, 4, 3, 3))
    common = rng.normal(size=(500, 12)) @ rng.normal(size=(12, 36))
    inputs = np.clip(np.round(20 * common), -128, 127).astype(np.float32)
    plain = weight.reshape(6, -1)
    wanted = (inputs @ plain.T + 5).astype(np.float32)
    layer, error = fitted_layer(weight, inputs, wanted, np.ones(500))
    assert np.array_equal(layer.weight, np.round(layer.weight))
    assert np.abs(layer.weight).max() <= WEIGHT_MAX
    scale = weight_scales(plain)
    rounded = inputs @ (rounded_weight(plain, scale) * scale[:, None]).T + 5
    assert error.after < 0.3 * np.square(wanted - rounded).mean()
    rows = layer.weight.reshape(6, -1) * layer.scale[:, None]
    assert np.square(inputs @ rows.T + layer.bias - wanted).mean() == pytest.approx(
        error.after, rel=1e-3
    )


@pytest.mark.parametrize("deep", [True, False])
def test_layers_are_fitted_to_float_ones(deep: bool) -> None:
    config = small_config(deep=deep)
    tensors = float_tensors(config)
    coded = [one for one in latents(config) if one.latents.shape[1] == 8]
    quantiser = SynthesisQuantiser(config, tensors, float_samples(config, tensors, coded))
    before = quantiser.tensors()
    qualities = [one.quality for one in coded]
    errors = [fit(quantiser, name, qualities) for name in quantiser.names()]
    assert all(error.after < 0.05 * error.power for error in errors)
    assert np.mean([error.after / error.before for error in errors]) < 0.9
    after = quantiser.tensors()
    assert before.keys() == after.keys()
    made = {name.removeprefix(SYNTHESIS): tensor for name, tensor in after.items()}
    y = torch.from_numpy(coded[0].latents).permute(0, 3, 1, 2)
    found = exact(config, made, y, torch.tensor([coded[0].quality])).numpy()
    floats = OnnxCodec(config, tensors).synthesise(y.numpy(), coded[0].quality)
    assert np.square(floats - found).mean() < 1e-3 * floats.var()


def test_the_twin_gives_what_ships() -> None:
    model, quality = random_codec(CONFIG), torch.tensor([1, 40, 77, 100])
    started = byte_tensors(model, [crops()], fitted=False)
    twin = ByteSynthesis(CONFIG)
    twin.load(started)
    tensors = twin.tensors()
    assert tensors.keys() == started.keys()
    for name, tensor in started.items():
        assert tensors[name].dtype == tensor.dtype
        assert np.abs(tensors[name].astype(float) - tensor).max() <= (tensor.dtype == np.int32)
    with torch.no_grad():
        for parameter in twin.parameters():  # as after some training
            parameter.add_(0.02 * torch.randn_like(parameter))
        y = model.code(crops().float() / 255 - 0.5, quality)[0]
        found, expected = twin(y, quality), exact(CONFIG, twin.tensors(), y, quality)
    assert (found - expected).square().mean() < 1e-3 * expected.var()


def test_training_brings_the_twin_nearer_to_the_float_decoder() -> None:
    module = DecoderTraining(DecoderRecipe(model=CONFIG, pull=1.0))
    module.model.load_state_dict(random_codec(CONFIG).state_dict())
    module.synthesis.load(byte_tensors(module.model, [crops()], fitted=False))
    before = {name: value.clone() for name, value in module.model.state_dict().items()}
    optimizer = module.recipe.soap.optimizer(module.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        loss, _ = module.loss(crops(), seed=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.8 * losses[0]
    after = module.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
