"""What `ablate_codec.py` compares: the codec, but for one thing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.model import CodecModel
from aecodec.codec.prior import AtQuality, MeanNetwork
from aecodec.codec.steps import STEPS, pack, place, select
from aecodec.codec.transforms import AnalysisTransform, SynthesisTransform, dct_matrix
from aecodec.codec.walk import magnitude_activation
from aecodec.nn.blocks import ResidualBlock, ResidualBlocks
from aecodec.nn.integer import QuantAwareConv2d
from aecodec.nn.integer_units import ACTIVATION_STEP
from aecodec.nn.leak import SLOPE
from aecodec.training.recipe import CodecRecipe


@dataclass(frozen=True)
class Variant:
    """What is other than in the control: the recipe, the learning rate, the model, the activation,
    how much of the noisy bits' gradient the latents get."""

    recipe: dict[str, Any] = field(default_factory=dict)
    rate: float = 1.0
    change: Callable[[CodecModel], None] = lambda model: None
    activation: Callable[[Tensor, float], Tensor] = F.leaky_relu
    slope: float = CodecRecipe.noisy_slope


class Blind(nn.Module):
    """A network of the context that does not see what some steps decoded."""

    def __init__(self, network: nn.Module, hidden: Sequence[int], latents: int) -> None:
        super().__init__()
        self.network, self.hidden, self.latents = network, hidden, latents

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        x = x.clone()  # `place` may write into it, and others see more
        for step in self.hidden:
            x = place(x, x.new_zeros(batch, self.latents, height // 2, width // 2), step)
        return self.network(x, quality)


def see_less(hidden: dict[int, Sequence[int]]) -> Callable[[CodecModel], None]:
    """Hide from the networks of a step what others decoded."""

    def change(model: CodecModel) -> None:
        for networks in (model.prior.scales, model.prior.means):
            for step, steps in hidden.items():
                networks[step] = Blind(networks[step], steps, model.config.latent_channels)

    return change


class FloatConv2d(QuantAwareConv2d):
    """The same layer without integers: no rounding, no upper bound."""

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2
        total = F.conv2d(x, self.weight, padding=padding, groups=self.groups).float()
        out = (total * self.in_step + self.bias(quality)[:, :, None, None]) / self.out_step
        return F.relu(out) if self.activation else out


def floats(model: CodecModel) -> None:
    for module in model.modules():
        if isinstance(module, QuantAwareConv2d):
            module.__class__ = FloatConv2d


@torch.no_grad()
def without_linear_path(model: CodecModel) -> None:
    """The transforms begin as other networks do, their last layers not small."""
    for transform in (model.analysis, model.synthesis):
        transform.linear.weight.zero_()
        transform.linear.requires_grad_(False)
        transform.tail.weight.mul_(10)


@torch.no_grad()
def linear_path_at_random(model: CodecModel) -> None:
    model.analysis.linear.reset_parameters()
    model.synthesis.linear.reset_parameters()


@torch.no_grad()
def haar_wavelet(model: CodecModel) -> None:
    """The linear path begins as a Haar transform of four levels instead of a DCT."""
    size = LATENT_STRIDE
    rows = [torch.full((size,), 1 / math.sqrt(size))]
    for length in (16, 8, 4, 2):
        wavelet = torch.cat([torch.ones(length // 2), -torch.ones(length // 2)]) / math.sqrt(length)
        rows += [F.pad(wavelet, (at, size - at - length)) for at in range(0, size, length)]
    haar = torch.stack(rows)
    # Each component of the DCT becomes the Haar component of the same number, coarse first.
    swap = (dct_matrix(size).T @ haar.double()).float()
    patches = model.analysis.linear.weight[:, :, 0, 0].unflatten(1, (3, size, size))
    turned = torch.einsum("mcij,ia,jb->mcab", patches, swap, swap).flatten(1)
    model.analysis.linear.weight.copy_(turned[:, :, None, None])
    model.synthesis.linear.weight.copy_(turned.t()[:, :, None, None])


def fixed_gains(model: CodecModel) -> None:
    """One gain for all channels, set by lambda, instead of learned ones."""
    model.gain.requires_grad_(False)


def only_the_synthesis(model: CodecModel) -> None:
    """The decoder's transform and inverse gains learn, from rounded latents; nothing else does."""
    model.requires_grad_(False)
    model.synthesis.requires_grad_(True)
    model.gain.log_inverse.requires_grad_(True)


class Unchanged(nn.Module):
    """In the place of a residual block."""

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        return x


def leaner(deep: int, middle: int, fine: int, finest: bool = True) -> Callable[[CodecModel], None]:
    """The synthesis alone, with its first so many blocks at 1/16, 1/8 and 1/4 of the resolution,
    and the one at 1/2 or not."""

    def change(model: CodecModel) -> None:
        synthesis = model.synthesis
        for name, count in (("deep_blocks", deep), ("blocks", middle)):
            del getattr(synthesis, name)[count:]
        del synthesis.fine.blocks[fine:]
        if not finest:
            synthesis.finest = cast(ResidualBlock, Unchanged())
        only_the_synthesis(model)

    return change


def leaner_analysis(deep: int, middle: int) -> Callable[[CodecModel], None]:
    """The analysis alone, with its first so many blocks at 1/16 and 1/8 of the resolution."""

    def change(model: CodecModel) -> None:
        del model.analysis.deep_blocks[deep:]
        del model.analysis.blocks[middle:]
        model.requires_grad_(False)
        model.analysis.requires_grad_(True)

    return change


def hidden_channels(factor: float) -> Callable[[CodecModel], None]:
    """Residual blocks at 1/8 and 1/16 with more, or fewer, channels between their convolutions."""

    def change(model: CodecModel) -> None:
        for blocks, channels in stacks(model):
            anchors = model.config.modulation_anchors
            for n in range(len(blocks)):
                blocks[n] = ResidualBlock(channels, round(factor * channels), anchors)

    return change


def stacks(model: CodecModel) -> list[tuple[ResidualBlocks, int]]:
    """The residual blocks at 1/8 and 1/16, and their channels."""
    c = model.config
    return [
        part
        for transform in (model.analysis, model.synthesis)
        if isinstance(transform, AnalysisTransform | SynthesisTransform)
        for part in ((transform.blocks, c.width), (transform.deep_blocks, c.deep_width))
    ]


class DepthwiseBlock(nn.Module):
    """Depthwise 5x5, then 1x1 convolutions (Liu et al., 2022, arXiv:2201.03545).

    Not modulated by the quality, as the blocks are that it stands for.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.conv1 = nn.Conv2d(channels, 4 * channels, 1)
        self.conv2 = nn.Conv2d(4 * channels, channels, 1)
        with torch.no_grad():
            self.conv2.weight.mul_(0.3)

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        return x + self.conv2(F.leaky_relu(self.conv1(self.depthwise(x)), 0.01))


def depthwise_blocks(model: CodecModel) -> None:
    for blocks, channels in stacks(model):
        for n in range(len(blocks)):
            blocks[n] = DepthwiseBlock(channels)


class HaarWeight(nn.Module):
    """A 1x1 convolution next to a pixel (un)shuffle sees, or gives, Haar coefficients instead.

    Args:
        size: side of the patches.
        of_inputs: it sees them.
    """

    def __init__(self, size: int, of_inputs: bool) -> None:
        super().__init__()
        rows = [torch.full((size,), size**-0.5)]
        length = size
        while length > 1:
            half = torch.ones(length // 2)
            wavelet = torch.cat([half, -half]) / math.sqrt(length)
            rows += [F.pad(wavelet, (at, size - at - length)) for at in range(0, size, length)]
            length //= 2
        one = torch.stack(rows)
        self.register_buffer("matrix", torch.kron(one, one))
        self.matrix: Tensor
        self.of_inputs = of_inputs

    def forward(self, weight: Tensor) -> Tensor:
        count = len(self.matrix)
        with torch.autocast(weight.device.type, enabled=False):
            if self.of_inputs:
                parts = weight[:, :, 0, 0].unflatten(1, (-1, count)) @ self.matrix
                return parts.flatten(1)[:, :, None, None]
            parts = weight[:, :, 0, 0].unflatten(0, (-1, count))
            return torch.einsum("cki,kj->cji", parts, self.matrix).flatten(0, 1)[:, :, None, None]


def haar_resampling(model: CodecModel) -> None:
    """In the place of (un)shuffled pixels and features, Haar coefficients.

    1x1 convolutions are next to all of these: what changes is how fast they learn.
    """
    analysis, synthesis = model.analysis, model.synthesis
    for layer, size, of_inputs in (
        (analysis.head, 8, True),
        (analysis.down, 2, True),
        (synthesis.up, 2, False),
        (synthesis.tail, 8, False),
    ):
        parametrize.register_parametrization(layer, "weight", HaarWeight(size, of_inputs))


def fixed_resolution_scales(model: CodecModel) -> None:
    """No learned scales, by channel and quality, where a resolution begins or ends."""
    for transform in (model.analysis, model.synthesis):
        transform.scale.requires_grad_(False)
        transform.deep_scale.requires_grad_(False)


def deeper(model: CodecModel) -> None:
    """Two more residual blocks at 1/16 in both transforms."""
    c = model.config
    for transform, count in zip((model.analysis, model.synthesis), c.deep_blocks, strict=True):
        transform.deep_blocks = ResidualBlocks(c.deep_width, count + 2, c.modulation_anchors)


class Coarser(nn.Module):
    """Residual blocks, and then two at half the resolution beside what they give."""

    def __init__(self, blocks: ResidualBlocks, channels: int, anchors: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.down = nn.Conv2d(4 * channels, channels, 1)
        self.deeper = ResidualBlocks(channels, 2, anchors)
        self.up = nn.Conv2d(channels, 4 * channels, 1)
        with torch.no_grad():
            self.up.weight.mul_(0.1)

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        h = self.blocks(x, quality)
        coarse = self.deeper(self.down(F.pixel_unshuffle(h, 2)), quality)
        return h + F.pixel_shuffle(self.up(coarse), 2)


def coarser(model: CodecModel) -> None:
    """Two residual blocks at 1/32 in both transforms."""
    c = model.config
    for transform in (model.analysis, model.synthesis):
        blocks = Coarser(transform.deep_blocks, c.deep_width, c.modulation_anchors)
        transform.deep_blocks = blocks  # type: ignore[assignment]


class WithWidths(CodecModel):
    """Symbols are `round((y - mean) / width)`, the width of each from what its mean is from."""

    widths: nn.ModuleList

    def code(
        self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        gains = gain, inverse = self.gain(quality)
        y = self.analysis(x, quality) * gain
        z = self.hyper_analysis(y, quality)
        coded_z, hyper_bits = self._code(z, self.hyper_index(quality)[:, :, None, None], generator)
        steps, bits = pack(y), torch.zeros_like(quality)
        prior = AtQuality(self.prior, quality, gains)
        psi = prior.psi(coded_z, (y.shape[2], y.shape[3]))
        latents, magnitudes = prior.unknown(psi), prior.unknown(psi)
        for step in range(STEPS):
            mean, index = prior.predict(step, psi, latents, magnitudes)
            features = psi * ACTIVATION_STEP
            if step:
                features = torch.cat([features, latents * inverse], 1)
            width = (0.7 * torch.tanh(self.widths[step](features, quality))).exp()
            symbols, spent = self._code((steps[step] - mean) / width, index, generator)
            bits = bits + spent
            latents = place(latents, symbols * width + mean, step)
            if step < STEPS - 1:
                magnitudes = place(magnitudes, magnitude_activation(symbols), step)
        return latents, bits, hyper_bits


def learned_widths(model: CodecModel) -> None:
    """A quantisation width for each latent, from a network like that of its mean."""
    widths = [MeanNetwork(model.config, step) for step in range(STEPS)]
    model.widths = nn.ModuleList(widths)
    model.__class__ = WithWidths


class WidthTail(nn.Module):
    """Widths from the features of a network of means; all 1 at first."""

    def __init__(self, means: MeanNetwork) -> None:
        super().__init__()
        self.means = [means]  # no module of this one: its parameters are the prior's
        tail = means.tail
        self.tail = nn.Conv2d(tail.in_channels, tail.out_channels, 1, groups=tail.groups)
        with torch.no_grad():
            self.tail.weight.zero_()
            self.tail.bias.zero_()  # type: ignore[union-attr]

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        (means,) = self.means
        h = F.leaky_relu(means.scale(means.head(x), quality), SLOPE)
        h = F.leaky_relu(means.mid(h), SLOPE)
        with torch.autocast(x.device.type, enabled=False):
            return cast(Tensor, self.tail(select(h.float(), means.step)))


def widths_beside_means(model: CodecModel) -> None:
    """A quantisation width for each latent, from the network of its mean."""
    widths = [WidthTail(cast(MeanNetwork, means)) for means in model.prior.means]
    model.widths = nn.ModuleList(widths)
    model.__class__ = WithWidths


SCRATCH = {
    "control": Variant(),
    "control, another seed": Variant({"seed": 101}),
    "no context": Variant(change=see_less({t: range(t) for t in range(1, STEPS)})),
    "context of 2 steps": Variant(change=see_less({1: [0], 3: [2]})),
    "scale networks in floats": Variant(change=floats),
    "no linear path": Variant(change=without_linear_path),
    "linear path begun at random": Variant(change=linear_path_at_random),
    "linear path begun as Haar wavelets": Variant(change=haar_wavelet),
    "ReLU": Variant(activation=lambda x, slope: F.relu(x)),
    "GELU": Variant(activation=lambda x, slope: F.gelu(x)),
    "SiLU": Variant(activation=lambda x, slope: F.silu(x)),
    "gains fixed, alike for all channels": Variant(change=fixed_gains),
    "residual blocks half as wide inside": Variant(change=hidden_channels(0.5)),
    "residual blocks twice as wide inside": Variant(change=hidden_channels(2)),
    "depthwise 5x5 and 1x1 blocks": Variant(change=depthwise_blocks),
    "Haar resampling": Variant(change=haar_resampling),
    "no learned scales of each resolution": Variant(change=fixed_resolution_scales),
    "learned quantisation width": Variant(change=learned_widths),
    "two more blocks at 1/16": Variant(change=deeper),
    "two blocks at 1/32": Variant(change=coarser),
    "learning rate halved": Variant(rate=0.5),
    "learning rate doubled": Variant(rate=2),
}
SHIPPED = {
    "control": Variant(),
    "control, another seed": Variant({"seed": 101}),
    "larger crops, 384 pixels, all along": Variant({"large_crop_from": 0.0}),
    "larger crops in the last half": Variant({"large_crop_from": 0.5}),
    "larger crops in the last tenth": Variant({"large_crop_from": 0.9}),
    "learned quantisation width": Variant(change=widths_beside_means),
    "the synthesis alone": Variant(change=only_the_synthesis),
    # Blocks at 1/16, 1/8 and 1/4 of the resolution, and thousand multiplications a pixel.
    "blocks 1, 3, 1: 29.6": Variant(change=leaner(1, 3, 1)),
    "blocks 0, 3, 1: 27.0": Variant(change=leaner(0, 3, 1)),
    "blocks 1, 2, 1: 25.0": Variant(change=leaner(1, 2, 1)),
    "blocks 0, 2, 1: 22.4": Variant(change=leaner(0, 2, 1)),
    "blocks 0, 2, 0: 17.8": Variant(change=leaner(0, 2, 0)),
    "blocks 0, 1, 1: 17.8": Variant(change=leaner(0, 1, 1)),
    "blocks 0, 1, 0: 13.2": Variant(change=leaner(0, 1, 0)),
    "blocks 0, 2, 0, none at 1/2: 16.1": Variant(change=leaner(0, 2, 0, finest=False)),
    "blocks 0, 1, 0, none at 1/2: 11.5": Variant(change=leaner(0, 1, 0, finest=False)),
    "analysis, blocks 0, 2: 11.2": Variant(change=leaner_analysis(0, 2)),
    "all of the noisy bits' gradient": Variant(slope=1.0),
    "0.7 of it": Variant(slope=0.7),
    "0.85 of it": Variant(slope=0.85),
}
