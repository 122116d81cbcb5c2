"""Analysis and synthesis transforms: image <-> latents y at 1/16 resolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.steps import GROUPS
from aecodec.nn.blocks import (
    ModulatedConv2d,
    QualityScale,
    QualityTable,
    ResidualBlock,
    ResidualBlocks,
)
from aecodec.nn.bounded import BoundedConv2d
from aecodec.nn.leak import SLOPE


def dct_matrix(size: int) -> Tensor:
    """The orthonormal DCT-II, (size, size) in float64: a row for each frequency."""
    n = torch.arange(size, dtype=torch.float64)
    dct = torch.cos(math.pi / size * (n[None] + 0.5) * n[:, None]) * math.sqrt(2 / size)
    dct[0] /= math.sqrt(2)
    return dct


def block_transform(channels: int) -> Tensor:
    """An orthonormal linear transform of 16x16 RGB blocks: (channels, 768).

    The product of a luma/chroma rotation and a 2-D DCT; the `channels` components
    with the largest expected variance are kept, dealt in turn to the four groups of
    channels in which latents are coded, lowest frequencies first. Columns are ordered
    as `pixel_unshuffle` orders them: colour, row, column.
    """
    size = LATENT_STRIDE
    n = torch.arange(size, dtype=torch.float64)
    dct = dct_matrix(size)
    colour = torch.tensor(
        [[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-0.5, 1.0, -0.5]], dtype=torch.float64
    )
    colour /= colour.norm(dim=1, keepdim=True)
    basis = torch.einsum("pc,ui,vj->puvcij", colour, dct, dct).reshape(-1, 3 * size * size)
    # Natural images: variance falls as 1/f^2, chroma carries a few percent of it.
    variance = 1 / (n[:, None] ** 2 + n[None] ** 2 + 1)
    weight = torch.tensor([1.0, 0.05, 0.02], dtype=torch.float64)[:, None, None]
    order = (variance * weight).flatten().argsort(descending=True, stable=True)
    return basis[order[:channels].reshape(-1, GROUPS).t().flatten()].float()


class AnalysisTransform(nn.Module):
    """g_a: image (B, 3, H, W) in [-0.5, 0.5] -> latents y (B, M, H/16, W/16).

    H and W are multiples of 16. A linear block transform, initialised to a DCT,
    runs beside the convolutional path, so that training starts from a working
    transform codec (the idea of AuxT, Li et al., 2025, arXiv:2501.13751) and the
    large low-frequency values stay in float32.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        c = config
        self.linear = nn.Conv2d(3 * LATENT_STRIDE**2, c.latent_channels, 1)
        with torch.no_grad():
            self.linear.weight.copy_(block_transform(c.latent_channels)[:, :, None, None])
            self.linear.bias.zero_()  # type: ignore[union-attr]
        self.head = nn.Conv2d(3 * 64, c.width, 1)
        self.scale = QualityScale(c.anchors, c.width)
        self.blocks = ResidualBlocks(c.width, c.blocks[0], c.modulation_anchors)
        self.down = BoundedConv2d(4 * c.width, c.deep_width, 1)
        self.deep_scale = QualityScale(c.anchors, c.deep_width)
        self.deep_blocks = ResidualBlocks(c.deep_width, c.deep_blocks[0], c.modulation_anchors)
        self.tail = BoundedConv2d(c.deep_width, c.latent_channels, 1)
        with torch.no_grad():
            self.tail.weight.mul_(0.1)

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        h = self.scale(_of_patches(self.head, x, 8), quality)
        h = self.down(F.pixel_unshuffle(self.blocks(h, quality), 2))
        h = self.tail(self.deep_blocks(self.deep_scale(h, quality), quality))
        with torch.autocast(x.device.type, enabled=False):
            return _of_patches(self.linear, x.float(), LATENT_STRIDE) + h.float()


def _of_patches(layer: nn.Conv2d, x: Tensor, size: int) -> Tensor:
    """`layer(pixel_unshuffle(x, size))` of a 1x1 convolution, in half the time on a CPU.

    Runs of pixels stay together on the way, so that they are copied fast; the weight's
    columns, few, are put in their order instead.
    """
    batch, colours, height, width = x.shape
    rows, columns = height // size, width // size
    x = x.permute(0, 2, 3, 1).reshape(batch, rows, size, columns, size * colours)
    x = x.transpose(2, 3).reshape(batch, rows, columns, -1).permute(0, 3, 1, 2)
    weight = layer.weight.view(-1, colours, size, size).permute(0, 2, 3, 1)
    return F.conv2d(x, weight.reshape(len(weight), -1, 1, 1), layer.bias)


class FineBlock(nn.Module):
    """A `ResidualBlock` that sees features, too, and has blocks between its convolutions.

    At 1/4 resolution, on patches of 4x4 pixels: across the borders of the 8x8 and 16x16 patches
    of the layers before, which share no weights there.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        c, channels = config, 3 * 4**2
        self.conv1 = ModulatedConv2d(channels + c.fine_features, c.fine_width, c.modulation_anchors)
        self.blocks = ResidualBlocks(c.fine_width, c.fine_blocks, c.modulation_anchors)
        self.conv2 = BoundedConv2d(c.fine_width, channels, 3, padding=1)
        with torch.no_grad():
            self.conv2.weight.mul_(0.3)

    def forward(self, x: Tensor, features: Tensor | None, quality: Tensor) -> Tensor:
        h = x if features is None else torch.cat([x.to(features.dtype), features], 1)
        h = F.leaky_relu(self.conv1(h, quality), SLOPE)
        return x + self.conv2(self.blocks(h, quality))


class SynthesisTransform(nn.Module):
    """g_s: latents (B, M, H/16, W/16) -> image (B, 3, H, W), about [-0.5, 0.5], float32."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        c = config
        self.linear = nn.Conv2d(c.latent_channels, 3 * LATENT_STRIDE**2, 1)
        with torch.no_grad():
            self.linear.weight.copy_(block_transform(c.latent_channels).t()[:, :, None, None])
            self.linear.bias.zero_()  # type: ignore[union-attr]
        self.head = BoundedConv2d(c.latent_channels, c.deep_width, 1)
        self.deep_scale = QualityScale(c.anchors, c.deep_width)
        self.deep_blocks = ResidualBlocks(c.deep_width, c.deep_blocks[1], c.modulation_anchors)
        self.up = BoundedConv2d(c.deep_width, 4 * c.width, 1)
        self.blocks = ResidualBlocks(c.width, c.blocks[1], c.modulation_anchors)
        self.scale = QualityScale(c.anchors, c.width)
        self.tail = nn.Conv2d(c.width, 3 * 64, 1)
        with torch.no_grad():
            self.tail.weight.mul_(0.1)
        self.aside = BoundedConv2d(c.width, 4 * c.fine_features, 1) if c.fine_features else None
        self.fine = FineBlock(c)
        self.finest = ResidualBlock(3 * 2**2, c.finest_width, c.modulation_anchors)

    def forward(self, y: Tensor, quality: Tensor) -> Tensor:
        h = self.deep_blocks(self.deep_scale(self.head(y), quality), quality)
        h = self.blocks(F.pixel_shuffle(self.up(h), 2), quality)
        features = _shuffle(self.aside(h), 2) if self.aside else None
        h = _to_fine(self.tail, self.scale(h, quality), 8)
        with torch.autocast(y.device.type, enabled=False):
            h = _to_fine(self.linear, y.float(), LATENT_STRIDE) + h.float()
        h = _shuffle(self.fine(h, features, quality), 2)
        return _shuffle(self.finest(h, quality), 2)


def _to_fine(layer: nn.Conv2d, x: Tensor, size: int) -> Tensor:
    """`pixel_shuffle(layer(x), size)` of a 1x1 convolution, before the last two `_shuffle` by 2."""
    times = size // 4
    rows = torch.arange(3 * size * size, device=x.device).view(3, times, 2, 2, times, 2, 2)
    rows = rows.permute(1, 4, 2, 5, 3, 6, 0).flatten()
    return _shuffle(F.conv2d(x, layer.weight[rows], layer.bias[rows]), times)  # type: ignore[index]


def _shuffle(x: Tensor, size: int) -> Tensor:
    """`pixel_shuffle` of channels in the order row, column, colour, a fifth of its time on a CPU.

    So the colours of neighbours stay together in memory, and are copied together.
    """
    batch, channels, rows, columns = x.shape
    colours = channels // size**2
    x = x.permute(0, 2, 3, 1).reshape(batch, rows, columns, size, size * colours).transpose(2, 3)
    return x.reshape(batch, rows * size, columns * size, colours).permute(0, 3, 1, 2)


class Gain(nn.Module):
    """Per-quality, per-channel gain before the quantiser and its inverse after it.

    As in the gained autoencoder (Cui et al., 2021, arXiv:2003.02012): the quantiser's
    step is one, so the gain sets the step of each channel at each quality.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        c = config
        self.log_gain = QualityTable(c.anchors, c.latent_channels)
        self.log_inverse = QualityTable(c.anchors, c.latent_channels)
        qualities = [1 + 99 * k / (c.anchors - 1) for k in range(c.anchors)]
        # The step that high-rate theory asks for when one coefficient in seven is active, of
        # squared error.
        start = torch.tensor([math.log(255 * math.sqrt(c.rd_lambda(q)) / 2) for q in qualities])
        with torch.no_grad():
            self.log_gain.values.copy_(start[:, None].expand(-1, c.latent_channels))
            self.log_inverse.values.copy_(-self.log_gain.values)

    def forward(self, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and inverse gain, each (B, M, 1, 1), for qualities (B,)."""
        gain = self.log_gain(quality).exp()[:, :, None, None]
        inverse = self.log_inverse(quality).exp()[:, :, None, None]
        return gain, inverse
