"""One network in 8 bits on ONNX Runtime, and the graphs of this study."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.onnx_ops import add_means, add_synthesis
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.onnx_graph import Graph


def synthesis_graph(config: CodecConfig, tensors: Mapping[str, AnyArray]) -> Graph:
    """As `add_synthesis` has it."""
    graph = Graph(tensors)
    add_synthesis(graph, config, "synthesis.")
    return graph


def means_graph(config: CodecConfig, tensors: Mapping[str, AnyArray], step: int) -> Graph:
    """As `add_means` has it."""
    graph = Graph(tensors)
    add_means(graph, config, f"prior.means.{step}.", step)
    return graph


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
