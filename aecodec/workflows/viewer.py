"""A page that shows .aec files in a browser, and all that it needs, for any static host."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from aecodec.codec import preview
from aecodec.codec.config import CodecConfig
from aecodec.codec.graphs import DECODER_NETWORKS, codec_graph
from aecodec.codec.weights import digest
from aecodec.nn.arrays import AnyArray
from aecodec.weights import find_weights, loading

_PAGE = files("aecodec") / "web"

# What a decoder takes from the weight file beside the inputs of its networks.
_TABLES = ("gain.log_inverse.values", "tables.counts", "tables.lengths")


def viewer_files(models: Sequence[str | Path]) -> Iterator[tuple[str, bytes]]:
    """Path and contents of each file of the page.

    Args:
        models: names of codecs that ship, or their weight files; .aec files name theirs.

    Raises:
        AecodecError: no such model.
    """
    yield from model_files(models)
    for path in _PAGE.iterdir():
        if path.is_file():
            yield path.name, path.read_bytes()
    for path in (_PAGE / "runtime").iterdir():  # ONNX Runtime, the large part of it deflated
        name, data = path.name, path.read_bytes()
        if name.endswith(".z"):
            name, data = name.removesuffix(".z"), zlib.decompress(data)
        yield f"runtime/{name}", data


def model_files(models: Sequence[str | Path]) -> Iterator[tuple[str, bytes]]:
    """Path and contents of each file with which the decoder in JavaScript runs these models.

    A folder for each weight file, by its digest: its decoder's networks as ONNX with their weights,
    and `tables.safetensors`, all deflated; `models.json` is the list.

    Raises:
        AecodecError: no such model.
    """
    listed = {}
    for model in models:
        path = find_weights(model)
        contents = loading.load(path, "web", "codec", _contents)
        name = digest(path).hex()
        for file, data in contents.items():
            yield f"{name}/{file}.z", _deflated(data)
        sizes = {file: len(data) for file, data in contents.items()}
        listed[name] = {"name": path.stem, "bytes": sizes}
    yield "models.json", json.dumps(listed, indent=1).encode()


def _contents(file: loading.WeightFile, _place: str) -> dict[str, bytes]:
    text, tensors = file.metadata["config"], file.tensors
    config, tables, contents = CodecConfig.from_json(text), set(_TABLES), {}
    for name in DECODER_NETWORKS:
        graph = codec_graph(name, config, tensors)
        contents[f"{name}.onnx"] = graph.model(weights_inside=True)
        tables |= set(graph.inputs) & set(tensors)
    arrays = {name: _packed(tensors[name]) for name in sorted(tables)}
    if small := preview.load(file.path, digest(file.path)):
        arrays |= {"preview.weight": small.weight, "preview.bias": small.bias}
    return contents | {"tables.safetensors": save(arrays, {"config": text})}


def _deflated(data: bytes) -> bytes:
    """The smaller of two ways: the second is better at weights."""
    found = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
        stream = zlib.compressobj(9, memLevel=9, strategy=strategy)
        found.append(stream.compress(data) + stream.flush())
    return min(found, key=len)


def _packed(table: AnyArray) -> AnyArray:
    """A table in a type that JavaScript has.

    Integers of all qualities (100, C) become (C, 100), each the difference from the one before:
    deflated, that has a fraction of the bytes.
    """
    if table.dtype == np.float16:
        return table.astype(np.float32)
    if table.dtype == np.int32 and table.ndim == 2:
        return np.ascontiguousarray(np.diff(table, axis=0, prepend=np.int32(0)).T)
    return table
