"""The denoiser's networks as ONNX graphs; the same as the modules of `aecodec.denoising.model`."""

from __future__ import annotations

from collections.abc import Mapping

from aecodec.denoising.config import LEVEL_UNIT, STRIDE, DenoiserConfig
from aecodec.nn import winograd
from aecodec.nn.arrays import AnyArray
from aecodec.nn.onnx_graph import Graph

NETWORKS = ("estimate", "whiteness", "white", "white_missing", "camera")
_COLOURS = 3
_WIDE = 96  # of fewer channels there are many pixels: tiles take the time that products save


def denoiser_graph(name: str, config: DenoiserConfig, tensors: Mapping[str, AnyArray]) -> Graph:
    """The graph of one of the `NETWORKS`, on (1, C, H, W), H and W multiples of `STRIDE`.

    Raises:
        KeyError: a tensor is missing.
    """
    builder = _Builder(config, tensors)
    if name == "estimate":
        _estimate(builder)
    elif name == "whiteness":
        logits = _observed(builder, name)
        g = builder.graph
        g.output(g.add("GlobalAveragePool", logits), "logit", (1, 1, 1, 1), "float32")
    else:
        network, _, missing = name.partition("_")
        _denoise(builder, network, with_missing=bool(missing))
    return builder.graph


class _Builder:
    """Layers of the modules, by the names of these."""

    def __init__(self, config: DenoiserConfig, tensors: Mapping[str, AnyArray]) -> None:
        self.config, self.graph = config, Graph(tensors)

    def conv(self, x: str, name: str, stride: int = 1, *, relu: bool = False) -> str:
        """A convolution, within its range if it has one, and rectified if asked for."""
        g = self.graph
        outputs, inputs, side, _ = g.tensors[f"{name}.weight"].shape
        parts = [g.floats(f"{name}.weight")]
        if f"{name}.bias" in g.tensors:
            parts.append(g.floats(f"{name}.bias"))
        if stride == 1 and min(outputs, inputs) >= _WIDE and winograd.pays(outputs, inputs, side):
            y = winograd.convolution(g, x, parts[0], (outputs, inputs))
            if len(parts) > 1:
                y = g.add("Add", y, g.reshape(parts[1], (-1, 1, 1)))
        else:
            pads = [side // 2 * (stride == 1)] * 4
            y = g.add("Conv", x, *parts, pads=pads, strides=[stride] * 2)
        if f"{name}.low" not in g.tensors:
            return g.add("Relu", y) if relu else y
        ends = []
        for end in ("low", "high"):
            bound = g.reshape(g.floats(f"{name}.{end}"), (-1, 1, 1))
            # One pass over the map less than to rectify it.
            ends.append(g.add("Relu", bound) if relu else bound)
        return g.add("Min", g.add("Max", y, ends[0]), ends[1])

    def up(self, x: str, name: str) -> str:
        weight = self.graph.floats(f"{name}.weight")
        return self.graph.add("ConvTranspose", x, weight, strides=[2, 2])

    def blocks(self, x: str, name: str, count: int) -> str:
        for number in range(count):
            h = self.conv(x, f"{name}.{number}.conv1", relu=True)
            x = self.graph.add("Add", x, self.conv(h, f"{name}.{number}.conv2"))
        return x

    def unshuffled(self, x: str, name: str, channels: int) -> tuple[str, str]:
        """`pixel_unshuffle` by 2 of so many channels, and the kernel that convolves it.

        Here the channels are in the order row, column, channel.
        """
        g = self.graph
        outputs, _, *sides = g.tensors[f"{name}.weight"].shape
        weight = g.reshape(g.floats(f"{name}.weight"), (outputs, -1, 4, *sides))
        ends = (g.constant([end], "int64") for end in (0, channels, 1))
        weight = g.transpose(g.add("Slice", weight, *ends), 0, 2, 1, 3, 4)
        return (
            g.add("SpaceToDepth", x, blocksize=2),
            g.reshape(weight, (outputs, 4 * channels, *sides)),
        )


def _observed(b: _Builder, estimator: str) -> str:
    """Pixels x to what an estimator's last layer gives, (1, 1, H / 8, W / 8)."""
    g, name = b.graph, f"{estimator}.layers"
    x = g.add("Sub", g.input("x", (1, _COLOURS, "H", "W")), g.constant(0.5, "float32"))
    x, weight = b.unshuffled(x, f"{name}.0", _COLOURS)
    x = g.add("Conv", x, weight, g.floats(f"{name}.0.bias"), pads=[1] * 4)
    for end, operator in (("low", "Max"), ("high", "Min")):
        x = g.add(operator, x, g.reshape(g.floats(f"{name}.0.{end}"), (-1, 1, 1)))
    x = g.add("Relu", x)
    number = 1
    while f"{name}.{number}.weight" in g.tensors:
        stride = 1 if f"{name}.{number}.low" in g.tensors else 2
        x = b.conv(x, f"{name}.{number}", stride, relu=True)
        number += 1
    return b.conv(x, f"{estimator}.tail")


def _estimate(b: _Builder) -> None:
    """Pixels x to the map of noise levels (1, 1, H / 8, W / 8)."""
    g = b.graph
    level = g.add("Softplus", _observed(b, "estimator"))
    level = g.add("Mul", level, g.constant(LEVEL_UNIT, "float32"))
    level = g.add(
        "AveragePool",
        level,
        kernel_shape=[3, 3],
        strides=[1, 1],
        pads=[1] * 4,
        count_include_pad=0,
    )
    g.output(level, "level", (1, 1, "h", "w"), "float32")


def _denoise(b: _Builder, network: str, *, with_missing: bool) -> None:
    """Pixels x, levels (1, 1, H / 8, W / 8) and signs of missing values, if any, to pixels."""
    g, (above, below, bottom) = b.graph, b.config.blocks
    x = g.input("x", (1, _COLOURS, "H", "W"))
    level = g.add(
        "Resize",
        g.input("level", (1, 1, "h", "w")),
        "",
        g.constant([1, 1, STRIDE, STRIDE], "float32"),
        mode="linear",
    )
    inputs = [x, level]
    if with_missing:
        inputs.append(g.input("signs", (1, _COLOURS, "H", "W")))
    count = _COLOURS * (1 + with_missing) + 1
    h, weight = b.unshuffled(g.add("Concat", *inputs, axis=1), f"{network}.head", count)
    fine = b.blocks(g.add("Conv", h, weight, pads=[1] * 4), f"{network}.encode_half", above)
    middle = b.blocks(b.conv(fine, f"{network}.to_quarter", 2), f"{network}.encode_quarter", below)
    coarse = b.blocks(b.conv(middle, f"{network}.to_eighth", 2), f"{network}.bottleneck", bottom)
    middle = g.add("Add", b.up(coarse, f"{network}.from_eighth"), middle)
    middle = b.blocks(middle, f"{network}.decode_quarter", below)
    fine = g.add("Add", b.up(middle, f"{network}.from_quarter"), fine)
    fine = b.conv(b.blocks(fine, f"{network}.decode_half", above), f"{network}.tail")
    change = g.add("DepthToSpace", fine, blocksize=2, mode="CRD")
    g.output(g.add("Add", x, change), "y", (1, _COLOURS, "H", "W"), "float32")
