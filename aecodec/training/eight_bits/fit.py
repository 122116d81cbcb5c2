"""Fit each layer's whole numbers to what the float layer gives.

GPTQ (Frantar et al., 2022, arXiv:2210.17323) on one convolution at a time: rounding input by
input, each rounding's error spread over the inputs that are not rounded yet. Where samples are
many, a least-squares correction of the weights comes before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aecodec.codec.eight_bits.layers import WEIGHT_MAX
from aecodec.nn.arrays import FloatArray
from aecodec.training.eight_bits.quantise import Layer, Quantiser
from aecodec.training.eight_bits.units import Doubles, rounded_weight, weight_scales

_RIDGE = 0.01  # of the diagonal: how far the weights are held where they are
_ENOUGH = 20  # samples for each weight of an output
_CONSTANT = 8  # the input that stands for the bias
_COLUMNS = 128  # at a time


class Error(NamedTuple):
    """Mean squared errors of a layer with rounded weights and with fitted ones, the bias fitted in
    either case; and its mean square.
    """

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
    y = wanted * root
    squares = (x.T @ x).astype(np.float64)
    diagonal = np.diag(squares).copy()
    squares[np.diag_indices_from(squares)] += _RIDGE * diagonal + 1e-4 * diagonal.mean()
    inverse = np.linalg.inv(squares)
    full = np.concatenate([plain, np.zeros((len(plain), 1))], 1)
    if len(inputs) >= _ENOUGH * plain.shape[1]:
        missing = y - x @ full.T.astype(np.float32)
        missing -= root * (
            (root * missing).sum(0) / np.square(root).sum()
        )  # the bias is no weight's
        full += (x.T @ missing).astype(np.float64).T @ inverse
    scale = weight_scales(full[:, :-1])
    whole = _rounded(full, scale, np.linalg.cholesky(inverse).T)

    def left(whole: Doubles, scale: Doubles) -> tuple[Doubles, float]:
        """The best bias for whole weights, and what error is left."""
        missing = y - x[:, :-1] @ (whole * scale[:, None]).T.astype(np.float32)
        bias = (root * missing).sum(0, dtype=np.float64) / float(np.square(root).sum())
        return bias, float(np.square(missing - root * bias.astype(np.float32)).mean())

    plainly = weight_scales(plain)
    _, before = left(rounded_weight(plain, plainly), plainly)
    bias, after = left(whole, scale)
    layer = Layer(whole.reshape(weight.shape), scale, bias)
    return layer, Error(before, after, float(np.square(y).mean()))


def _rounded(weight: Doubles, scale: Doubles, spread: Doubles) -> Doubles:
    """Weights (out, n + 1), all but the last column, which is the bias, as whole numbers.

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
    return whole


def fit(quantiser: Quantiser, name: str, qualities: Sequence[int]) -> Error:
    """Fit one layer of a quantiser, that made its tensors, to its samples.

    Its inputs are what the float layers before it give, as bytes: their own errors are theirs to
    mend, not to be mended twice.

    Args:
        qualities: of the pictures, all of one size.
    """
    wanted = quantiser.floats.wanted[name]
    if name in quantiser.signs:
        wanted = wanted * np.float32(quantiser.signs[name])
    importance = np.array([quantiser.importance(name, quality) for quality in qualities])
    samples = importance.repeat(len(wanted) // len(qualities))
    weight, inputs = quantiser.plain[name], quantiser.bytes_seen(name)
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
