"""The codec's networks as ONNX graphs; the same as the modules of
`aecodec.codec.torch_networks`.

Maps come and go as (1, h, w, C): channels-last, as pixels are. Between 3x3 convolutions they are
(1, C, h, w), which is what ONNX Runtime convolves. An input named as a tensor of the weight file is
what that table has at the quality asked for.

3x3 convolutions of the floating-point networks are written with fewer products (Winograd). They
give the same maps but for the last bits, and the same symbols: the layers that these depend on stay
as they are. What has 8 bits is added by `aecodec.codec.eight_bits.onnx_ops`.
"""

from __future__ import annotations

from collections.abc import Mapping

from aecodec.codec import fast
from aecodec.codec.config import CodecConfig
from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.eight_bits.layers import has_means, has_synthesis
from aecodec.codec.eight_bits.onnx_ops import add_means, add_synthesis
from aecodec.codec.scales import SCALE_LEVELS
from aecodec.codec.steps import GROUPS, STEPS, parities
from aecodec.nn import winograd
from aecodec.nn.arrays import AnyArray
from aecodec.nn.integer_units import ACTIVATION_MAX, ACTIVATION_STEP
from aecodec.nn.leak import SLOPE
from aecodec.nn.onnx_graph import Graph

DECODER_NETWORKS = (
    "hyper_prior",
    "hyper_synthesis",
    *(f"step{step}" for step in range(STEPS)),
    "synthesis",
)
NETWORKS = ("analysis", "hyper_analysis", *DECODER_NETWORKS)


def networks_of(tensors: Mapping[str, object]) -> list[str]:
    """The names of those that a weight file's tensors, and those beside it, are of."""
    more = {"fast_analysis": fast.has_analysis, "fast_synthesis": fast.has_synthesis}
    return [*NETWORKS, *(name for name, has in more.items() if has(tensors))]


def codec_graph(name: str, config: CodecConfig, tensors: Mapping[str, AnyArray]) -> Graph:
    """The graph of one of `networks_of`.

    Synthesis and means are those in 8 bits where the weight file has them.

    Args:
        name: of the network.
        config, tensors: of the weight file.

    Raises:
        KeyError: a tensor is missing.
    """
    builder = _Builder(config, Graph(tensors))
    if name == "synthesis" and has_synthesis(tensors):
        add_synthesis(builder.graph, config)
    elif name == "fast_synthesis":
        add_synthesis(builder.graph, fast.fast_config(config), fast.SYNTHESIS)
    elif name == "fast_analysis":
        _analysis(_Builder(fast.fast_config(config), builder.graph), fast.ANALYSIS)
    elif name.startswith("step"):
        _step(builder, int(name.removeprefix("step")))
    else:
        {
            "analysis": _analysis,
            "hyper_analysis": _hyper_analysis,
            "hyper_prior": _hyper_prior,
            "hyper_synthesis": _hyper_synthesis,
            "synthesis": _synthesis,
        }[name](builder)
    return builder.graph


class _Builder:
    """Layers of the codec's modules, by the names of these."""

    def __init__(self, config: CodecConfig, graph: Graph) -> None:
        self.config, self.graph = config, graph

    # ---- what depends on the quality -------------------------------------------------------------

    def table(self, name: str) -> str:
        """The vector of a table at the quality."""
        tensor = self.graph.tensors[name]
        return self.graph.input(name, tensor.shape[1:], "float32")

    def factor(self, x: str, name: str) -> str:
        """(..., C) times the exponential of a table."""
        return self.graph.add("Mul", x, self.graph.add("Exp", self.table(f"{name}.values")))

    def scaled(self, x: str, name: str) -> str:
        """The same of (1, C, h, w)."""
        factor = self.graph.add("Exp", self.table(f"{name}.values"))
        return self.graph.add("Mul", x, self.graph.reshape(factor, (-1, 1, 1)))

    # ---- layers on (1, h, w, C) ------------------------------------------------------------------

    def matmul(self, x: str, weight: str, bias: str | None = None) -> str:
        y = self.graph.add("MatMul", x, weight)
        return self.graph.add("Add", y, bias) if bias else y

    def linear(self, x: str, name: str) -> str:
        """A 1x1 convolution."""
        return self.matmul(x, self.columns(name), self.graph.floats(f"{name}.bias"))

    def columns(self, name: str, start: int = 0, stop: int | None = None) -> str:
        """The weight of a 1x1 convolution as a matrix (in, out), of some inputs."""
        g = self.graph
        outputs, inputs = g.tensors[f"{name}.weight"].shape[:2]
        weight = g.reshape(g.floats(f"{name}.weight"), (outputs, inputs))
        if start or stop:
            ends = (g.constant([end], "int64") for end in (start, stop or inputs, 1))
            first, last, axis = ends
            weight = g.add("Slice", weight, first, last, axis)
        return g.transpose(weight, 1, 0)

    # ---- layers on (1, C, h, w) ------------------------------------------------------------------

    def planes(self, x: str) -> str:
        """(1, h, w, C) to (1, C, h, w)."""
        return self.graph.transpose(x, 0, 3, 1, 2)

    def pixels(self, x: str) -> str:
        """(1, C, h, w) to (1, h, w, C)."""
        return self.graph.transpose(x, 0, 2, 3, 1)

    def leaky(self, x: str) -> str:
        return self.graph.add("LeakyRelu", x, alpha=SLOPE)

    def conv(self, x: str, name: str, stride: int = 1) -> str:
        weight, bias = (self.graph.floats(f"{name}.{part}") for part in ("weight", "bias"))
        return self._conv(x, name, weight, bias, stride)

    def _conv(
        self, x: str, name: str, weight: str, bias: str, stride: int = 1, scale: str | None = None
    ) -> str:
        """`scale` (O,) multiplies the weights of each output."""
        g = self.graph
        outputs, inputs, side, _ = g.tensors[f"{name}.weight"].shape
        if stride == 1 and winograd.pays(outputs, inputs, side):
            y = winograd.convolution(g, x, weight, (outputs, inputs), scale)
            return g.add("Add", y, g.reshape(bias, (-1, 1, 1)))
        if scale:
            weight = g.add("Mul", weight, g.reshape(scale, (-1, 1, 1, 1)))
        return g.add("Conv", x, weight, bias, pads=[side // 2] * 4, strides=[stride] * 2)

    def clamp(self, x: str, name: str, *, planes: bool = True) -> str:
        """To the range of a `BoundedConv2d`."""
        g = self.graph
        low, high = (g.floats(f"{name}.{bound}") for bound in ("low", "high"))
        if planes:
            low, high = (g.reshape(bound, (-1, 1, 1)) for bound in (low, high))
        return g.add("Min", g.add("Max", x, low), high)

    def bounded(self, x: str, name: str) -> str:
        return self.clamp(self.conv(x, name), name)

    def modulated(self, x: str, name: str) -> str:
        """A `ModulatedConv2d` and a leaky ReLU.

        Passes over maps take time: weights are scaled, not the map, and it is clamped after the
        leaky ReLU, to the range as that makes it.
        """
        g = self.graph
        weight, bias = (g.floats(f"{name}.{part}") for part in ("weight", "bias"))
        scale = None
        if f"{name}.modulation.values" in g.tensors:
            scale, shift = g.split(self.table(f"{name}.modulation.values"), 0, 2)
            scale = g.add("Add", scale, g.constant(1, "float32"))
            bias = g.add("Add", g.add("Mul", bias, scale), shift)
        h = self.leaky(self._conv(x, name, weight, bias, scale=scale))
        low, high = (
            g.reshape(self.leaky(g.floats(f"{name}.{bound}")), (-1, 1, 1))
            for bound in ("low", "high")
        )
        return g.add("Min", g.add("Max", h, low), high)

    def block(self, x: str, name: str) -> str:
        h = self.modulated(x, f"{name}.conv1")
        return self.graph.add("Add", x, self.bounded(h, f"{name}.conv2"))

    def blocks(self, x: str, name: str, count: int) -> str:
        for number in range(count):
            x = self.block(x, f"{name}.{number}")
        return x

    def to_fine(self, x: str, name: str, size: int) -> str:
        """`pixel_shuffle` by `size` of a 1x1 convolution, before its last two by 2.

        Channels are then in the order row, column, row, column, colour.
        """
        g, times = self.graph, size // 4
        inputs = g.tensors[f"{name}.weight"].shape[1]
        weight, bias = (g.floats(f"{name}.{part}") for part in ("weight", "bias"))
        weight = g.reshape(weight, (3, times, 2, 2, times, 2, 2, inputs))
        weight = g.reshape(g.transpose(weight, 1, 4, 2, 5, 3, 6, 0, 7), (-1, inputs, 1, 1))
        bias = g.reshape(bias, (3, times, 2, 2, times, 2, 2))
        bias = g.reshape(g.transpose(bias, 1, 4, 2, 5, 3, 6, 0), (-1,))
        return g.add("DepthToSpace", g.add("Conv", x, weight, bias), blocksize=times)

    # ---- integers --------------------------------------------------------------------------------

    def requantised(self, sums: str, name: str, *, planes: bool, activation: bool = True) -> str:
        """As `ExactConv2d` does: the same integers."""
        g = self.graph
        bias, multiplier = self.table(f"{name}.bias"), g.floats(f"{name}.multiplier")
        if planes:
            bias, multiplier = (g.reshape(vector, (-1, 1, 1)) for vector in (bias, multiplier))
        y = g.add("Round", g.add("Mul", g.add("Add", sums, bias), multiplier))
        if not activation:
            return y
        return g.add("Clip", y, *(g.constant(end, "float32") for end in (0, ACTIVATION_MAX)))

    def sums(self, x: str, name: str, groups: int = 1) -> str:
        g = self.graph
        side = g.tensors[f"{name}.weight"].shape[2] // 2
        return g.add("Conv", x, g.floats(f"{name}.weight"), pads=[side] * 4, group=groups)

    def exact(self, x: str, name: str) -> str:
        return self.requantised(self.sums(x, name), name, planes=True)

    def index(self, x: str, name: str, groups: int = 1) -> str:
        """Scale indices (1, h, w, C), the last layer of a network."""
        g = self.graph
        sums = self.sums(x, name, groups)
        index = self.requantised(sums, name, planes=True, activation=False)
        ends = (g.constant(end, "float32") for end in (0, SCALE_LEVELS - 1))
        return self.pixels(g.cast(g.add("Clip", index, *ends), "uint8"))

    def select(self, x: str, step: int) -> str:
        """(1, C, h, w) to (1, 4C, h/2, w/2): for each group, the positions of a step."""
        g = self.graph
        cells = g.split(g.add("SpaceToDepth", x, blocksize=2), 1, 4)
        return g.add("Concat", *(cells[2 * r + c] for r, c in parities(step)), axis=1)


def _analysis(b: _Builder, network: str = "analysis") -> None:
    """Pixels, as they lie in memory: x16 (h, 16, w, 48), and again x8 (2h, 8, 2w, 24)."""
    c, g = b.config, b.graph
    stride = LATENT_STRIDE

    def of_patches(name: str, size: int) -> str:
        x = g.input(f"x{size}", (f"h{size}", size, f"w{size}", 3 * size))
        x = g.reshape(g.transpose(x, 0, 2, 1, 3), (0, 0, 3 * size * size))
        weight = g.reshape(g.floats(f"{name}.weight"), (-1, 3, size, size))
        weight = g.reshape(g.transpose(weight, 2, 3, 1, 0), (3 * size * size, -1))
        return b.matmul(x, weight, g.floats(f"{name}.bias"))

    h = b.factor(of_patches(f"{network}.head", 8), f"{network}.scale.log_scale")
    h = b.planes(g.add("Unsqueeze", h, g.constant([0], "int64")))
    h = b.blocks(h, f"{network}.blocks", c.blocks[0])
    weight = g.reshape(g.floats(f"{network}.down.weight"), (-1, c.width, 2, 2))
    h = g.add("Conv", h, weight, g.floats(f"{network}.down.bias"), strides=[2, 2])
    h = b.scaled(b.clamp(h, f"{network}.down"), f"{network}.deep_scale.log_scale")
    h = b.blocks(h, f"{network}.deep_blocks", c.deep_blocks[0])
    h = b.pixels(b.bounded(h, f"{network}.tail"))
    y = g.add("Add", of_patches(f"{network}.linear", stride), h)
    y = b.factor(y, "gain.log_gain")
    g.output(y, "y", (1, "h", "w", c.latent_channels), "float32")


def _hyper_analysis(b: _Builder) -> None:
    c, g = b.config, b.graph
    y = g.input("y", (1, "h", "w", c.latent_channels))
    root = g.add("Sqrt", g.add("Add", g.add("Mul", y, y), g.constant(1, "float32")))
    log = g.add("Log", g.add("Add", g.add("Abs", y), root))
    h = b.linear(g.add("Mul", g.add("Sign", y), log), "hyper_analysis.head")
    h = b.planes(b.leaky(b.factor(h, "hyper_analysis.scale.log_scale")))
    h = b.leaky(b.conv(h, "hyper_analysis.mid", stride=2))
    z = b.pixels(b.conv(h, "hyper_analysis.tail", stride=2))
    g.output(z, "z", (1, "hz", "wz", c.hyper_channels), "float32")


def _hyper_prior(b: _Builder) -> None:
    c, g = b.config, b.graph
    known = b.planes(g.input("known", (1, "hz", "wz", 2 * c.hyper_channels + GROUPS)))
    h, name = b.exact(known, "hyper_prior.head"), "hyper_prior"
    mean = b.requantised(b.sums(h, f"{name}.mean"), f"{name}.mean", planes=True, activation=False)
    g.output(b.pixels(mean), "mean", (1, "hz", "wz", c.hyper_channels), "float32")
    g.output(b.index(h, f"{name}.scale"), "index", (1, "hz", "wz", c.hyper_channels), "uint8")


def _hyper_synthesis(b: _Builder) -> None:
    c, g = b.config, b.graph
    z = b.planes(g.input("z", (1, "hz", "wz", c.hyper_channels)))
    name = "prior.hyper_synthesis"
    h = g.add("DepthToSpace", b.exact(z, f"{name}.head"), blocksize=2, mode="CRD")
    h = b.exact(b.exact(h, f"{name}.mid"), f"{name}.up")
    h = g.add("DepthToSpace", h, blocksize=2, mode="CRD")
    psi = b.pixels(b.exact(h, f"{name}.tail"))
    g.output(psi, "psi", (1, "h", "w", c.hyper_channels), "float32")


def _step(b: _Builder, step: int) -> None:
    """psi and, from the second step on, what is known of the latents, to means and indices."""
    c, g = b.config, b.graph
    psi = g.input("psi", (1, "h", "w", c.hyper_channels))
    names = ("latents", "magnitudes") if step else ()
    known = [g.input(name, (1, "h", "w", c.latent_channels)) for name in names]
    latents, magnitudes = known or (None, None)

    def head(name: str, context: str | None, unit: float = 1) -> str:
        """The sums of a 1x1 convolution of psi, times its unit, and of the context."""
        weight = b.columns(name, 0, c.hyper_channels)
        if unit != 1:
            weight = g.add("Mul", weight, g.constant(unit, "float32"))
        sums = g.add("MatMul", psi, weight)
        if context is None:
            return sums
        return g.add("Add", sums, g.add("MatMul", context, b.columns(name, c.hyper_channels)))

    if has_means(g.tensors):
        mean = add_means(g, psi, latents, step)
    else:
        name = f"prior.means.{step}"
        context = b.factor(latents, "gain.log_inverse") if latents else None
        sums = head(f"{name}.head", context, ACTIVATION_STEP)
        h = g.add("Add", sums, g.floats(f"{name}.head.bias"))
        h = b.planes(b.leaky(b.factor(h, f"{name}.scale.log_scale")))
        h = b.select(b.leaky(b.conv(h, f"{name}.mid")), step)
        weight, bias = (g.floats(f"{name}.tail.{part}") for part in ("weight", "bias"))
        mean = b.pixels(g.add("Conv", h, weight, bias, group=GROUPS))
        mean = b.factor(mean, "gain.log_gain")
    g.output(mean, "mean", (1, "h2", "w2", c.latent_channels), "float32")

    name = f"prior.scales.{step}"
    h = b.requantised(head(f"{name}.head", magnitudes), f"{name}.head", planes=False)
    h = b.exact(b.planes(h), f"{name}.hidden")
    index = b.index(b.select(h, step), f"{name}.out", GROUPS)
    g.output(index, "index", (1, "h2", "w2", c.latent_channels), "uint8")


def _synthesis(b: _Builder) -> None:
    """Scaled latents to pixels (1, H, W, 3)."""
    c, g = b.config, b.graph
    latents = g.input("latents", (1, "h", "w", c.latent_channels))
    y = b.factor(latents, "gain.log_inverse")
    name = "synthesis"
    y = b.planes(y)
    h = b.scaled(b.bounded(y, f"{name}.head"), f"{name}.deep_scale.log_scale")
    h = b.blocks(h, f"{name}.deep_blocks", c.deep_blocks[1])
    h = g.add("DepthToSpace", b.bounded(h, f"{name}.up"), blocksize=2, mode="CRD")
    h = b.blocks(h, f"{name}.blocks", c.blocks[1])
    x = b.to_fine(b.scaled(h, f"{name}.scale.log_scale"), f"{name}.tail", 8)
    x = g.add("Add", b.to_fine(y, f"{name}.linear", LATENT_STRIDE), x)
    fine = x
    if c.fine_features:
        features = g.add("DepthToSpace", b.bounded(h, f"{name}.aside"), blocksize=2)
        fine = g.add("Concat", x, features, axis=1)
    h = b.blocks(b.modulated(fine, f"{name}.fine.conv1"), f"{name}.fine.blocks", c.fine_blocks)
    x = g.add("Add", x, b.bounded(h, f"{name}.fine.conv2"))
    x = b.block(g.add("DepthToSpace", x, blocksize=2), f"{name}.finest")
    x = g.add("DepthToSpace", x, blocksize=2)
    g.output(x, "x", (1, 3, "H", "W"), "float32")
