"""The layers as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime

from aecodec.codec.config import CodecConfig
from aecodec.codec.steps import parities
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.onnx_graph import Graph
from benchmarks.studies.eight_bits.layers import (
    MEAN_STEP,
    PIXEL_STEP,
    SIGNED,
    means,
    synthesis,
)


class OnnxOps:
    """`Ops` on the values of a graph.

    Args:
        tensors: by their full names.
        network: what their names begin with, and a dot.
    """

    def __init__(self, tensors: Mapping[str, AnyArray], network: str) -> None:
        self.graph, self._network = Graph(dict(tensors)), network

    def _vector(self, name: str) -> str:
        tensor = self.graph.tensors[name]
        if tensor.ndim == 1:
            return self.graph.weight(name)
        return self.graph.input(name, tensor.shape[1:], tensor.dtype.name)

    def _matrix(self, name: str, array: AnyArray) -> str:
        self.graph.tensors[name] = np.ascontiguousarray(array)  # type: ignore[index]
        return self.graph.weight(name)

    @property
    def _one(self) -> str:
        return self.graph.constant(1, "float32")

    def _zero(self, zero: int) -> str:
        return self.graph.constant(zero, "uint8")

    def scaled(self, x: str, name: str) -> str:
        return self.graph.add("Mul", x, self._vector(self._network + name))

    def to_bytes(self, x: str) -> str:
        return self.graph.add("QuantizeLinear", x, self._one, self._zero(SIGNED))

    def to_reals(self, x: str, unit: float = 1) -> str:
        g = self.graph
        return g.add("DequantizeLinear", x, g.constant(unit, "float32"), self._zero(SIGNED))

    def conv(self, x: str, name: str, zero: int, out_zero: int) -> str:
        g, full = self.graph, self._network + name
        weight = g.tensors[f"{full}.weight"]
        return g.add(
            "com.microsoft.QLinearConv",
            *(x, self._one, self._zero(zero)),
            *(g.weight(f"{full}.weight"), self._vector(f"{full}.multiplier")),
            g.constant(np.zeros(len(weight)), "int8"),
            *(self._one, self._zero(out_zero), self._vector(f"{full}.bias")),
            pads=[weight.shape[2] // 2] * 4,
            channels_last=1,
        )

    def plus(self, x: str, zero: int, change: str, out_zero: int) -> str:
        # All scales are one: sums of whole numbers, however a processor computes them.
        parts = [x, self._one, self._zero(zero), change, self._one, self._zero(SIGNED)]
        add = "com.microsoft.QLinearAdd"
        return self.graph.add(add, *parts, self._one, self._zero(out_zero))

    def sums(
        self, x: str, name: str, zero: int, *, rows: Sequence[int] = (), groups: int = 1
    ) -> str:
        g, full = self.graph, self._network + name
        weight = g.tensors[f"{full}.weight"][:, :, 0, 0]
        order = list(rows) or list(range(len(weight)))
        parts = g.split(x, 3, groups) if groups > 1 else [x]
        totals = [
            g.add(
                "MatMulInteger", part, self._matrix(f"{full}.columns{k}", own.T), self._zero(zero)
            )
            for k, (part, own) in enumerate(
                zip(parts, np.split(weight[order], groups), strict=True)
            )
        ]
        total = totals[0] if groups == 1 else g.add("Concat", *totals, axis=3)
        bias, multiplier = (
            self._ordered(f"{full}.{part}", rows) for part in ("bias", "multiplier")
        )
        total = g.cast(g.add("Add", total, bias), "float32")
        return g.add("Round", g.add("Mul", total, multiplier))

    def _ordered(self, name: str, rows: Sequence[int]) -> str:
        """A vector in an order."""
        if not rows:
            return self._vector(name)
        tensor = self.graph.tensors[name]
        return self._matrix(f"{name}.ordered", tensor[list(rows)])

    def linear(self, latents: str, name: str, rows: Sequence[int]) -> str:
        g, full = self.graph, self._network + name
        y = g.add("Round", self.scaled(latents, f"{name}.input"))
        ends = (g.constant(end, "float32") for end in (-32767, 32767))
        y = g.cast(g.add("Clip", y, *ends), "float64")
        weight = g.tensors[f"{full}.weight"][rows].T.astype(np.float64)
        y = g.add("MatMul", y, self._matrix(f"{full}.columns", weight))
        bias, multiplier = (g.tensors[f"{full}.{part}"][rows] for part in ("bias", "multiplier"))
        y = g.add("Round", g.add("Mul", y, g.constant(multiplier, "float64")))
        return g.cast(g.add("Add", y, g.constant(bias, "float64")), "float32")

    def rotated(self, x: str, matrix: AnyArray) -> str:
        return self.graph.add("MatMul", x, self._matrix(f"rotation{len(matrix)}", matrix.T))

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


def synthesis_graph(config: CodecConfig, tensors: Mapping[str, AnyArray]) -> Graph:
    """The graph of `latents` to `x`, pixels (1, H, W, 3) in -0.5 to 0.5."""
    ops = OnnxOps(tensors, "synthesis.")
    g = ops.graph
    latents = g.input("latents", (1, "h", "w", config.latent_channels))
    x = synthesis(config, ops, latents)
    x = g.add("Mul", x, g.constant(PIXEL_STEP, "float32"))
    g.output(x, "x", (1, "H", "W", 3), "float32")
    return g


def means_graph(config: CodecConfig, tensors: Mapping[str, AnyArray], step: int) -> Graph:
    """The graph of `psi` and, from the second step on, `decoded`, scaled latents,
    to `mean`, scaled likewise (1, h/2, w/2, M).
    """
    ops = OnnxOps(tensors, f"prior.means.{step}.")
    g = ops.graph
    psi = g.input("psi", (1, "h", "w", config.hyper_channels))
    decoded = g.input("decoded", (1, "h", "w", config.latent_channels)) if step else None
    mean = g.add("Mul", means(ops, psi, decoded, step), g.constant(MEAN_STEP, "float32"))
    g.output(mean, "mean", (1, "h2", "w2", config.latent_channels), "float32")
    return g


class OnnxNetwork:
    """A graph that is ready to run.

    Args:
        graph: the graph.
        threads: that it runs on.
    """

    def __init__(self, graph: Graph, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        names = sorted(graph.weights)
        values = [np.ascontiguousarray(graph.tensors[name]) for name in names]
        self._values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in values]
        options.add_external_initializers(names, self._values)
        self.graph = graph
        self._session = onnxruntime.InferenceSession(
            graph.model(), options, providers=["CPUExecutionProvider"]
        )

    def inputs(self, quality: int, maps: Mapping[str, FloatArray]) -> dict[str, AnyArray]:
        """All inputs: those that are not given are tables."""
        return {
            name: maps[name]
            if name in maps
            else np.ascontiguousarray(self.graph.tensors[name][quality - 1])
            for name in self.graph.inputs
        }

    def __call__(self, quality: int, **maps: FloatArray) -> dict[str, AnyArray]:
        """The outputs, by name."""
        found = self._session.run(None, self.inputs(quality, maps))
        return dict(zip(self.graph.outputs, found, strict=True))
