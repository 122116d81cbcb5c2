"""The layers in 8 bits as an ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import (
    FINER,
    LINEAR_BASE,
    MEAN_STEP,
    MEANS,
    PIXEL_STEP,
    SIGNED,
    SYNTHESIS,
    digits,
    linear_multiplier,
    means,
    synthesis,
)
from aecodec.codec.steps import GROUPS, parities
from aecodec.nn.arrays import AnyArray
from aecodec.nn.onnx_graph import Graph

_FEWEST_OUTPUTS = 16  # with fewer, ONNX Runtime unfolds the map first, which takes longer


class OnnxOps:
    """`aecodec.codec.eight_bits.layers.MeanOps` on the values of a graph.

    A tensor with a row for each quality, but for weights, is an input of the graph: its row at
    the quality asked for.

    Args:
        graph: where they are added.
        network: what the names of its tensors begin with, and a dot.
    """

    def __init__(self, graph: Graph, network: str) -> None:
        self.graph, self._network = graph, network

    def scaled(self, x: str, name: str) -> str:
        return self.graph.add("Mul", x, self._vector(name))

    def whole(self, x: str) -> str:
        return self.graph.cast(x, "uint8")

    def to_bytes(self, x: str) -> str:
        return self.graph.add("QuantizeLinear", x, self._one, self._zero(SIGNED))

    def low_bytes(self, x: str, high: str) -> str:
        g = self.graph
        rest = g.add("Sub", x, self.to_reals(high))
        return g.add("QuantizeLinear", rest, g.constant(1 / FINER, "float32"), self._zero(SIGNED))

    def to_reals(self, x: str, unit: float = 1) -> str:
        g = self.graph
        return g.add("DequantizeLinear", x, g.constant(unit, "float32"), self._zero(SIGNED))

    def conv(self, x: str, name: str, zero: int, out_zero: int, rows: Sequence[int] = ()) -> str:
        g = self.graph
        outputs, inputs, kernel, _ = self._tensor(f"{name}.weight").shape
        weight, multiplier, bias = (
            self._ordered(part, rows)
            for part in (
                g.weight(f"{self._network}{name}.weight"),
                self._vector(f"{name}.multiplier"),
                self._vector(f"{name}.bias"),
            )
        )
        unused = max(0, _FEWEST_OUTPUTS - outputs)
        if unused:
            zeros = g.constant(np.zeros((unused, inputs, kernel, kernel)), "int8")
            weight = g.add("Concat", weight, zeros, axis=0)
            multiplier = g.add("Concat", multiplier, g.constant([0] * unused, "float32"), axis=0)
            bias = g.add("Concat", bias, g.constant([0] * unused, "int32"), axis=0)
        y = g.add(
            "com.microsoft.QLinearConv",
            *(x, self._one, self._zero(zero)),
            *(weight, multiplier, g.constant(np.zeros(outputs + unused), "int8")),
            *(self._one, self._zero(out_zero), bias),
            pads=[kernel // 2] * 4,
            channels_last=1,
        )
        if unused:
            y = g.add("Slice", y, *(g.constant([end], "int64") for end in (0, outputs, 3)))
        return y

    def plus(self, x: str, zero: int, change: str, out_zero: int) -> str:
        # All scales are one: sums of whole numbers, however a processor computes them.
        parts = [x, self._one, self._zero(zero), change, self._one, self._zero(SIGNED)]
        add = "com.microsoft.QLinearAdd"
        return self.graph.add(add, *parts, self._one, self._zero(out_zero))

    def sums(self, x: str, name: str, zero: int, rows: Sequence[int]) -> str:
        return self._sums(x, name, zero, rows)

    def group_sums(self, x: str, name: str, zero: int) -> str:
        return self._sums(x, name, zero, groups=GROUPS)

    def _sums(self, x: str, name: str, zero: int, rows: Sequence[int] = (), groups: int = 1) -> str:
        g = self.graph
        outputs, inputs = self._tensor(f"{name}.weight").shape[:2]
        weight = g.reshape(g.weight(f"{self._network}{name}.weight"), (outputs, inputs))
        weight = self._ordered(weight, rows)
        weights = g.split(weight, 0, groups) if groups > 1 else [weight]
        parts = g.split(x, 3, groups) if groups > 1 else [x]
        totals = [
            g.add("MatMulInteger", part, g.transpose(own, 1, 0), self._zero(zero))
            for part, own in zip(parts, weights, strict=True)
        ]
        total = totals[0] if groups == 1 else g.add("Concat", *totals, axis=3)
        bias, multiplier = (
            self._ordered(self._vector(f"{name}.{part}"), rows) for part in ("bias", "multiplier")
        )
        total = g.cast(g.add("Add", total, bias), "float32")
        return g.add("Round", g.add("Mul", total, multiplier))

    def linear(self, latents: str, name: str, rows: Sequence[int]) -> str:
        g, half = self.graph, self.graph.constant(0.5, "float32")
        y = g.add("Mul", self._vector(f"{name}.input"), half)
        y = g.add("Round", g.add("Mul", latents, y))
        unit = g.constant(LINEAR_BASE, "float32")
        high = g.add("QuantizeLinear", y, unit, self._zero(SIGNED))
        low = g.add("Sub", y, g.add("DequantizeLinear", high, unit, self._zero(SIGNED)))
        low = self.to_bytes(low)

        weight = self._tensor(f"{name}.weight")[list(rows)].T
        high_weight, low_weight = (g.constant(part, "int8") for part in digits(weight))
        # Sums below 2^24, times a power of two: float32 has them exactly.
        upper = self._products(high, high_weight, LINEAR_BASE)
        if self._has_low_digits(name):
            crossed = g.add("Concat", low_weight, high_weight, axis=0)
            middle = self._products(self.concat(high, low), crossed)
            total = g.add("Add", upper, middle)
            total = g.add("Add", total, self._products(low, low_weight, 1 / LINEAR_BASE))
        else:
            total = g.add("Add", upper, self._products(low, high_weight))

        multiplier = linear_multiplier(self._tensor(f"{name}.multiplier")[list(rows)])
        y = g.add("Mul", total, g.constant(multiplier, "float32"))
        bias = self._tensor(f"{name}.bias")[list(rows)]
        return g.add("Add", g.add("Round", y), g.constant(bias, "float32"))

    def _has_low_digits(self, name: str) -> bool:
        return bool(digits(self._tensor(f"{name}.weight"))[1].any())

    def _products(self, x: str, weight: str, unit: float = 1) -> str:
        """Signed bytes times weights, in float32 and a unit."""
        g = self.graph
        factors = [x, weight, g.constant(unit, "float32"), self._one, self._zero(SIGNED)]
        return g.add("com.microsoft.MatMulIntegerToFloat", *factors)

    def rotated(self, x: str, matrix: AnyArray) -> str:
        return self.graph.add("MatMul", x, self.graph.constant(matrix.T, "float32"))

    def add(self, x: str, y: str) -> str:
        return self.graph.add("Add", x, y)

    def concat(self, x: str, y: str) -> str:
        return self.graph.add("Concat", x, y, axis=3)

    def select(self, x: str, step: int) -> str:
        g = self.graph
        planes = g.add("SpaceToDepth", g.transpose(g.cast(x, "float32"), 0, 3, 1, 2), blocksize=2)
        cells = g.split(planes, 1, 4)
        chosen = g.add("Concat", *(cells[2 * r + c] for r, c in parities(step)), axis=1)
        return g.cast(g.transpose(chosen, 0, 2, 3, 1), "uint8")

    def spread(self, x: str, size: int, channels: int) -> str:
        g = self.graph
        shape = g.add("Shape", x)
        rows, columns = (
            g.add("Slice", shape, *(g.constant([end], "int64") for end in (axis, axis + 1)))
            for axis in (1, 2)
        )

        def reshaped(x: str, *parts: str | list[int]) -> str:
            sides = [p if isinstance(p, str) else g.constant(p, "int64") for p in parts]
            return g.add("Reshape", x, g.add("Concat", *sides, axis=0))

        x = g.transpose(reshaped(x, rows, columns, [size, size * channels]), 0, 2, 1, 3)
        sides = g.add("Mul", g.add("Concat", rows, columns, axis=0), g.constant([size], "int64"))
        return reshaped(x, [1], sides, [channels])

    # ---- tensors ---------------------------------------------------------------------------------

    def _tensor(self, name: str) -> AnyArray:
        return self.graph.tensors[self._network + name]

    def _vector(self, name: str) -> str:
        tensor, full = self._tensor(name), self._network + name
        if tensor.ndim == 1 or name.endswith("weight"):
            return self.graph.weight(full)
        return self.graph.input(full, tensor.shape[1:], tensor.dtype.name)

    def _ordered(self, tensor: str, rows: Sequence[int]) -> str:
        """Rows of a tensor in an order, or as they are."""
        if not rows:
            return tensor
        return self.graph.add("Gather", tensor, self.graph.constant(rows, "int64"), axis=0)

    @property
    def _one(self) -> str:
        return self.graph.constant(1, "float32")

    def _zero(self, zero: int) -> str:
        return self.graph.constant(zero, "uint8")


def add_synthesis(graph: Graph, config: CodecConfig, network: str = SYNTHESIS) -> None:
    """The network from `latents` (1, h, w, M) to `x`, pixels (1, 3, H, W) in about -0.5 to 0.5.

    Args:
        graph: where it is added.
        config: its sizes.
        network: what the names of its tensors begin with, and a dot.
    """
    latents = graph.input("latents", (1, "h", "w", config.latent_channels))
    x = synthesis(config, OnnxOps(graph, network), latents)
    x = graph.add("Mul", x, graph.constant(PIXEL_STEP, "float32"))
    graph.output(graph.transpose(x, 0, 3, 1, 2), "x", (1, 3, "H", "W"), "float32")


def add_means(graph: Graph, psi: str, latents: str | None, step: int) -> str:
    """Scaled means (1, h/2, w/2, M) of a step, of psi and the scaled latents that are known."""
    mean = means(OnnxOps(graph, MEANS[step]), psi, latents, step)
    return graph.add("Mul", mean, graph.constant(MEAN_STEP, "float32"))
