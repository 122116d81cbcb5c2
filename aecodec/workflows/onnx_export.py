"""A model's networks as ONNX files with their weights inside, for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from aecodec.codec.config import CodecConfig
from aecodec.codec.graphs import NETWORKS, codec_graph
from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.graphs import NETWORKS as DENOISER_NETWORKS
from aecodec.denoising.graphs import denoiser_graph
from aecodec.hashing.config import HashConfig
from aecodec.hashing.graphs import NETWORKS as HASH_NETWORKS
from aecodec.hashing.graphs import hash_graph
from aecodec.nn.arrays import AnyArray
from aecodec.nn.onnx_graph import Graph
from aecodec.weights import find_weights, loading

Config = TypeVar("Config")
Tensors = Mapping[str, AnyArray]
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
    text = file.metadata["config"]
    fields = json.loads(text)
    if "latent_channels" in fields:
        return _made(codec_graph, NETWORKS, CodecConfig.from_json(text), file.tensors)
    if "lengths" in fields:
        return _made(hash_graph, HASH_NETWORKS, HashConfig.from_json(text), file.tensors)
    return _made(denoiser_graph, DENOISER_NETWORKS, DenoiserConfig.from_json(text), file.tensors)


def _made(
    make: Callable[[str, Config, Tensors], Graph],
    names: Iterable[str],
    config: Config,
    tensors: Tensors,
) -> Graphs:
    return {name: partial(make, name, config, tensors) for name in names}
