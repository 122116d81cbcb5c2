"""Whether all that computes the networks in 8 bits gives the same to the bit."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.torch_ops import torch_means, torch_synthesis
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.onnx_graph import Graph
from aecodec.storage.atomic import write_atomically
from aecodec.training.eight_bits.samples import Coded
from benchmarks.studies.eight_bits.means import Known, network_inputs
from benchmarks.studies.eight_bits.onnx_network import OnnxNetwork, means_graph, synthesis_graph

Tensors = Mapping[str, AnyArray]


class Case(NamedTuple):
    """A network in 8 bits with inputs, and the name of its output."""

    name: str
    graph: Graph
    quality: int
    inputs: dict[str, FloatArray]
    output: str
    step: int = 0


def same_everywhere(config: CodecConfig, cases: Sequence[Case], tensors: Tensors) -> int:
    """How many outputs are the same to the bit from one and two threads and from torch."""
    same = 0
    for case in cases:
        outputs = {
            OnnxNetwork(case.graph, threads)(case.quality, **case.inputs)[case.output].tobytes()
            for threads in (1, 2)
        }
        same += outputs == {in_torch(config, case, tensors).tobytes()}
    return same


def in_torch(config: CodecConfig, case: Case, tensors: Tensors) -> FloatArray:
    """A case's output from torch."""
    known = {name: torch.from_numpy(np.array(tensor)) for name, tensor in tensors.items()}
    maps = {name: torch.from_numpy(array) for name, array in case.inputs.items()}
    if "latents" in maps:
        latents = maps["latents"].permute(0, 3, 1, 2)
        found = torch_synthesis(config, known, latents, case.quality, "synthesis.")
    else:
        network = f"prior.means.{case.step}."
        decoded = maps.get("decoded")
        found = torch_means(known, maps["psi"], decoded, case.step, case.quality, network)
    array: FloatArray = found.contiguous().numpy()
    return array


def exactness_cases(
    config: CodecConfig,
    tensors: Tensors,
    coded: Sequence[Coded],
    last: Sequence[Known],
    gains: AnyArray,
) -> list[Case]:
    """Parts of pictures, of odd sizes, and all steps of one.

    Args:
        tensors: in 8 bits.
        coded: pictures.
        last: what each step of one was asked with.
        gains: the table of the latents' inverse gains.
    """
    graph = synthesis_graph(config, tensors)
    cases = [
        Case(
            "synthesis",
            graph,
            q,
            {"latents": np.ascontiguousarray(y[:, : 7 - k, : 11 - 2 * k])},
            "x",
        )
        for k, (q, y) in enumerate(coded)
    ]
    for step, known in enumerate(last):
        inputs = network_inputs(known, gains)
        if step == 0:
            del inputs["decoded"]
        graph = means_graph(config, tensors, step)
        cases.append(Case(f"step{step}", graph, known.quality, inputs, "mean", step))
    return cases


def write_cases(cases: Sequence[Case], folder: Path) -> None:
    """Networks, inputs and digests of outputs, for `wasm.mjs`."""
    described = []
    for case in cases:
        file = f"{case.name}.onnx"
        model = case.graph.model(weights_inside=True)
        write_atomically(folder / file, model, overwrite=True)
        network = OnnxNetwork(case.graph)
        inputs = {
            name: {
                "dtype": array.dtype.name,
                "shape": array.shape,
                "data": base64.b64encode(array.tobytes()).decode(),
            }
            for name, array in network.inputs(case.quality, case.inputs).items()
        }
        output = network(case.quality, **case.inputs)[case.output]
        digest = hashlib.sha256(output.tobytes()).hexdigest()
        described.append(
            {"network": file, "inputs": inputs, "output": case.output, "sha256": digest}
        )
    write_atomically(folder / "cases.json", json.dumps(described).encode(), overwrite=True)
