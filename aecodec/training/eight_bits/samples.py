"""What the layers see and should give, at some positions of some pictures."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.inference import InferenceModel
from aecodec.codec.torch_networks import CodecNetwork
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.blocks import ModulatedConv2d, ResidualBlock
from aecodec.nn.leak import SLOPE

POSITIONS, SEEN = 96, 512  # of a map, at most: of what convolutions see, and of bytes


class Coded(NamedTuple):
    """Latents (1, h, w, M) as a decoder has them, and the quality that they were coded at."""

    quality: int
    latents: FloatArray


def code(model: InferenceModel, crop: AnyArray, quality: int) -> Coded:
    """A crop, uint8 (1, 3, H, W)."""
    y = model.analyse(crop.astype(np.float32) / 255 - np.float32(0.5), quality)
    decoded = model.quantise(y, quality, lambda _symbols, _indices: None, rdoq=True)
    return Coded(quality, np.ascontiguousarray(decoded.transpose(0, 2, 3, 1)))


def positions(
    name: str, number: int, height: int, width: int, most: int = POSITIONS
) -> tuple[AnyArray, AnyArray]:
    """Rows and columns: always the same of a layer and the number of a picture."""
    count = height * width
    if count <= most:
        places = np.arange(count)
    else:
        rng = np.random.default_rng(zlib.crc32(f"{name} {number}".encode()))
        places = rng.choice(count, most, replace=False)
    return places // width, places % width


@dataclass
class Floats:
    """Of the float synthesis.

    Attributes:
        wanted: of each convolution what it should give, (N, out): its output before modulation,
            clamping and activation.
        inputs: of each convolution what it sees, (N, in, kernel).
        seen: of each place where bytes are to be, its values, (N, C).
        least, most: the range there of all positions, (C,).
    """

    wanted: dict[str, FloatArray]
    inputs: dict[str, FloatArray]
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
        """Of a map (1, C, h, w), at the positions of a place, or of bytes at more."""
        plane = x[0].float().numpy()
        height, width = plane.shape[1:]
        rows, columns = positions(
            place or name, self.number, height, width, POSITIONS if place else SEEN
        )
        self.samples.setdefault(name, []).append(plane[:, rows, columns].T)
        least, most = plane.min((1, 2)), plane.max((1, 2))
        self.least[name] = np.minimum(self.least.get(name, least), least)
        self.most[name] = np.maximum(self.most.get(name, most), most)

    def conv(self, name: str, x: Tensor, y: Tensor, kernel: int) -> None:
        """What a convolution sees and gives, maps (1, C, h, w)."""
        self(f"wanted {name}", y, name)
        side = kernel // 2
        padded = np.pad(x[0].float().numpy(), ((0, 0), (side, side), (side, side)))
        rows, columns = positions(name, self.number, *y.shape[2:])
        offsets = range(kernel)
        places = [padded[:, rows + down, columns + right] for down in offsets for right in offsets]
        self.samples.setdefault(f"inputs {name}", []).append(np.stack(places, -1).swapaxes(0, 1))

    def floats(self) -> Floats:
        parts = {name: np.concatenate(parts) for name, parts in self.samples.items()}
        wanted, inputs, seen = (
            {name.removeprefix(kind): x for name, x in parts.items() if name.startswith(kind)}
            for kind in ("wanted ", "inputs ", "seen ")
        )
        least, most = (
            {name: extremes[f"seen {name}"] for name in seen}
            for extremes in (self.least, self.most)
        )
        return Floats(wanted, inputs, seen, least, most)


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
        record.conv("tail", h, F.conv2d(h, weight, synthesis.tail.bias), 1)

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
    if isinstance(module, ResidualBlock) or name == "fine":
        pixels = {"fine": "x", "finest": "x2"}.get(name)
        stream = name.replace("deep_blocks", "deep").replace("fine.blocks", "fine")
        stream = stream.replace("blocks", "mid")

        def block(_module: nn.Module, inputs: Any, y: Tensor) -> None:
            if pixels:
                record(f"seen {pixels}", inputs[0])
            else:
                start, number = stream.split(".")
                record(f"seen {start}.{int(number) + 1}", y)

        module.register_forward_hook(block)
    elif isinstance(module, nn.Conv2d):

        def conv(module: nn.Conv2d, inputs: Any, y: Tensor) -> None:
            plain = module._conv_forward(inputs[0], module.weight, module.bias)
            record.conv(name, inputs[0], plain, module.kernel_size[0])
            if isinstance(module, ModulatedConv2d):
                record(f"seen {name}", F.leaky_relu(y, SLOPE))
            elif name == "aside":
                cells = y.reshape(1, 4, -1, *y.shape[2:])  # row, column, feature
                record("seen features", cells.transpose(1, 2).flatten(2, 3))

        module.register_forward_hook(conv)
