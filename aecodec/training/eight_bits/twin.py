"""The training twin of the synthesis in 8 bits: the same layers, rounded in the forward pass, with
gradients straight through (Bengio et al., 2013, arXiv:1308.3432).

Its parameters stand for the whole numbers themselves, so that what is trained is what ships.
Bytes are bfloat16, less their zero points: exact. Sums are bfloat16, too, on processors that are
fast with it: the bits that they lose are fewer than rounding to bytes loses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.eight_bits.layers import (
    FINER,
    HIGH_DIGIT,
    PIXEL_STEP,
    SIGNED,
    WEIGHT_MAX,
    Convolution,
    convolutions,
    digits,
    synthesis,
    vectors,
)
from aecodec.nn.arrays import AnyArray
from aecodec.nn.blocks import QualityTable
from aecodec.nn.device import training_dtype
from aecodec.nn.quantization import round_ste

QUALITIES = 100
_UNITS = 32.0  # of weights and shifts in each of their parameters, so that one rate suits all
_LINEAR_UNITS = 4.0  # of the linear part, which has little to learn and much to lose


class ByteConv2d(nn.Module):
    """A convolution of bytes: its weights, and changes to its multipliers and offsets.

    Args:
        of: what it is.
        anchors: qualities that have changes of their own, where it depends on the quality.
    """

    def __init__(self, of: Convolution, anchors: int) -> None:
        super().__init__()
        rows = QUALITIES if of.of_quality else 1
        self.of_quality = of.of_quality
        self.weight = nn.Parameter(torch.zeros(of.outputs, of.inputs, of.kernel, of.kernel))
        self.register_buffer("multiplier", torch.ones(rows, of.outputs))
        self.register_buffer("offset", torch.zeros(rows, of.outputs))  # in units of the outputs
        self.multiplier: Tensor
        self.offset: Tensor
        self.log_factor, self.shift = (
            QualityTable(anchors, of.outputs) if of.of_quality else Constant(of.outputs)
            for _ in range(2)
        )

    @torch.no_grad()
    def load(self, weight: AnyArray, multiplier: AnyArray, bias: AnyArray) -> None:
        """Begin with whole numbers."""
        self.weight.copy_(torch.from_numpy(weight) / _UNITS)
        wide = torch.from_numpy(np.atleast_2d(multiplier)).double()
        self.multiplier.copy_(wide)
        self.offset.copy_(wide * torch.from_numpy(np.atleast_2d(bias)))
        for change in self.log_factor.parameters(), self.shift.parameters():
            for parameter in change:
                parameter.zero_()

    def vectors(self, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Multipliers and offsets of the sums at qualities (B,): (B, C), or (1, C) for all."""
        row = quality.long() - 1 if self.of_quality else slice(None)
        multiplier = self.multiplier[row] * self.log_factor(quality).exp()
        return multiplier, self.offset[row] + _UNITS * self.shift(quality)

    @torch.no_grad()
    def tensors(self) -> dict[str, AnyArray]:
        """int8 weight, float32 multiplier and int32 bias; the last two of each quality, or not."""
        quality = torch.arange(1, QUALITIES + 1, device=self.weight.device)
        multiplier, offset = (v.double() for v in self.vectors(quality))
        bias = torch.round(offset / multiplier.float())
        if not self.of_quality:
            multiplier, bias = multiplier[0], bias[0]
        return {
            "weight": whole_weight(self.weight).to(torch.int8).cpu().numpy(),
            "multiplier": multiplier.float().cpu().numpy(),
            "bias": bias.to(torch.int32).cpu().numpy(),
        }


class ByteLinear(nn.Module):
    """The linear part with weights of one digit: those, and changes to the rest, to be trained.

    Args:
        outputs, inputs: channels.
    """

    def __init__(self, outputs: int, inputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.log_factor, self.shift = (nn.Parameter(torch.zeros(outputs)) for _ in range(2))
        self.register_buffer("multiplier", torch.ones(outputs, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(outputs))
        self.multiplier: Tensor
        self.bias: Tensor

    @torch.no_grad()
    def load(self, weight: AnyArray, multiplier: AnyArray, bias: AnyArray) -> None:
        """Begin with whole numbers, of which the high digits are kept."""
        self.weight.copy_(torch.from_numpy(digits(weight)[0]) / _LINEAR_UNITS)
        self.multiplier.copy_(torch.from_numpy(multiplier))
        self.bias.copy_(torch.from_numpy(bias))
        self.log_factor.zero_()
        self.shift.zero_()

    def forward(self, latents: Tensor) -> Tensor:
        multiplier = (self.multiplier.float() * self.log_factor.exp())[:, None]
        weight = HIGH_DIGIT * whole_weight(self.weight, _LINEAR_UNITS) * multiplier
        return F.linear(latents, weight, self.bias + _LINEAR_UNITS * self.shift)

    @torch.no_grad()
    def tensors(self) -> dict[str, AnyArray]:
        """As a weight file has them: of 32768, int16 has 32767, whose high digit is the same."""
        weight = (HIGH_DIGIT * whole_weight(self.weight, _LINEAR_UNITS)).clamp(max=32767)
        return {
            "weight": weight.to(torch.int16).cpu().numpy(),
            "multiplier": (self.multiplier * self.log_factor.double().exp()).cpu().numpy(),
            "bias": (self.bias + _LINEAR_UNITS * self.shift).round().to(torch.int32).cpu().numpy(),
        }


def whole_weight(weight: Tensor, units: float = _UNITS) -> Tensor:
    """The whole numbers that a parameter stands for."""
    return round_ste(weight * units).clamp(-WEIGHT_MAX, WEIGHT_MAX)


class Constant(nn.Module):
    """A `QualityTable` that is the same at all qualities."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(1, channels))

    def forward(self, quality: Tensor) -> Tensor:
        """(1, channels)."""
        return self.values


class ByteSynthesis(nn.Module):
    """The synthesis in 8 bits, to be trained.

    Args:
        config: of the codec.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.convs = nn.ModuleDict(
            {_key(of.name): ByteConv2d(of, config.anchors) for of in convolutions(config)}
        )
        self.scales = nn.ParameterDict()  # logarithms of changes to what makes bytes
        self._fixed = []
        for name, (shape, dtype) in vectors(config).items():
            self.register_buffer(_key(name), torch.zeros(shape, dtype=getattr(torch, dtype)))
            self._fixed.append(name)
            if name.endswith("multiplier") and not name.startswith("linear"):
                self.scales[_key(name)] = nn.Parameter(torch.zeros(shape[-1]))
        # What has a block less has more to do.
        pixels = 3 * LATENT_STRIDE**2
        self.linear = None if config.low_bytes else ByteLinear(pixels, config.latent_channels)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, AnyArray]) -> None:
        """Begin with tensors of whole numbers, by their names without the network's."""
        for key, conv in self.convs.items():
            parts = (tensors[f"{_name(key)}.{p}"] for p in ("weight", "multiplier", "bias"))
            cast(ByteConv2d, conv).load(*parts)
        for name in self._fixed:
            self.fixed(name).copy_(torch.from_numpy(tensors[name]))
        for scale in self.scales.values():
            scale.zero_()
        if self.linear:
            self.linear.load(*(tensors[f"linear.{p}"] for p in ("weight", "multiplier", "bias")))

    @torch.no_grad()
    def tensors(self) -> dict[str, AnyArray]:
        """What ships, by names without the network's."""
        made = {name: self.fixed(name).cpu().numpy() for name in self._fixed}
        for key, scale in self.scales.items():
            made[_name(key)] = (self.fixed(_name(key)) * scale.exp()).cpu().numpy()
        for key, conv in self.convs.items():
            parts = cast(ByteConv2d, conv).tensors()
            made |= {f"{_name(key)}.{part}": tensor for part, tensor in parts.items()}
        if self.linear:
            made |= {f"linear.{part}": tensor for part, tensor in self.linear.tensors().items()}
        return made

    def forward(self, latents: Tensor, quality: Tensor) -> Tensor:
        """Scaled latents (B, M, h, w) and whole qualities (B,) to pixels (B, 3, H, W)."""
        with torch.autocast(latents.device.type, enabled=False):
            ops = TwinOps(self, quality)
            x = synthesis(self.config, ops, latents.float().permute(0, 2, 3, 1).contiguous())
            return x.permute(0, 3, 1, 2) * PIXEL_STEP

    def conv(self, name: str) -> ByteConv2d:
        return cast(ByteConv2d, self.convs[_key(name)])

    def fixed(self, name: str) -> Tensor:
        return self.get_buffer(_key(name))

    def scale(self, name: str, quality: Tensor) -> Tensor:
        """A vector by which floats are multiplied, at qualities (B,): (B, 1, 1, C)."""
        table = self.fixed(name)
        rows = table[quality.long() - 1] if table.ndim == 2 else table[None]
        if _key(name) in self.scales:
            rows = rows * self.scales[_key(name)].exp()
        return rows[:, None, None]


def _key(name: str) -> str:
    """A name for torch, which has no points in those of modules."""
    return name.replace(".", "-")


def _name(key: str) -> str:
    return key.replace("-", ".")


class TwinOps:
    """`aecodec.codec.eight_bits.layers.Ops` on batches, each sample at a quality of its own."""

    def __init__(self, twin: ByteSynthesis, quality: Tensor) -> None:
        self.twin, self.quality = twin, quality
        self.dtype = training_dtype(quality.device)

    def scaled(self, x: Tensor, name: str) -> Tensor:
        return x * self.twin.scale(name, self.quality)

    def to_bytes(self, x: Tensor) -> Tensor:
        return cast(Tensor, _ToBytes.apply(x, self.dtype))

    def low_bytes(self, x: Tensor, high: Tensor) -> Tensor:
        rest = (x - high.float()).detach()
        return self.to_bytes(FINER * rest)  # its gradient goes through the high byte

    def to_reals(self, x: Tensor, unit: float = 1) -> Tensor:
        return x.float() * unit

    def conv(
        self, x: Tensor, name: str, zero: int, out_zero: int, rows: Sequence[int] = ()
    ) -> Tensor:
        conv = self.twin.conv(name)
        multiplier, offset = conv.vectors(self.quality)
        # Most of the offset is added before sums lose their last bits.
        inner = (offset / multiplier).detach().mean(0).to(self.dtype)
        offset = offset - multiplier * inner.float()
        weight = whole_weight(conv.weight).to(self.dtype)
        y = F.conv2d(x.permute(0, 3, 1, 2), weight, inner, padding=weight.shape[2] // 2)
        range_ = (-out_zero, 255 - out_zero)
        vectors = (v[:, None, None] for v in (multiplier, offset))
        y = cast(Tensor, _Requantise.apply(y.permute(0, 2, 3, 1), *vectors, *range_))
        return y[..., list(rows)] if rows else y

    def plus(self, x: Tensor, zero: int, change: Tensor, out_zero: int) -> Tensor:
        return cast(Tensor, _Plus.apply(x, change, -out_zero, 255 - out_zero))

    def sums(self, x: Tensor, name: str, zero: int, rows: Sequence[int]) -> Tensor:
        conv = self.twin.conv(name)
        multiplier, offset = conv.vectors(self.quality)
        y = F.linear(x.float(), whole_weight(conv.weight)[:, :, 0, 0])
        y = round_ste(torch.addcmul(offset, y, multiplier))
        return y[..., list(rows)]

    def linear(self, latents: Tensor, name: str, rows: Sequence[int]) -> Tensor:
        twin = self.twin
        y = 2 * (self.scaled(latents, f"{name}.input") / 2).round().clamp(-16512, 16383)
        if twin.linear:
            return cast(Tensor, twin.linear(y))[..., list(rows)]
        weight, multiplier, bias = (
            twin.fixed(f"{name}.{part}")[list(rows)] for part in ("weight", "multiplier", "bias")
        )
        return F.linear(y, (weight * multiplier[:, None]).float(), bias.float())

    def rotated(self, x: Tensor, matrix: AnyArray) -> Tensor:
        return F.linear(x, torch.from_numpy(matrix).to(x.device))

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def concat(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([x, y], -1)

    def spread(self, x: Tensor, size: int, channels: int) -> Tensor:
        batch, rows, columns, _ = x.shape
        x = x.reshape(batch, rows, columns, size, size, channels).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, rows * size, columns * size, channels)


class _Requantise(torch.autograd.Function):
    """`clamp(round(y * multiplier + offset), low, high)` in the dtype of y.

    Below a lower bound of 0 the gradient is a ReLU's; else it passes, so that what is out of
    range can come back.
    """

    @staticmethod
    def forward(
        ctx: Any, y: Tensor, multiplier: Tensor, offset: Tensor, low: int, high: int
    ) -> Tensor:
        values = torch.addcmul(offset, y.float(), multiplier)
        ctx.save_for_backward(y, multiplier, values > 0 if low == 0 else None)
        return values.round_().clamp_(low, high).to(y.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        y, multiplier, above = ctx.saved_tensors
        if above is not None:
            gradient = gradient * above
        axes = (1, 2) if len(multiplier) > 1 else (0, 1, 2)
        of_multiplier, of_offset = (
            g.sum(axes, dtype=torch.float32).view(multiplier.shape)
            for g in (gradient * y, gradient)
        )
        return gradient * multiplier.to(y.dtype), of_multiplier, of_offset, None, None


class _Plus(torch.autograd.Function):
    """A clamped sum whose gradient passes straight through."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, change: Tensor, low: int, high: int) -> Tensor:
        return (x + change).clamp_(low, high)

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Any:
        return gradient, gradient, None, None


class _ToBytes(torch.autograd.Function):
    """Rounded and clamped; the gradient passes straight through."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, dtype: torch.dtype) -> Tensor:
        return x.round().clamp_(-SIGNED, 255 - SIGNED).to(dtype)

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Any:
        return gradient.float(), None
