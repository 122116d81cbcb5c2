"""What is written by hand is ONNX, as its own checker has it."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from aecodec.nn.onnx_graph import Graph
from aecodec.workflows.onnx_export import onnx_files


@pytest.mark.parametrize("weights", ["codec-psnr", "hash-photo", "hash-cifar10"])
def test_exported_networks_pass_the_checker(weights: str) -> None:
    names = []
    for name, data in onnx_files(weights):
        model = onnx.load_from_string(data)
        onnx.checker.check_model(model, full_check=True)
        assert all(tensor.data_location == 0 for tensor in model.graph.initializer)
        names.append(name)
    assert len(names) == (9 if weights.startswith("codec") else 2)


def test_a_graph_does_what_its_operators_say() -> None:
    tensors = {"w": np.arange(6, dtype=np.float16).reshape(2, 3)}
    graph = Graph(tensors)
    x = graph.input("x", ("n", 2))
    y = graph.add("MatMul", x, graph.floats("w"))
    left, middle, right = graph.split(y, 1, 3)
    low = graph.add("LeakyRelu", graph.add("Sub", left, right), alpha=0.5)
    ends = (graph.constant(end, "float32") for end in (-1e9, 7))
    clipped = graph.add("Clip", graph.add("Concat", low, middle, axis=-1), *ends)
    graph.output(graph.reshape(clipped, (-1, 1)), "y", ("m", 1), "float32")
    model = graph.model(weights_inside=True)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = np.array([[1, 2], [-1, 300]], dtype=np.float32)
    product = given @ tensors["w"].astype(np.float32)
    steep = product[:, :1] - product[:, 2:]
    expected = np.hstack([np.where(steep < 0, steep / 2, steep), product[:, 1:2]]).clip(None, 7)
    (found,) = session.run(None, {"x": given})
    np.testing.assert_allclose(found.ravel(), expected.ravel())


def test_a_graph_may_have_operators_of_the_runtime() -> None:
    graph = Graph({})
    x = graph.input("x", (1, 5, 4, 2), "uint8")
    one, zero = graph.constant(1, "float32"), graph.constant(128, "uint8")
    total = graph.add("com.microsoft.QLinearAdd", x, one, zero, x, one, zero, one, zero)
    graph.output(total, "y", (1, 5, 4, 2), "uint8")
    session = onnxruntime.InferenceSession(graph.model(), providers=["CPUExecutionProvider"])
    given = np.arange(40, dtype=np.uint8).reshape(1, 5, 4, 2) + 100
    (found,) = session.run(None, {"x": given})
    assert found.tolist() == (2 * given.astype(int) - 128).clip(0, 255).tolist()
