"""A model's networks as ONNX files with their weights inside, for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from aecodec.codec.config import CodecConfig
from aecodec.codec.graphs import NETWORKS, codec_graph
from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.graphs import NETWORKS as DENOISER_NETWORKS
from aecodec.denoising.graphs import denoiser_graph
from aecodec.hashing.config import HashConfig
from aecodec.hashing.graphs import NETWORKS as HASH_NETWORKS
from aecodec.hashing.graphs import hash_graph
from aecodec.nn.onnx_graph import Graph
from aecodec.weights import find_weights, loading

Graphs = dict[str, Callable[[], Graph]]


def onnx_files(weights: str | Path) -> Iterator[tuple[str, bytes]]:
    """Name and contents of an ONNX file for each network of a model.

    What depends on quality are inputs named as tensors of the weight file: their values at the
    quality, as `aecodec.nn.runtime.at_quality` has them.

    Args:
        weights: the name of weights that ship, or a weight file.

    Raises:
        AecodecError: there are none.
    """
    for name, make in loading.load(find_weights(weights), "onnx", "model's", _graphs).items():
        yield f"{name}.onnx", make().model(weights_inside=True)


def _graphs(file: loading.WeightFile, _place: str) -> Graphs:
    text, tensors = file.metadata["config"], file.tensors
    fields = json.loads(text)
    if "latent_channels" in fields:
        codec = CodecConfig.from_json(text)
        return {
            name: lambda name=name: codec_graph(name, codec, tensors)  # type: ignore[misc]
            for name in NETWORKS
        }
    if "lengths" in fields:
        hash_config = HashConfig.from_json(text)
        return {
            name: lambda name=name: hash_graph(name, hash_config, tensors)  # type: ignore[misc]
            for name in HASH_NETWORKS
        }
    denoiser_config = DenoiserConfig.from_json(text)
    return {
        name: lambda name=name: denoiser_graph(name, denoiser_config, tensors)  # type: ignore[misc]
        for name in DENOISER_NETWORKS
    }
