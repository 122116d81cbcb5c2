"""3x3 convolutions with a quarter of the products, as operators of a graph.

Winograd's minimal filtering F(4x4, 3x3): "Fast Algorithms for Convolutional Neural Networks", Lavin
and Gray, 2016. Each tile of 4x4 outputs is seen as a product of two polynomials, which six points a
side determine. It pays where products are slow: most in WebAssembly, which has neither wide vectors
nor fused multiply-adds, and on CPUs without AVX-512. In float32 results differ by about 1e-5 of the
values' range.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from aecodec.nn.arrays import FloatArray
from aecodec.nn.onnx_graph import Graph

_OUTPUTS, _TAPS, _POINTS = 4, 3, 6
# Rows for the points 0, 1, -1, 2, -2 and infinity.
_OF_WEIGHTS: Final = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_OF_INPUTS: Final = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_TO_OUTPUTS: Final = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
)
_LEAST_CHANNELS = 48
"""With fewer, the transforms take more time than the products save."""


def pays(outputs: int, inputs: int, side: int) -> bool:
    """Whether a convolution of so many channels and this side of the kernel is faster so."""
    return side == _TAPS and min(outputs, inputs) >= _LEAST_CHANNELS


def convolution(
    g: Graph, x: str, weight: str, channels: tuple[int, int], scale: str | None = None
) -> str:
    """(1, C, h, w) to (1, O, h, w), zeros beyond the border, without a bias.

    Args:
        weight: (O, C, 3, 3).
        channels: O and C.
        scale: (O,), by which outputs are multiplied.
    """
    outputs, inputs = channels
    points, pixels = _POINTS**2, _OUTPUTS**2
    # The runtime finds these once, when the network is made ready.
    u = g.reshape(weight, (outputs, inputs, _TAPS**2))
    u = g.add("MatMul", u, g.constant(_both_ways(_OF_WEIGHTS).T, "float32"))
    u = g.transpose(u, 2, 0, 1)
    if scale:
        u = g.add("Mul", u, g.reshape(scale, (-1, 1)))

    kernels = _both_ways(_OF_INPUTS).reshape(points, 1, _POINTS, _POINTS)
    v = g.add("Tile", g.constant(kernels, "float32"), g.constant([inputs, 1, 1, 1], "int64"))
    border = [1, 1, _OUTPUTS, _OUTPUTS]  # so that the last tiles are whole
    strides = [_OUTPUTS] * 2
    v = g.add("Conv", x, v, group=inputs, strides=strides, pads=border)
    rows_and_columns = _sides(g, v)

    v = g.transpose(g.reshape(v, (inputs, points, -1)), 1, 0, 2)
    products = g.reshape(g.add("MatMul", u, v), (points, -1))
    y = g.add("MatMul", g.constant(_both_ways(_TO_OUTPUTS), "float32"), products)
    shape = g.add("Concat", g.constant([1, outputs * pixels], "int64"), rows_and_columns, axis=0)
    y = g.add("DepthToSpace", g.add("Reshape", y, shape), blocksize=_OUTPUTS)
    start, axes = g.constant([0, 0], "int64"), g.constant([2, 3], "int64")
    return g.add("Slice", y, start, _sides(g, x), axes)


def _both_ways(transform: FloatArray) -> FloatArray:
    """Down and across, of squares as vectors."""
    return np.kron(transform, transform)


def _sides(g: Graph, x: str) -> str:
    """Rows and columns of (1, C, h, w)."""
    return g.add("Slice", g.add("Shape", x), g.constant([2], "int64"), g.constant([4], "int64"))
