"""The synthesis and the means of the prior in integers, for whatever computes them.

Maps are channels-last, (1, h, w, C). Bytes are uint8 with a zero point: 128 where values have both
signs, 0 behind a (leaky) ReLU, `FINE_ZERO` in the stream of the block at 1/4 resolution. Pixels are
float32 whole numbers of 1/4096 of the range from black to white. Every operation is exact, or one
IEEE operation on exact numbers, so that all runtimes, machines and thread counts agree to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from aecodec.codec.config import CodecConfig
from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.steps import STEPS
from aecodec.nn.arrays import AnyArray

EIGHT_BITS = "eight_bits."
"""What the names of all tensors in 8 bits begin with in a weight file."""
SYNTHESIS = f"{EIGHT_BITS}synthesis."
"""The same of the synthesis's."""
MEANS = tuple(f"{EIGHT_BITS}means.{step}." for step in range(STEPS))
"""The same of each step's means."""
SIGNED, POSITIVE, FINE_ZERO = 128, 0, 48
PIXEL_STEP = 2.0**-12
"""What one unit of the pixels stands for; black to white is 1."""
FINE_STEP, FINEST_STEP = 2.0**-9, 2.0**-10
"""The same of the bytes by which the blocks at 1/4 and 1/2 resolution change pixels."""
FINER = 16
"""How many units of a low byte are one of its high byte."""
LINEAR_BASE = 128
"""What a high digit stands for in `Ops.linear`."""
HIGH_DIGIT = 4 * LINEAR_BASE
"""What a high digit of a weight stands for in `linear.weight`."""
MEAN_STEP = 2.0**-4
"""What one unit of a mean stands for, in steps of the latents' quantiser."""
WEIGHT_MAX = 64
"""So that on CPUs that add pairs of products in 16 bits, 2 * 255 * 64 does not overflow."""

Value = TypeVar("Value")


class Ops(Protocol[Value]):
    """What computes the synthesis; names are of its tensors, without the network's own."""

    def scaled(self, x: Value, name: str) -> Value:
        """Float32 times a vector of the quality, rounded to float32."""

    def to_bytes(self, x: Value) -> Value:
        """Float32 to bytes: rounded, halves to even, plus 128 and clamped."""

    def low_bytes(self, x: Value, high: Value) -> Value:
        """What `to_bytes` left of x, in bytes of 1/`FINER`."""

    def to_reals(self, x: Value, unit: float = 1) -> Value:
        """Signed bytes to float32."""

    def conv(
        self, x: Value, name: str, zero: int, out_zero: int, rows: Sequence[int] = ()
    ) -> Value:
        """Bytes to bytes: `round(float32(sum + bias) * multiplier)` plus a zero point, clamped.

        Its outputs are in the order of `rows`, if that is given.
        """

    def plus(self, x: Value, zero: int, change: Value, out_zero: int) -> Value:
        """Bytes plus signed bytes, clamped."""

    def sums(self, x: Value, name: str, zero: int, rows: Sequence[int]) -> Value:
        """A 1x1 convolution of bytes to whole float32 numbers, in an order of its outputs."""

    def linear(self, latents: Value, name: str, rows: Sequence[int]) -> Value:
        """The same of latents, for which bytes are too coarse: numbers and weights have two digits.

        `round((float32(upper) + float32(lower) / base) * multiplier) + bias`, where lower are the
        products of low digits, and upper all others.
        """

    def rotated(self, x: Value, matrix: AnyArray) -> Value:
        """Pixels times a matrix of small whole numbers (out, in)."""

    def add(self, x: Value, y: Value) -> Value:
        """Float32."""

    def concat(self, x: Value, y: Value) -> Value:
        """Channels of both."""

    def spread(self, x: Value, size: int, channels: int) -> Value:
        """`size` x `size` positions for each, of channels in the order row, column, channel."""


class MeanOps(Ops[Value], Protocol[Value]):
    """What computes the means, too."""

    def whole(self, x: Value) -> Value:
        """Whole float32 numbers from 0 to 255 to bytes."""

    def select(self, x: Value, step: int) -> Value:
        """`aecodec.codec.steps.select`: (1, h, w, C) to (1, h/2, w/2, 4C)."""

    def group_sums(self, x: Value, name: str, zero: int) -> Value:
        """As `sums`, in `GROUPS` groups of channels."""


def synthesis(config: CodecConfig, ops: Ops[Value], latents: Value) -> Value:
    """Scaled latents (1, h, w, M) to pixels, whole numbers about -2048 to 2048, (1, H, W, 3)."""
    c = config

    def blocks(x: Value, name: str, count: int, zero: int, first_zero: int) -> Value:
        for number in range(count):
            before = zero if number else first_zero
            h = ops.conv(x, f"{name}.{number}.conv1", before, POSITIVE)
            change = ops.conv(h, f"{name}.{number}.conv2", POSITIVE, SIGNED)
            x = ops.plus(x, before, change, zero)
        return x

    def seen(x: Value, name: str, side: int) -> Value:
        x = ops.scaled(ops.rotated(x, rotation(side)), name)
        high = ops.to_bytes(x)
        return ops.concat(high, ops.low_bytes(x, high)) if c.low_bytes else high

    y = ops.to_bytes(ops.scaled(latents, "y.multiplier"))
    h = ops.conv(y, "head", SIGNED, SIGNED)
    h = blocks(h, "deep_blocks", c.deep_blocks[1], SIGNED, SIGNED)
    # Its channels are in the order channel, row, column, as `pixel_shuffle` has them.
    rows = np.arange(4 * c.width).reshape(c.width, 4).T.ravel().tolist()
    h = ops.spread(ops.conv(h, "up", SIGNED, SIGNED, rows), 2, c.width)
    h = blocks(h, "blocks", c.blocks[1], SIGNED, SIGNED)

    t = ops.to_bytes(ops.scaled(ops.to_reals(h), "scale.multiplier"))
    t = ops.spread(ops.sums(t, "tail", SIGNED, fine_rows(8)), 2, 48)
    x = ops.linear(latents, "linear", fine_rows(LATENT_STRIDE))
    x = ops.add(ops.spread(x, 4, 48), t)

    f = seen(x, "x.multiplier", 4)
    if c.fine_features:
        aside = ops.conv(h, "aside", SIGNED, SIGNED)
        f = ops.concat(f, ops.spread(aside, 2, c.fine_features))
    f = ops.conv(f, "fine.conv1", SIGNED, POSITIVE)
    zero = FINE_ZERO if c.fine_blocks else POSITIVE
    f = blocks(f, "fine.blocks", c.fine_blocks, zero, POSITIVE)
    f = ops.conv(f, "fine.conv2", zero, SIGNED)
    x = ops.add(x, ops.to_reals(f, FINE_STEP / PIXEL_STEP))

    x = ops.spread(x, 2, 12)
    f = ops.conv(seen(x, "x2.multiplier", 2), "finest.conv1", SIGNED, POSITIVE)
    f = ops.conv(f, "finest.conv2", POSITIVE, SIGNED)
    x = ops.add(x, ops.to_reals(f, FINEST_STEP / PIXEL_STEP))
    return ops.spread(x, 2, 3)


def digits(weight: AnyArray) -> tuple[AnyArray, AnyArray]:
    """High and low digits, int8, of `Ops.linear`'s int16 weights, of which 14 bits are kept."""
    rounded = (weight.astype(np.int32) + 2) >> 2
    high = (rounded + LINEAR_BASE // 2) // LINEAR_BASE
    return high.astype(np.int8), (rounded - LINEAR_BASE * high).astype(np.int8)


def linear_multiplier(multiplier: AnyArray) -> AnyArray:
    """The file's, for sums of digits: float32."""
    return (multiplier * (2 * HIGH_DIGIT)).astype(np.float32)


def has_synthesis(tensors: Mapping[str, object]) -> bool:
    """Whether a weight file has the synthesis in 8 bits."""
    return f"{SYNTHESIS}head.weight" in tensors


class Convolution(NamedTuple):
    """One of the synthesis's convolutions of bytes.

    Attributes:
        name: of it.
        outputs, inputs: channels.
        kernel: side of it.
        of_quality: whether multiplier and bias have a row for each quality.
    """

    name: str
    outputs: int
    inputs: int
    kernel: int
    of_quality: bool


def convolutions(config: CodecConfig) -> list[Convolution]:
    """Those of the synthesis, in the order in which they run."""
    c = config

    def pairs(name: str, count: int, width: int) -> list[Convolution]:
        return [part for k in range(count) for part in pair(f"{name}.{k}", width, width, width)]

    def pair(name: str, inputs: int, hidden: int, outputs: int) -> list[Convolution]:
        return [
            Convolution(f"{name}.conv1", hidden, inputs, 3, c.modulated),
            Convolution(f"{name}.conv2", outputs, hidden, 3, False),
        ]

    digits = 2 if c.low_bytes else 1
    first, last = pair("fine", digits * 48 + c.fine_features, c.fine_width, 48)
    aside = Convolution("aside", 4 * c.fine_features, c.width, 1, False)
    return [
        Convolution("head", c.deep_width, c.latent_channels, 1, True),
        *pairs("deep_blocks", c.deep_blocks[1], c.deep_width),
        Convolution("up", 4 * c.width, c.deep_width, 1, False),
        *pairs("blocks", c.blocks[1], c.width),
        Convolution("tail", 3 * 8**2, c.width, 1, False),
        *([aside] if c.fine_features else []),
        first,
        *pairs("fine.blocks", c.fine_blocks, c.fine_width),
        last,
        *pair("finest", digits * 12, c.finest_width, 12),
    ]


def vectors(config: CodecConfig) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shapes and types of the synthesis's other tensors; a row for each quality, or one."""
    latents, pixels = config.latent_channels, 3 * LATENT_STRIDE**2
    return {
        "y.multiplier": ((100, latents), "float32"),
        "scale.multiplier": ((100, config.width), "float32"),
        "x.multiplier": ((48,), "float32"),
        "x2.multiplier": ((12,), "float32"),
        "linear.input": ((100, latents), "float32"),
        "linear.weight": ((pixels, latents), "int16"),
        "linear.multiplier": ((pixels,), "float64"),
        "linear.bias": ((pixels,), "int32"),
    }


def has_means(tensors: Mapping[str, object]) -> bool:
    """Whether a weight file has the means in 8 bits."""
    return f"{MEANS[0]}head.weight" in tensors


def means(ops: MeanOps[Value], psi: Value, latents: Value | None, step: int) -> Value:
    """A step's means from psi and the latents that are known, (1, h, w, N and M), the first's from
    psi alone: whole numbers of `MEAN_STEP`, (1, h/2, w/2, M).

    A byte of psi, 0 to 255, is taken for a signed one as all others are.
    """
    x = ops.whole(psi)
    if latents is not None:
        x = ops.concat(x, ops.to_bytes(ops.scaled(latents, "latents.multiplier")))
    h = ops.conv(ops.conv(x, "head", SIGNED, POSITIVE), "mid", POSITIVE, POSITIVE)
    return ops.group_sums(ops.select(h, step), "tail", POSITIVE)


def fine_rows(size: int) -> list[int]:
    """The order of a 1x1 convolution's outputs for `spread` in steps, the last ones by 2: row,
    column, row, column, row, column, colour instead of colour, row, column (`_to_fine` of
    `aecodec.codec.transforms`).
    """
    times = size // 4
    order = np.arange(3 * size * size).reshape(3, times, 2, 2, times, 2, 2)
    rows: list[int] = order.transpose(1, 4, 2, 5, 3, 6, 0).ravel().tolist()
    return rows


def rotation(side: int) -> AnyArray:
    """Orthogonal rows of small whole numbers: Hadamard's of `side` x `side` pixels (2 or 4), times
    brightness and two colour differences.

    Neighbouring pixels are nearly equal, so that bytes tell all but the means finely.
    """
    pair = np.array([[1, 1], [1, -1]])
    matrix = np.array([[1, 2, 1], [1, 0, -1], [-1, 1, -1]])
    for _ in range(2 if side == 2 else 4):
        matrix = np.kron(pair, matrix)
    return matrix.astype(np.float32)
