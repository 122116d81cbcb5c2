"""The hash model's networks as ONNX graphs; the same as the modules of `aecodec.hashing.model`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aecodec.hashing.config import HashConfig
from aecodec.nn.arrays import AnyArray
from aecodec.nn.onnx_graph import Graph

SEED = 4  # pixels a side where the decoder starts
NETWORKS = ("logits", "reconstruct")
_EPSILON = 1e-5  # of batch normalisations


def hash_graph(name: str, config: HashConfig, tensors: Mapping[str, AnyArray]) -> Graph:
    """The graph of one of the `NETWORKS`.

    Raises:
        KeyError: a tensor is missing.
    """
    builder = _Builder(config, tensors)
    {"logits": _logits, "reconstruct": _reconstruct}[name](builder)
    return builder.graph


class _Builder:
    """Layers of the modules, by the names of these; maps are (N, C, h, w)."""

    def __init__(self, config: HashConfig, tensors: Mapping[str, AnyArray]) -> None:
        self.config, self.graph = config, Graph(tensors)

    def conv(self, x: str, name: str, stride: int = 1) -> str:
        g = self.graph
        side = g.tensors[f"{name}.weight"].shape[2] // 2
        parts = [g.floats(f"{name}.weight")]
        if f"{name}.bias" in g.tensors:
            parts.append(g.floats(f"{name}.bias"))
        return g.add("Conv", x, *parts, pads=[side] * 4, strides=[stride] * 2)

    def conv_norm(self, x: str, name: str, stride: int = 1) -> str:
        """A `ConvNorm`, which ONNX Runtime makes one convolution."""
        g = self.graph
        names = ("weight", "bias", "running_mean", "running_var")
        norm = (g.floats(f"{name}.1.{part}") for part in names)
        h = self.conv(x, f"{name}.0", stride)
        return g.add("BatchNormalization", h, *norm, epsilon=_EPSILON)

    def relu(self, x: str) -> str:
        return self.graph.add("Relu", x)

    def residual(self, x: str, name: str, stride: int) -> str:
        h = self.relu(self.conv_norm(x, f"{name}.first", stride))
        h = self.conv_norm(h, f"{name}.second")
        if f"{name}.skip.0.weight" in self.graph.tensors:
            x = self.conv_norm(x, f"{name}.skip", stride)
        return self.relu(self.graph.add("Add", h, x))

    def linear(self, x: str, name: str) -> str:
        g = self.graph
        y = g.add("MatMul", x, g.transpose(g.floats(f"{name}.weight"), 1, 0))
        if f"{name}.bias" in g.tensors:
            y = g.add("Add", y, g.floats(f"{name}.bias"))
        return y


def _logits(b: _Builder) -> None:
    """Pictures uint8 (N, side, side, 3) to (N, bits)."""
    c, g = b.config, b.graph
    x = g.cast(g.input("pictures", ("N", c.side, c.side, 3), "uint8"), "float32")
    x = g.add("Mul", x, g.constant(4 / 255, "float32"))
    x = g.transpose(g.add("Add", x, g.constant(-2, "float32")), 0, 3, 1, 2)
    x = b.relu(b.conv_norm(x, "encoder.stem", c.stem_stride))
    side, place = c.side // c.stem_stride, 0
    for number, count in enumerate(c.blocks):
        for block in range(count):
            stride = 2 if number and not block else 1
            x = b.residual(x, f"encoder.stages.{place}", stride)
            side, place = -(-side // stride), place + 1
    if side % c.pool:
        raise ValueError(f"{side} pixels a side cannot be pooled to {c.pool}")
    kernel = [side // c.pool] * 2
    x = g.add("AveragePool", x, kernel_shape=kernel, strides=kernel)
    features = g.add("Flatten", x, axis=1)
    numbers = b.linear(features, "to_code")
    mean, variance = (g.floats(f"centre.running_{part}") for part in ("mean", "var"))
    spread = g.add("Sqrt", g.add("Add", variance, g.constant(_EPSILON, "float32")))
    numbers = g.add("Div", g.add("Sub", numbers, mean), spread)
    g.output(numbers, "logits", ("N", c.bits), "float32")


def _reconstruct(b: _Builder) -> None:
    """Bits as -1 and +1 (N, bits) to thumbnails (N, T, T, 3), around [0, 1]."""
    c, g = b.config, b.graph
    x = b.linear(g.input("bits", ("N", c.bits)), "decoder.first")
    x = g.reshape(x, (0, -1, SEED, SEED))
    side, layer = SEED, 0
    while side < c.thumbnail:
        x = b.relu(x)
        x = g.add(
            "Resize",
            x,
            "",
            g.constant([1, 1, 2, 2], "float32"),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        x = b.conv(x, f"decoder.rest.{layer + 2}")
        side, layer = 2 * side, layer + 3
    x = b.conv(b.relu(x), f"decoder.rest.{layer + 1}")
    x = g.transpose(g.add("Add", x, g.constant(np.float32(0.5), "float32")), 0, 2, 3, 1)
    g.output(x, "thumbnails", ("N", c.thumbnail, c.thumbnail, 3), "float32")
