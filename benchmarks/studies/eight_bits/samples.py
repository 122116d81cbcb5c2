"""What the layers see and should give, at some positions of some pictures."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.inference import InferenceModel
from aecodec.codec.torch_networks import CodecNetwork
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.blocks import ModulatedConv2d, ResidualBlock
from benchmarks.studies.eight_bits.layers import PIXEL_STEP
from benchmarks.studies.eight_bits.onnx_ops import OnnxNetwork, OnnxOps

POSITIONS = 512  # of a map, at most
_SLOPE = 0.01  # of leaky ReLUs


class Coded(NamedTuple):
    """Latents (1, h, w, M) as a decoder has them, and the quality that they were coded at."""

    quality: int
    latents: FloatArray


def code(model: InferenceModel, crop: AnyArray, quality: int) -> Coded:
    """A crop, uint8 (1, 3, H, W)."""
    y = model.analyse(crop.astype(np.float32) / 255 - np.float32(0.5), quality)
    decoded = model.quantise(y, quality, lambda _symbols, _indices: None, rdoq=True)
    return Coded(quality, np.ascontiguousarray(decoded.transpose(0, 2, 3, 1)))


def positions(name: str, number: int, height: int, width: int) -> tuple[AnyArray, AnyArray]:
    """Rows and columns: always the same of a layer and the number of a picture."""
    count = height * width
    if count <= POSITIONS:
        places = np.arange(count)
    else:
        rng = np.random.default_rng(zlib.crc32(f"{name} {number}".encode()))
        places = rng.choice(count, POSITIONS, replace=False)
    return places // width, places % width


@dataclass
class Floats:
    """Of the float synthesis.

    Attributes:
        wanted: of each convolution what it should give, (N, out): its output before modulation
            and activation or, for one that ends a residual block, what the block gives.
        seen: of each place where bytes are to be, its values, (N, C).
        least, most: the range there of all positions, (C,).
    """

    wanted: dict[str, FloatArray]
    seen: dict[str, FloatArray]
    least: dict[str, FloatArray]
    most: dict[str, FloatArray]


@dataclass
class Recorder:
    """Keeps samples of the maps of one picture after the other.

    Attributes:
        number: of the picture.
    """

    number: int = 0
    samples: dict[str, list[FloatArray]] = field(default_factory=dict)
    least: dict[str, FloatArray] = field(default_factory=dict)
    most: dict[str, FloatArray] = field(default_factory=dict)

    def __call__(self, name: str, x: Tensor, place: str | None = None) -> None:
        """Of a map (1, C, h, w), at the positions of a place."""
        plane = x[0].float().numpy()
        rows, columns = positions(place or name, self.number, *plane.shape[1:])
        self.samples.setdefault(name, []).append(plane[:, rows, columns].T)
        least, most = plane.min((1, 2)), plane.max((1, 2))
        self.least[name] = np.minimum(self.least.get(name, least), least)
        self.most[name] = np.maximum(self.most.get(name, most), most)

    def floats(self) -> Floats:
        parts = {name: np.concatenate(parts) for name, parts in self.samples.items()}
        wanted, seen = (
            {name.removeprefix(kind): x for name, x in parts.items() if name.startswith(kind)}
            for kind in ("wanted ", "seen ")
        )
        least, most = (
            {name: extremes[f"seen {name}"] for name in seen}
            for extremes in (self.least, self.most)
        )
        return Floats(wanted, seen, least, most)


@torch.inference_mode()
def float_samples(
    config: CodecConfig, tensors: Mapping[str, AnyArray], coded: Sequence[Coded]
) -> Floats:
    """Of the synthesis as it is, in float32."""
    network = CodecNetwork.load(config, tensors, "cpu")
    synthesis, record = network.synthesis, Recorder()
    for name, module in synthesis.named_modules():
        _record_module(record, name, module)
    synthesis.deep_scale.register_forward_hook(lambda _m, _i, y: record("seen deep.0", y))
    synthesis.blocks[0].register_forward_pre_hook(lambda _m, x: record("seen mid.0", x[0]))

    def tail(_module: nn.Module, _inputs: Any, h: Tensor) -> None:
        record("seen scale", h)
        weight = synthesis.tail.weight
        record("wanted tail", F.conv2d(h, weight, synthesis.tail.bias), "tail")

    synthesis.scale.register_forward_hook(tail)
    for number, one in enumerate(coded):
        record.number = number
        quality = network.quality_tensor(one.quality)
        y = torch.from_numpy(one.latents).permute(0, 3, 1, 2) * network.gain(quality)[1]
        record("seen y", y)
        synthesis(y, quality)
    return record.floats()


def _record_module(record: Recorder, name: str, module: nn.Module) -> None:
    """Have a module of the synthesis tell what it gives; and, what bytes it sees."""
    if isinstance(module, ResidualBlock) or name == "fine":  # what their last convolution ends in
        pixels = {"fine": "x", "finest": "x2"}.get(name)
        stream = name.replace("deep_blocks", "deep").replace("fine.blocks", "fine")
        stream = stream.replace("blocks", "mid")

        def block(_module: nn.Module, inputs: Any, y: Tensor) -> None:
            record(f"wanted {name}.conv2", y, f"{name}.conv2")
            if pixels:
                record(f"seen {pixels}", inputs[0])
            else:
                start, number = stream.split(".")
                record(f"seen {start}.{int(number) + 1}", y)

        module.register_forward_hook(block)
    elif isinstance(module, nn.Conv2d) and not name.endswith("conv2"):

        def conv(module: nn.Conv2d, inputs: Any, y: Tensor) -> None:
            plain = module._conv_forward(inputs[0], module.weight, module.bias)
            record(f"wanted {name}", plain, name)
            if isinstance(module, ModulatedConv2d):
                record(f"seen {name}", F.leaky_relu(y, _SLOPE))
            elif name == "aside":
                cells = y.reshape(1, 4, -1, *y.shape[2:])  # row, column, feature
                record("seen features", cells.transpose(1, 2).flatten(2, 3))

        module.register_forward_hook(conv)


@dataclass
class Bytes:
    """Of the synthesis in 8 bits.

    Attributes:
        seen: of each convolution its inputs, (N, in * kernel), and their zero point.
        before: of each that ends a residual block, what it is added to: bytes less their zero
            point, or pixels, (N, out).
    """

    seen: dict[str, tuple[npt.NDArray[np.uint8], int]]
    before: dict[str, FloatArray]

    def less_zero(self, name: str) -> FloatArray:
        """The inputs of a convolution less their zero point."""
        values, zero = self.seen[name]
        return values.astype(np.float32) - zero


def byte_samples(ops: OnnxOps, inputs: Sequence[tuple[int, Mapping[str, FloatArray]]]) -> Bytes:
    """At the same positions as those of floats.

    Args:
        ops: that made the graph.
        inputs: for each picture its quality and the inputs of the network.
    """
    g = ops.graph

    def tap(prefix: str, name: str, value: str, dtype: str) -> None:
        sides = (f"{side} {prefix} {name}" for side in "hwc")
        g.output(value, f"{prefix} {name}", (1, *sides), dtype)

    for name, (value, _) in ops.inputs.items():
        tap("to", name, value, "uint8")
    # Pixels are added to three times: by the tail, then by the two last convolutions.
    ends = dict(zip(("fine.conv2", "finest.conv2"), ops.pixels[1:], strict=False))
    for name, value in ends.items():
        tap("before", name, value, "float32")
    network = OnnxNetwork(g)
    seen: dict[str, list[AnyArray]] = {}
    before: dict[str, list[FloatArray]] = {}
    for number, (quality, maps) in enumerate(inputs):
        found = network(quality, **maps)
        for name, (_, zero) in ops.inputs.items():
            x = found[f"to {name}"][0]
            rows, columns = positions(name, number, *x.shape[:2])
            patches = list(_patches(x, rows, columns, ops.sides[name], zero))
            seen.setdefault(name, []).append(np.stack(patches, -1).reshape(len(rows), -1))
            if name in ends:
                values = found[f"before {name}"][0][rows, columns] * np.float32(PIXEL_STEP)
            elif name.endswith("conv2"):
                stream = name.removesuffix("2") + "1"
                values = found[f"to {stream}"][0][rows, columns].astype(np.float32)
                values -= ops.inputs[stream][1]
            else:
                continue
            before.setdefault(name, []).append(values)
    return Bytes(
        {name: (np.concatenate(parts), ops.inputs[name][1]) for name, parts in seen.items()},
        {name: np.concatenate(parts) for name, parts in before.items()},
    )


def _patches(
    x: AnyArray, rows: AnyArray, columns: AnyArray, side: int, zero: int
) -> Iterator[AnyArray]:
    """What a kernel sees at positions of a map (h, w, C): (N, C) for each of its places."""
    padded = np.pad(x, ((side, side), (side, side), (0, 0)), constant_values=zero)
    for down in range(2 * side + 1):
        for right in range(2 * side + 1):
            yield padded[rows + down, columns + right]
