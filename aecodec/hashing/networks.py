"""The hash model's networks, as inference calls them: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from aecodec.hashing.config import HashConfig
from aecodec.hashing.graphs import NETWORKS, hash_graph
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.runtime import OnnxNetworks


class Networks(Protocol):
    """What a runtime does."""

    def logits(self, pictures: npt.NDArray[np.uint8]) -> FloatArray:
        """What the bits of codes are the signs of, (N, bits), for pictures (N, side, side, 3)."""

    def reconstruct(self, bits: npt.NDArray[np.bool_]) -> FloatArray:
        """Thumbnails (N, T, T, 3), about [0, 1], of codes (N, bits)."""


class OnnxHash:
    """`Networks` on ONNX Runtime."""

    def __init__(self, config: HashConfig, tensors: Mapping[str, AnyArray]) -> None:
        graphs = {name: hash_graph(name, config, tensors) for name in NETWORKS}
        self._networks = OnnxNetworks(graphs, tensors)

    def logits(self, pictures: npt.NDArray[np.uint8]) -> FloatArray:
        return self._run("logits", pictures=np.ascontiguousarray(pictures))

    def reconstruct(self, bits: npt.NDArray[np.bool_]) -> FloatArray:
        return self._run("reconstruct", bits=np.where(bits, 1, -1).astype(np.float32))

    def _run(self, name: str, **inputs: AnyArray) -> Any:
        return self._networks.run(name, inputs)[0]
