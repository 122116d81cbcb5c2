"""`aecodec.codec.eight_bits`: the same to the bit from all that computes it, and near the float
network; on a small model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import onnxruntime
import pytest
import torch

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import (
    HIGH_DIGIT,
    MEANS,
    SYNTHESIS,
    WEIGHT_MAX,
    convolutions,
    has_means,
    has_synthesis,
    rotation,
    vectors,
)
from aecodec.codec.eight_bits.onnx_ops import OnnxOps
from aecodec.codec.eight_bits.torch_ops import TorchOps
from aecodec.codec.networks import OnnxCodec
from aecodec.codec.steps import STEPS
from aecodec.codec.torch_networks import CodecNetwork, TorchCodec
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.onnx_graph import Graph
from aecodec.training.eight_bits import means
from aecodec.training.eight_bits.means import Known, MeanQuantiser
from aecodec.training.eight_bits.quantise import SynthesisQuantiser
from aecodec.training.eight_bits.samples import float_samples
from tests.eight_bits import float_tensors, latents, small_config
from tests.threads import one_and_two_threads

CONFIGS = {
    "deep": small_config(deep=True),
    "plain": small_config(deep=False),
    "without low bytes": replace(small_config(deep=True), low_bytes=False),
}


@pytest.fixture(scope="module", params=CONFIGS)
def config(request: pytest.FixtureRequest) -> CodecConfig:
    return CONFIGS[request.param]


@pytest.fixture(scope="module")
def floats(config: CodecConfig) -> dict[str, AnyArray]:
    return float_tensors(config)


@pytest.fixture(scope="module")
def tensors(config: CodecConfig, floats: dict[str, AnyArray]) -> dict[str, AnyArray]:
    """With synthesis and means in 8 bits."""
    samples = float_samples(config, floats, latents(config))
    made = floats | SynthesisQuantiser(config, floats, samples).tensors()
    network = CodecNetwork.load(config, floats, "cpu")
    for step in range(STEPS):
        known = [Known(one.quality, *one.maps[:2]) for one in asked(config)]
        made |= MeanQuantiser(floats, step, means.float_samples(network, step, known)).tensors()
    return made


class Asked(NamedTuple):
    """What a step is asked with: psi, latents and magnitudes."""

    quality: int
    maps: tuple[FloatArray, FloatArray, FloatArray]


def asked(config: CodecConfig) -> list[Asked]:
    rng, found = np.random.default_rng(2), []
    for one in latents(config):
        height, width = (side + side % 2 for side in one.latents.shape[1:3])
        psi, magnitudes = (
            rng.integers(0, 256, (1, channels, height, width)).astype(np.float32)
            for channels in (config.hyper_channels, config.latent_channels)
        )
        known = rng.integers(-80, 80, magnitudes.shape).astype(np.float32) / 16
        found.append(Asked(one.quality, (psi, known, magnitudes)))
    return found


def test_a_weight_file_has_what_the_layers_say(
    config: CodecConfig, floats: dict[str, AnyArray], tensors: dict[str, AnyArray]
) -> None:
    assert has_synthesis(tensors)
    assert has_means(tensors)
    assert not has_synthesis(floats)
    assert not has_means(floats)
    rest = {name.removeprefix(SYNTHESIS) for name in tensors if name.startswith(SYNTHESIS)}
    for one in convolutions(config):
        weight, multiplier, bias = (
            tensors[f"{SYNTHESIS}{one.name}.{part}"] for part in ("weight", "multiplier", "bias")
        )
        assert weight.shape == (one.outputs, one.inputs, one.kernel, one.kernel)
        assert weight.dtype == np.int8
        assert np.abs(weight).max() <= WEIGHT_MAX
        rows = (100, one.outputs) if one.of_quality else (one.outputs,)
        assert multiplier.shape == bias.shape == rows
        assert multiplier.dtype == np.float32
        assert bias.dtype == np.int32
        rest -= {f"{one.name}.{part}" for part in ("weight", "multiplier", "bias")}
    for name, (shape, dtype) in vectors(config).items():
        assert tensors[SYNTHESIS + name].shape == shape
        assert tensors[SYNTHESIS + name].dtype == dtype
    assert rest == vectors(config).keys()


def test_the_synthesis_is_the_same_to_the_bit(
    config: CodecConfig, floats: dict[str, AnyArray], tensors: dict[str, AnyArray]
) -> None:
    """From ONNX Runtime with one and two threads, and from torch."""
    onnx, other = OnnxCodec(config, tensors), OnnxCodec(config, floats)
    in_torch = TorchCodec(CodecNetwork.load(config, tensors, "cpu"))
    for one in latents(config):
        planes = one.latents.transpose(0, 3, 1, 2)
        expected = in_torch.synthesise(planes, one.quality)
        height, width = one.latents.shape[1:3]
        assert expected.shape == (1, 3, 16 * height, 16 * width)
        for _ in one_and_two_threads():
            found = onnx.synthesise(planes, one.quality)
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected)
        wanted = other.synthesise(planes, one.quality)
        assert np.square(wanted - found).mean() < 1e-2 * wanted.var()


@pytest.mark.parametrize("digits", [1, 2])
def test_products_of_digits_are_near_those_of_float64(digits: int) -> None:
    """`linear`, to the ends of its range: the same from both runtimes, its largest error that of
    latents and weights rounded to 15 and 14 bits, or of those of one digit to 15 alone."""
    rng = np.random.default_rng(0)
    tensors: dict[str, AnyArray] = {
        "linear.input": np.ones((100, 320), np.float32),
        "linear.weight": rng.integers(-32767, 32768, (24, 320)).astype(np.int16),
        "linear.multiplier": np.full(24, 2.0**-20),
        "linear.bias": rng.integers(-99, 99, 24).astype(np.int32),
    }
    tensors["linear.weight"][0], tensors["linear.weight"][1] = 32767, -32767
    if digits == 1:
        high = HIGH_DIGIT * np.round(tensors["linear.weight"] / HIGH_DIGIT)
        tensors["linear.weight"] = high.clip(max=32767).astype(np.int16)
    x = rng.integers(-32767, 32768, (1, 9, 7, 320)).astype(np.float32)
    x[0, :2] = np.array([32767, -99999], np.float32)[:, None, None]
    rows = list(range(23, -1, -1))

    graph = Graph(tensors)
    latents = graph.input("latents", (1, "h", "w", 320), "float32")
    y = OnnxOps(graph, "").linear(latents, "linear", rows)
    graph.output(y, "y", (1, "h", "w", 24), "float32")
    session = onnxruntime.InferenceSession(graph.model(weights_inside=True))
    (found,) = session.run(None, {"latents": x, "linear.input": np.ones(320, np.float32)})

    in_torch = TorchOps({name: torch.from_numpy(t) for name, t in tensors.items()}, "", 50)
    assert np.array_equal(found, in_torch.linear(torch.from_numpy(x), "linear", rows).numpy())
    exact = np.clip(x, -33024, 32767).astype(np.float64) @ tensors["linear.weight"].T / 2**20
    exact = (exact + tensors["linear.bias"])[..., rows]
    assert np.abs(found).max() > 300_000
    assert np.abs(found - exact).max() < 1e-4 * np.abs(exact).max()


def test_means_are_the_same_to_the_bit(
    config: CodecConfig, floats: dict[str, AnyArray], tensors: dict[str, AnyArray]
) -> None:
    """From ONNX Runtime with one and two threads, and from torch; and near the float ones."""
    onnx, other = OnnxCodec(config, tensors), OnnxCodec(config, floats)
    in_torch = TorchCodec(CodecNetwork.load(config, tensors, "cpu"))
    for step in range(STEPS):
        weight = tensors[f"{MEANS[step]}head.weight"]
        assert weight.dtype == np.int8
        for quality, maps in asked(config):
            expected, indices = in_torch.predict(step, *maps, quality)
            assert np.array_equal(16 * expected, np.round(16 * expected))
            for _ in one_and_two_threads():
                mean, index = onnx.predict(step, *maps, quality)
                assert mean.dtype == expected.dtype
                assert np.array_equal(mean, expected)
                assert np.array_equal(index, indices)
            wanted, index = other.predict(step, *maps, quality)
            assert np.array_equal(index, indices)
            assert np.square(wanted - mean).mean() < 0.05 * np.square(wanted).mean()


def test_parts_of_a_picture_are_as_in_the_whole(
    config: CodecConfig, tensors: dict[str, AnyArray]
) -> None:
    """With the margin around them: so tiles show no borders."""
    onnx, rng = OnnxCodec(config, tensors), np.random.default_rng(4)
    margin = config.margin
    shape = (1, config.latent_channels, 3, 2 * margin + 6)
    y = np.round(rng.laplace(0, 3, shape)).astype(np.float32)
    whole, part = onnx.synthesise(y, 60), onnx.synthesise(y[..., : margin + 4], 60)
    assert np.array_equal(whole[..., : 4 * 16], part[..., : 4 * 16])


@pytest.mark.parametrize("side", [2, 4])
def test_rotations_are_orthogonal(side: int) -> None:
    matrix: AnyArray = rotation(side)
    assert matrix.shape == (3 * side**2, 3 * side**2)
    products = matrix @ matrix.T
    assert np.array_equal(products, np.diag(np.diag(products)))


def test_networks_made_ready_for_qualities_do_not_pile_up(
    config: CodecConfig, tensors: dict[str, AnyArray]
) -> None:
    """And one that was dropped gives what it gave."""
    onnx, y = OnnxCodec(config, tensors), latents(config)[0].latents.transpose(0, 3, 1, 2)
    pixels = {quality: onnx.synthesise(y, quality) for quality in range(1, 100, 9)}
    assert len(onnx._networks._sessions) == 8
    assert np.array_equal(onnx.synthesise(y, 1), pixels[1])
    assert not np.array_equal(pixels[1], pixels[91])
