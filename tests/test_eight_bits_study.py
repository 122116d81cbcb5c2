"""`benchmarks.studies.eight_bits`: the same to the bit from all that computes it, and near the
float network; on a small model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from aecodec.codec.config import CodecConfig
from aecodec.codec.model import CodecModel
from aecodec.codec.networks import OnnxCodec
from aecodec.codec.torch_networks import CodecNetwork
from aecodec.nn.arrays import AnyArray
from aecodec.training.export import inference_tensors
from benchmarks.studies.eight_bits import means
from benchmarks.studies.eight_bits.fit import fit, fitted_layer
from benchmarks.studies.eight_bits.layers import WEIGHT_MAX, rotation
from benchmarks.studies.eight_bits.means import Known, MeanQuantiser, network_inputs
from benchmarks.studies.eight_bits.onnx_ops import OnnxNetwork, means_graph, synthesis_graph
from benchmarks.studies.eight_bits.quantise import SynthesisQuantiser
from benchmarks.studies.eight_bits.samples import Coded, float_samples
from benchmarks.studies.eight_bits.torch_ops import torch_means, torch_synthesis
from benchmarks.studies.eight_bits.units import rounded_weight, weight_scales

SIZES = ((8, 8), (1, 1), (7, 10))


@pytest.fixture(scope="module", params=[1, 0], ids=["deep", "plain"])
def config(request: pytest.FixtureRequest) -> CodecConfig:
    count = request.param
    return CodecConfig(
        width=16,
        blocks=(1, 2),
        deep_width=16,
        deep_blocks=(1, 1),
        fine_width=8,
        fine_features=4 * count,
        fine_blocks=count,
        finest_width=8,
        latent_channels=32,
        hyper_channels=8,
        mean_width=16,
        scale_width=8,
        modulated=bool(count),
    )


@pytest.fixture(scope="module")
def tensors(config: CodecConfig) -> dict[str, AnyArray]:
    torch.manual_seed(0)
    model = CodecModel(config)
    with torch.no_grad():  # so that qualities differ
        for name, value in model.named_parameters():
            if name.endswith(("modulation.values", "log_scale.values")):
                value.normal_(0, 0.2)
    return {name: tensor.numpy() for name, tensor in inference_tensors(model).items()}


def latents(config: CodecConfig) -> list[Coded]:
    """As of pictures of all sizes: mostly small, some large; multiples of 1/16."""
    rng, coded = np.random.default_rng(1), []
    for height, width in SIZES * 2:
        quality = int(rng.integers(1, 101))
        values = rng.laplace(0, 3, (1, height, width, config.latent_channels))
        values[..., 0] *= 20
        coded.append(Coded(quality, (np.round(16 * values) / 16).astype(np.float32)))
    return coded


def pixels(config: CodecConfig, tensors: Mapping[str, AnyArray], one: Coded) -> AnyArray:
    found = OnnxCodec(config, tensors).synthesise(one.latents.transpose(0, 3, 1, 2), one.quality)
    return found.transpose(0, 2, 3, 1)


def test_the_synthesis_is_the_same_to_the_bit(
    config: CodecConfig, tensors: dict[str, AnyArray]
) -> None:
    coded = latents(config)
    quantiser = SynthesisQuantiser(config, tensors, float_samples(config, tensors, coded))
    made = quantiser.tensors()
    weights = [made[f"synthesis.{name}.weight"] for name in quantiser.names()]
    assert all(w.dtype == np.int8 and np.abs(w).max() <= WEIGHT_MAX for w in weights)
    graph = synthesis_graph(config, made)
    networks = [OnnxNetwork(graph, threads) for threads in (1, 2)]
    for one in coded:
        expected = torch_synthesis(config, made, *one[::-1])
        for network in networks:
            found = network(one.quality, latents=one.latents)["x"]
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected)
        height, width = one.latents.shape[1:3]
        assert expected.shape == (1, 16 * height, 16 * width, 3)
        floats = pixels(config, tensors, one)
        assert np.square(floats - expected).mean() < 1e-3 * floats.var()


def test_means_are_the_same_to_the_bit(config: CodecConfig, tensors: dict[str, AnyArray]) -> None:
    network, rng = CodecNetwork.load(config, tensors, "cpu"), np.random.default_rng(2)
    gains = tensors["gain.log_inverse.values"]
    for step in (0, 2):
        asked = []
        for one in latents(config)[::3]:
            shape = one.latents.shape[:3]
            psi = rng.integers(0, 256, (*shape, config.hyper_channels)).astype(np.float32)
            asked.append(Known(one.quality, psi, one.latents / 64))
        made = MeanQuantiser(tensors, step, means.float_samples(network, step, asked)).tensors()
        graph = means_graph(config, made, step)
        networks = [OnnxNetwork(graph, threads) for threads in (1, 2)]
        for known in asked:
            given = network_inputs(known, gains)
            decoded = given["decoded"] if step else None
            expected = torch_means(made, given["psi"], decoded, step, known.quality)
            for one in networks:
                assert np.array_equal(one(known.quality, **given)["mean"], expected)


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


def test_layers_are_fitted_to_float_ones(config: CodecConfig, tensors: dict[str, AnyArray]) -> None:
    coded = [one for one in latents(config) if one.latents.shape[1] == 8]
    quantiser = SynthesisQuantiser(config, tensors, float_samples(config, tensors, coded))
    before = quantiser.tensors()
    qualities = [one.quality for one in coded]
    errors = [fit(quantiser, name, qualities) for name in quantiser.names()]
    assert all(error.after < 0.05 * error.power for error in errors)
    assert np.mean([error.after / error.before for error in errors]) < 0.9
    after = quantiser.tensors()
    assert before.keys() == after.keys()
    found = torch_synthesis(config, after, *coded[0][::-1])
    floats = pixels(config, tensors, coded[0])
    assert np.square(floats - found).mean() < 1e-3 * floats.var()


@pytest.mark.parametrize("side", [2, 4])
def test_rotations_are_orthogonal(side: int) -> None:
    matrix: AnyArray = rotation(side)
    assert matrix.shape == (3 * side**2, 3 * side**2)
    products = matrix @ matrix.T
    assert np.array_equal(products, np.diag(np.diag(products)))
