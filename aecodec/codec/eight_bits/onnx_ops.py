"""The layers in 8 bits as an ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import (
    FINER,
    MEAN_STEP,
    MEANS,
    PIXEL_STEP,
    SIGNED,
    SYNTHESIS,
    means,
    synthesis,
)
from aecodec.codec.steps import GROUPS, parities
from aecodec.nn.arrays import AnyArray
from aecodec.nn.onnx_graph import Graph


class OnnxOps:
    """`aecodec.codec.eight_bits.layers.MeanOps` on the values of a graph.

    A tensor with a row for each quality, but for weights, is an input of the graph: its row at
    the quality asked for.

    Args:
        graph: where they are added.
        network: what the names of its tensors begin with, and a dot.
        for_browsers: without products of float64, which WebAssembly computes in one thread.
    """

    def __init__(self, graph: Graph, network: str, *, for_browsers: bool = False) -> None:
        self.graph, self._network, self._for_browsers = graph, network, for_browsers

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

    def conv(self, x: str, name: str, zero: int, out_zero: int) -> str:
        g = self.graph
        outputs, _, kernel, _ = self._tensor(f"{name}.weight").shape
        return g.add(
            "com.microsoft.QLinearConv",
            *(x, self._one, self._zero(zero)),
            *(g.weight(f"{self._network}{name}.weight"), self._vector(f"{name}.multiplier")),
            g.constant(np.zeros(outputs), "int8"),
            *(self._one, self._zero(out_zero), self._vector(f"{name}.bias")),
            pads=[kernel // 2] * 4,
            channels_last=1,
        )

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
        g = self.graph
        y = g.add("Round", self.scaled(latents, f"{name}.input"))
        ends = (g.constant(end, "float32") for end in (-32767, 32767))
        y = g.add("Clip", y, *ends)
        multiplier, bias = (
            self._ordered(self._vector(f"{name}.{part}"), rows) for part in ("multiplier", "bias")
        )
        if self._for_browsers:
            y = self._product_of_bytes(y, self._tensor(f"{name}.weight")[list(rows)].T)
        else:
            weight = self._ordered(self._vector(f"{name}.weight"), rows)
            y = g.cast(y, "float64")
            y = g.add("MatMul", y, g.transpose(g.cast(weight, "float64"), 1, 0))
        y = g.add("Round", g.add("Mul", y, multiplier))
        return g.cast(g.add("Add", y, g.cast(bias, "float64")), "float32")

    def _product_of_bytes(self, y: str, weight: AnyArray) -> str:
        """Whole float32 numbers of 16 bits times int16 weights (in, out): float64."""
        g = self.graph
        high = g.add("Floor", g.add("Mul", y, g.constant(1 / 256, "float32")))
        low = g.add("Sub", y, g.add("Mul", high, g.constant(256, "float32")))
        high = g.add("Add", high, g.constant(SIGNED, "float32"))
        parts = [(g.cast(high, "uint8"), SIGNED), (g.cast(low, "uint8"), 0)]
        weights = [((weight >> 8) + SIGNED, SIGNED), (weight & 255, 0)]
        high_high, low_high, high_low, low_low = (
            g.add(
                "MatMulInteger",
                *(part, g.constant(own, "uint8")),
                *(self._zero(zero), self._zero(own_zero)),
            )
            for own, own_zero in weights
            for part, zero in parts
        )
        total = g.cast(high_high, "float64")
        for part in (g.add("Add", low_high, high_low), low_low):
            total = g.add("Mul", total, g.constant(256, "float64"))
            total = g.add("Add", total, g.cast(part, "float64"))
        return total

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

    def spread(self, x: str, size: int, channels: int, *, channels_first: bool) -> str:
        g = self.graph
        shape = g.add("Shape", x)
        rows, columns = (
            g.add("Slice", shape, *(g.constant([end], "int64") for end in (axis, axis + 1)))
            for axis in (1, 2)
        )

        def reshaped(x: str, *parts: str | list[int]) -> str:
            sides = [p if isinstance(p, str) else g.constant(p, "int64") for p in parts]
            return g.add("Reshape", x, g.add("Concat", *sides, axis=0))

        if channels_first:
            x = reshaped(x, rows, columns, [channels, size, size])
            x = g.transpose(x, 0, 3, 1, 4, 2)
        else:
            x = reshaped(x, rows, columns, [size, size * channels])
            x = g.transpose(x, 0, 2, 1, 3)
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


def add_synthesis(graph: Graph, config: CodecConfig, *, for_browsers: bool) -> None:
    """The network from `latents` (1, h, w, M) to `x`, pixels (1, 3, H, W) in about -0.5 to 0.5."""
    latents = graph.input("latents", (1, "h", "w", config.latent_channels))
    x = synthesis(config, OnnxOps(graph, SYNTHESIS, for_browsers=for_browsers), latents)
    x = graph.add("Mul", x, graph.constant(PIXEL_STEP, "float32"))
    graph.output(graph.transpose(x, 0, 3, 1, 2), "x", (1, 3, "H", "W"), "float32")


def add_means(graph: Graph, psi: str, latents: str | None, step: int) -> str:
    """Scaled means (1, h/2, w/2, M) of a step, of psi and the scaled latents that are known."""
    mean = means(OnnxOps(graph, MEANS[step]), psi, latents, step)
    return graph.add("Mul", mean, graph.constant(MEAN_STEP, "float32"))
