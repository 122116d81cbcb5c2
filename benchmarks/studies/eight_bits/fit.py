"""Fit each layer's whole numbers to what the float layer gives, for the inputs that it really has.

GPTQ (Frantar et al., 2022, arXiv:2210.17323) on one convolution at a time: a least-squares
correction of the weights, then rounding input by input, each rounding's error spread over the
inputs that are not rounded yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aecodec.nn.arrays import FloatArray
from benchmarks.studies.eight_bits.layers import WEIGHT_MAX
from benchmarks.studies.eight_bits.quantise import Layer, Quantiser
from benchmarks.studies.eight_bits.samples import Bytes
from benchmarks.studies.eight_bits.units import Doubles, weight_scales

_RIDGE = 0.01  # of the diagonal: how far the weights are held where they are
_CONSTANT = 8  # the input that stands for the bias
_COLUMNS = 128  # at a time


class Error(NamedTuple):
    """Mean squared errors of a layer, before and after its fit, and the mean square."""

    before: float
    after: float
    power: float


def fitted_layer(
    weight: Doubles, inputs: FloatArray, wanted: FloatArray, importance: Doubles
) -> tuple[Layer, Error]:
    """Whole weights for a convolution.

    Args:
        weight: in units of the inputs, (out, in, k, k).
        inputs: whole numbers, (N, in * k * k).
        wanted: outputs, (N, out).
        importance: of each sample, (N,).
    """
    plain = weight.reshape(len(weight), -1)
    root = np.sqrt(importance / importance.mean())[:, None].astype(np.float32)
    x = np.concatenate([inputs, np.full((len(inputs), 1), _CONSTANT, np.float32)], 1) * root
    squares = (x.T @ x).astype(np.float64)
    diagonal = np.diag(squares).copy()
    squares[np.diag_indices_from(squares)] += _RIDGE * diagonal + 1e-4 * diagonal.mean()
    inverse = np.linalg.inv(squares)
    full = np.concatenate([plain, np.zeros((len(plain), 1))], 1)
    missing = wanted * root - x @ full.T.astype(np.float32)
    full += (x.T @ missing).astype(np.float64).T @ inverse
    scale = weight_scales(full[:, :-1])
    whole, last = _rounded(full, scale, np.linalg.cholesky(inverse).T)
    bias = last * _CONSTANT
    given = x[:, :-1] @ (whole * scale[:, None]).T.astype(np.float32)
    left = wanted * root - given - root * bias.astype(np.float32)
    error = Error(
        *(float(np.square(e).mean()) for e in (missing - missing.mean(0), left, wanted * root))
    )
    return Layer(whole.reshape(weight.shape), scale, bias), error


def _rounded(weight: Doubles, scale: Doubles, spread: Doubles) -> tuple[Doubles, Doubles]:
    """Weights (out, n + 1), all but the last column rounded; and the last.

    Args:
        spread: the upper triangle whose square is the inverse of the inputs' products.
    """
    weight, count = weight.copy(), weight.shape[1] - 1
    whole = np.zeros((len(weight), count))
    for start in range(0, count, _COLUMNS):
        stop = min(start + _COLUMNS, count)
        errors = np.zeros((len(weight), stop - start))
        for column in range(start, stop):
            found = np.clip(np.round(weight[:, column] / scale), -WEIGHT_MAX, WEIGHT_MAX)
            whole[:, column] = found
            error = (weight[:, column] - found * scale) / spread[column, column]
            weight[:, column:stop] -= error[:, None] * spread[column, column:stop]
            errors[:, column - start] = error
        weight[:, stop:] -= errors @ spread[start:stop, stop:]
    return whole, weight[:, -1]


def fit(quantiser: Quantiser, name: str, found: Bytes, qualities: Sequence[int]) -> Error:
    """Fit one layer of a quantiser to its samples.

    Args:
        found: of the network in 8 bits.
        qualities: of the pictures, all of one size.
    """
    wanted = quantiser.floats.wanted[name]
    if name in found.before:
        wanted = wanted - found.before[name] * np.float32(quantiser.streams.get(name, 1))
    if name in quantiser.signs:
        wanted = wanted * np.float32(quantiser.signs[name])
    importance = np.array([quantiser.importance(name, quality) for quality in qualities])
    samples = importance.repeat(len(wanted) // len(qualities))
    weight, inputs = quantiser.plain[name], found.seen[name]
    groups = inputs.shape[1] // weight[0].size
    parts = zip(
        np.split(weight, groups),
        np.split(inputs, groups, 1),
        np.split(wanted, groups, 1),
        strict=True,
    )
    layers, errors = zip(*(fitted_layer(*part, samples) for part in parts), strict=True)
    quantiser.layers[name] = Layer(
        *(np.concatenate(values) for values in zip(*layers, strict=True))
    )
    return Error(*np.mean(errors, 0).tolist())
