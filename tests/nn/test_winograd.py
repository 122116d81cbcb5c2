"""Convolutions with fewer products give what convolutions give."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from aecodec.nn import winograd
from aecodec.nn.onnx_graph import Graph


@pytest.mark.parametrize("size", [(1, 1), (4, 8), (9, 6), (7, 23)])
@pytest.mark.parametrize("scaled", [False, True])
def test_it_is_a_convolution_with_zeros_beyond_the_border(
    size: tuple[int, int], scaled: bool
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 5, *size)).astype(np.float32)
    weight = rng.normal(size=(6, 5, 3, 3)).astype(np.float32)
    factors = rng.uniform(0.5, 2, 6).astype(np.float32)
    graph = Graph({"weight": weight})
    inputs = {"x": x} | ({"factors": factors} if scaled else {})
    for name, array in inputs.items():
        graph.input(name, array.shape)
    scale = "factors" if scaled else None
    y = winograd.convolution(graph, "x", graph.floats("weight"), (6, 5), scale)
    graph.output(y, "y", (1, 6, *size), "float32")
    model = graph.model(weights_inside=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, inputs)
    expected = F.conv2d(torch.from_numpy(x), torch.from_numpy(weight), padding=1).numpy()
    if scaled:
        expected = expected * factors[:, None, None]
    np.testing.assert_allclose(found, expected, atol=1e-4)
