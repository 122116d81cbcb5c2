"""From the float synthesis to tensors of whole numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import (
    FINE_STEP,
    FINE_ZERO,
    FINER,
    FINEST_STEP,
    PIXEL_STEP,
    POSITIVE,
    SIGNED,
    SYNTHESIS,
    convolutions,
    rotation,
)
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.runtime import at_quality
from aecodec.training.eight_bits.samples import Floats
from aecodec.training.eight_bits.units import (
    Doubles,
    Hidden,
    best_unit,
    hidden,
    rounded_weight,
    weight_scales,
)

_QUALITIES = range(1, 101)
_DECIBELS = 0.185  # that PSNR rises by with each step of quality
_ROTATED = {"fine.conv1": 4, "finest.conv1": 2}  # sides of squares of pixels
_WIDE = 32767  # the latents and weights of the linear part
_SPARE = 8  # how far latents may be beyond those of the samples
_LEAST_MULTIPLIER = 2.0**-20  # so that a bias of int32 can shift by all 255 units


class Layer(NamedTuple):
    """A convolution of whole numbers: weights (out, in, k, k) from -64 to 64, the value of one
    unit of their sums, (out,), and the bias in values, (out,).
    """

    weight: Doubles
    scale: Doubles
    bias: Doubles


class Modulation(NamedTuple):
    """Of a convolution's outputs at each quality: factors and shifts (100, out)."""

    factor: Doubles
    shift: Doubles


class Quantiser(ABC):
    """Makes the tensors of a network in 8 bits.

    Args:
        tensors: of the weight file.
        network: what the names of the float network's tensors begin with, and a dot.
        made_as: the same of the tensors made.
        floats: samples of the float network.

    Attributes:
        layers: fitted ones, by name; others are rounded.
        plain: of each convolution, its weights for inputs in bytes' units, (out, in, k, k).
        signs: of each convolution whose outputs are turned, (out,).
        units: of the bytes that each sees, (in,), and their zero point.
    """

    def __init__(
        self, tensors: Mapping[str, AnyArray], network: str, made_as: str, floats: Floats
    ) -> None:
        self.network, self.made_as, self.floats = network, made_as, floats
        self._float = {
            name: tensor.astype(np.float64)
            for name, tensor in tensors.items()
            if tensor.dtype.kind == "f"
        }
        self.layers: dict[str, Layer] = {}
        self.plain: dict[str, Doubles] = {}
        self.signs: dict[str, Doubles] = {}
        self.units: dict[str, tuple[Doubles, int]] = {}
        self._made: dict[str, AnyArray] = {}

    def tensors(self) -> dict[str, AnyArray]:
        """int8 weights, int32 biases, float32 multipliers, with a row for each quality where they
        depend on it; by their names in a weight file.
        """
        self._make()
        return {self.made_as + name: tensor for name, tensor in self._made.items()}

    @abstractmethod
    def _make(self) -> None:
        """Fill `_made`."""

    @abstractmethod
    def names(self) -> list[str]:
        """Of the convolutions of bytes, in the order in which they run."""

    @abstractmethod
    def importance(self, name: str, quality: int) -> float:
        """Of a squared error of a layer at a quality."""

    def bytes_seen(self, name: str) -> FloatArray:
        """What a convolution sees as bytes, less their zero point, (N, in * kernel)."""
        unit, zero = self.units[name]
        values = self.floats.inputs[name]
        unit = np.tile(unit, values.shape[1] // len(unit))  # of each group
        units = unit.astype(np.float32)[:, None]
        whole: FloatArray = np.clip(np.round(values / units), -zero, 255 - zero)
        return whole.reshape(len(values), -1)

    def _all(self, name: str) -> Doubles:
        """A table at every quality."""
        table = self._float[name]
        rows: Doubles = np.stack([at_quality(table, quality) for quality in _QUALITIES]).astype(
            float
        )
        return rows

    def _unit(self, *names: str, zero: int = 128) -> Doubles:
        """The unit of bytes that hold all of these."""
        values = np.concatenate([self.floats.seen[name] for name in names])
        reach = [np.maximum(-self.floats.least[n], self.floats.most[n]) for n in names]
        return best_unit(values, np.max(reach, 0), -zero, 255 - zero)

    def _pair(self, name: str, inputs: Doubles, outputs: Doubles, zero: int = SIGNED) -> None:
        """The two convolutions of a residual block."""
        first, seen = f"{name}.conv1", self.floats.seen
        between = hidden(seen[first], self.floats.least[first], self.floats.most[first])
        self._hidden_conv(first, inputs, between, zero)
        dropped = between.dropped
        self._conv(f"{name}.conv2", between.after, outputs, POSITIVE, dropped=dropped)

    def _seen_by(self, name: str, weight: Doubles) -> Doubles:
        """A convolution's weights for what it really sees."""
        return weight

    def _hidden_conv(self, name: str, inputs: Doubles, between: Hidden, zero: int = SIGNED) -> None:
        modulation = None
        table = f"{self.network}{name}.modulation.values"
        if table in self._float:
            scale, shift = np.split(self._all(table), 2, axis=1)
            modulation = Modulation(1 + scale, shift)
        self._conv(name, inputs, between.unit, zero, modulation, sign=between.sign)

    def _conv(
        self,
        name: str,
        inputs: Doubles,
        outputs: Doubles,
        zero: int = SIGNED,
        modulation: Modulation | None = None,
        sign: Doubles | None = None,
        dropped: Doubles | None = None,
    ) -> None:
        """A convolution of bytes.

        Args:
            name: of it.
            inputs, outputs: the units of the bytes it sees and gives.
            zero: zero point of what it sees.
            modulation: of its outputs.
            sign: of its outputs.
            dropped: the mean of what its inputs leave out.
        """
        weight, bias = (self._float[f"{self.network}{name}.{part}"] for part in ("weight", "bias"))
        if dropped is not None:
            bias = bias + weight.sum((2, 3)) @ dropped
        weight = self._seen_by(name, weight)
        weight = weight * inputs[:, None, None]
        self.units[name] = inputs, zero
        if sign is not None:
            weight, bias = weight * sign[:, None, None, None], bias * sign
            self.signs[name] = sign
        self.plain[name] = weight
        rows = weight.reshape(len(weight), -1)
        if name in self.layers:
            whole, scale, bias = self.layers[name]
        else:
            scale = weight_scales(rows)
            whole = rounded_weight(rows, scale).reshape(weight.shape)
        multiplier, start = scale / outputs, bias / scale
        if modulation is not None:
            factor = modulation.factor
            shift = modulation.shift if sign is None else modulation.shift * sign
            multiplier = multiplier * factor
            small = np.abs(multiplier) < _LEAST_MULTIPLIER
            multiplier = np.where(small, _LEAST_MULTIPLIER, multiplier)
            start = (bias * factor + shift) / outputs / multiplier
        self._made[f"{name}.weight"] = whole.astype(np.int8)
        self._made[f"{name}.multiplier"] = multiplier.astype(np.float32)
        self._made[f"{name}.bias"] = np.round(start).astype(np.int32)


class SynthesisQuantiser(Quantiser):
    """Of `aecodec.codec.transforms.SynthesisTransform`.

    Args:
        config, tensors: of the weight file.
        floats: samples of the float synthesis.
    """

    def __init__(
        self, config: CodecConfig, tensors: Mapping[str, AnyArray], floats: Floats
    ) -> None:
        super().__init__(tensors, "synthesis.", SYNTHESIS, floats)
        self.config = config

    def names(self) -> list[str]:
        return [one.name for one in convolutions(self.config)]

    def importance(self, name: str, quality: int) -> float:
        """As a share of the picture's error; before the tail, as much as features count."""
        counts = 1.0 if name.startswith("fine") else self._mean_scale(quality)
        return float(10 ** (_DECIBELS / 10 * quality) * counts**2)

    def _mean_scale(self, quality: int) -> float:
        """By how much the features at 1/8 resolution count at a quality, roughly."""
        scales = np.exp(at_quality(self._float["synthesis.scale.log_scale.values"], quality))
        return float(np.sqrt(np.square(scales).mean()))

    def _make(self) -> None:
        c, made = self.config, self._made
        inverse = np.exp(self._all("gain.log_inverse.values"))
        y = self._unit("y")
        made["y.multiplier"] = (inverse / y).astype(np.float32)
        deep = self._unit(*(f"deep.{k}" for k in range(c.deep_blocks[1] + 1)))
        factor = np.exp(self._all("synthesis.deep_scale.log_scale.values"))
        self._conv("head", y, deep, modulation=Modulation(factor, np.zeros_like(factor)))
        self._blocks("deep_blocks", c.deep_blocks[1], deep)
        mid = self._unit(*(f"mid.{k}" for k in range(c.blocks[1] + 1)))
        self._conv("up", deep, mid.repeat(4))
        self._blocks("blocks", c.blocks[1], mid)

        scale = self._unit("scale")
        factor = np.exp(self._all("synthesis.scale.log_scale.values"))
        made["scale.multiplier"] = (mid * factor / scale).astype(np.float32)
        self._conv("tail", scale, np.full(192, PIXEL_STEP))
        self._linear(inverse)

        inputs = self._rotated_unit("x", 4)
        if c.fine_features:
            features = self._unit("features")
            self._conv("aside", mid, np.tile(features, 4))
            inputs = np.concatenate([inputs, features])
        names = [f"fine.{k + 1}" for k in range(c.fine_blocks)]
        if names:
            fine = self._unit(*names, "fine.conv1", zero=FINE_ZERO)
            self._hidden_conv(
                "fine.conv1", inputs, Hidden(np.ones(len(fine)), fine, fine, np.zeros_like(fine))
            )
            self._blocks("fine.blocks", c.fine_blocks, fine, FINE_ZERO)
            self._conv("fine.conv2", fine, np.full(48, FINE_STEP), FINE_ZERO)
        else:
            self._pair("fine", inputs, np.full(48, FINE_STEP))
        self._pair("finest", self._rotated_unit("x2", 2), np.full(12, FINEST_STEP))

    def _rotated_unit(self, name: str, side: int) -> Doubles:
        matrix = rotation(side)
        values = self.floats.seen[name] @ matrix.T
        # The whole range, and a little more, as low bytes tell the rest.
        unit = 1.1 / 127 * np.maximum(np.abs(values).max(0), 1e-3).astype(np.float64)
        self._made[f"{name}.multiplier"] = (PIXEL_STEP / unit).astype(np.float32)
        return np.concatenate([unit, unit / FINER]) if self.config.low_bytes else unit

    def _blocks(self, name: str, count: int, stream: Doubles, zero: int = SIGNED) -> None:
        for number in range(count):
            self._pair(f"{name}.{number}", stream, stream, zero)

    def _seen_by(self, name: str, weight: Doubles) -> Doubles:
        side = _ROTATED.get(name)
        return _of_rotated(weight, side, self.config.low_bytes) if side else weight

    def bytes_seen(self, name: str) -> FloatArray:
        side = _ROTATED.get(name)
        if side is None:
            return super().bytes_seen(name)
        matrix, values = rotation(side), self.floats.inputs[name]
        count = len(matrix)
        unit = self.units[name][0].astype(np.float32)[:, None]
        rotated = np.einsum("ci,nik->nck", matrix, values[:, :count]) / unit[:count]
        high = np.clip(np.round(rotated), -128, 127)
        low = np.clip(np.round((rotated - high) * FINER), -128, 127)
        pixels = [high, low] if self.config.low_bytes else [high]
        features = np.clip(np.round(values[:, count:] / unit[len(pixels) * count :]), -128, 127)
        whole: FloatArray = np.concatenate([*pixels, features], 1)
        return whole.reshape(len(values), -1)

    def _linear(self, inverse: Doubles) -> None:
        least, most = self.floats.least["y"], self.floats.most["y"]
        unit = np.maximum(np.maximum(-least, most) * _SPARE / _WIDE, 1e-6)
        weight = self._float["synthesis.linear.weight"][:, :, 0, 0] * unit
        scale = np.abs(weight).max(1) / _WIDE
        bias = self._float["synthesis.linear.bias"] / PIXEL_STEP
        self._made["linear.input"] = (inverse / unit).astype(np.float32)
        self._made["linear.weight"] = np.round(weight / scale[:, None]).astype(np.int16)
        self._made["linear.multiplier"] = scale / PIXEL_STEP
        self._made["linear.bias"] = np.round(bias).astype(np.int32)


def _of_rotated(weight: Doubles, side: int, low_bytes: bool) -> Doubles:
    """Weights for rotated pixels, high and low bytes, of ones for pixels; further inputs as they
    are.
    """
    matrix = rotation(side).astype(np.float64)
    back = matrix / np.square(matrix).sum(1, keepdims=True)
    pixels = np.einsum("oikl,ci->ockl", weight[:, : len(matrix)], back)
    digits = [pixels, pixels] if low_bytes else [pixels]
    return np.concatenate([*digits, weight[:, len(matrix) :]], 1)
