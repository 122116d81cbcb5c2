"""The denoiser: a convolutional autoencoder with skips, told how noisy its input is.

An encoder-decoder of three scales as DRUNet (Zhang et al., "Plug-and-play image
restoration with deep denoiser prior", 2020, arXiv:2008.13751), without biases, so that
what it does at one noise level carries over to others (Mohan et al., "Robust and
interpretable blind image denoising via bias-free convolutional neural networks", 2020,
arXiv:1906.05478). The first thing it does is to halve the resolution by pixel-unshuffle
(FFDNet, Zhang et al., 2017, arXiv:1710.04026): on a CPU that is what makes it fast.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.impulses import REACH, fill
from aecodec.nn.bounded import BoundedConv2d

STRIDE = 8
"""Height and width of what the model takes are multiples of this."""


class Block(nn.Module):
    """Two dense 3x3 convolutions with a skip, without biases: (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = BoundedConv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = BoundedConv2d(channels, channels, 3, padding=1, bias=False)
        # Small residuals at the start keep a deep stack close to the identity.
        with torch.no_grad():
            self.conv2.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels) for _ in range(count)))


class DenoiserModel(nn.Module):
    """Noisy image and noise level to clean image.

    With no value missing it is homogeneous, as far as the ranges of its convolutions reach:
    scaling image and level scales the result.

    Args:
        config: architecture.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth = config.widths
        above, below, bottom = config.blocks
        # Image, level and what is missing, of four pixels each.
        self.head = nn.Conv2d(4 * 7, half, 3, padding=1, bias=False)
        self.encode_half = _blocks(half, above)
        self.to_quarter = nn.Conv2d(half, quarter, 2, stride=2, bias=False)
        self.encode_quarter = _blocks(quarter, below)
        self.to_eighth = nn.Conv2d(quarter, eighth, 2, stride=2, bias=False)
        self.bottleneck = _blocks(eighth, bottom)
        self.from_eighth = nn.ConvTranspose2d(eighth, quarter, 2, stride=2, bias=False)
        self.decode_quarter = _blocks(quarter, below)
        self.from_quarter = nn.ConvTranspose2d(quarter, half, 2, stride=2, bias=False)
        self.decode_half = _blocks(half, above)
        self.tail = nn.Conv2d(half, 4 * 3, 3, padding=1, bias=False)
        nn.init.zeros_(self.tail.weight)  # starts as the identity

    @property
    def margin(self) -> int:
        """How far, in positions of `STRIDE` pixels, a pixel can be and still matter."""
        above, below, bottom = self.config.blocks
        # Each block sees two positions of its scale further, head and tail one each.
        pixels = 2 * (4 * above + 2) + 4 * (4 * below) + 8 * (2 * bottom) + REACH
        return -(-pixels // STRIDE) + 1  # one for the alignment of the scales

    def forward(self, x: Tensor, level: Tensor, missing: Tensor | None = None) -> Tensor:
        """Estimate the clean image.

        Args:
            x: noisy image (B, 3, H, W), around [0, 1]; H and W multiples of 8.
            level: standard deviation of the noise on the scale of x (sigma / 255), of a
                shape that broadcasts to (B, 1, H, W): one number or a map.
            missing: bool (B, 3, H, W), true where x says nothing about the clean image.

        Returns:
            float32 (B, 3, H, W), not clipped.
        """
        batch, _, height, width = x.shape
        flags = torch.zeros_like(x)
        if missing is not None:
            # Missing values are all 0 or 1. The sign says which: saturated areas are true.
            flags = torch.where(missing, (2 * x - 1).sign(), flags)
            x = fill(x, missing)
        inputs = torch.cat([x, level.expand(batch, 1, height, width), flags], dim=1)
        # Pixel-unshuffle does not keep the order of channels-last, the convolutions need it.
        inputs = F.pixel_unshuffle(inputs, 2).contiguous(memory_format=torch.channels_last)
        fine = self.encode_half(self.head(inputs))
        middle = self.encode_quarter(self.to_quarter(fine))
        coarse = self.bottleneck(self.to_eighth(middle))
        middle = self.decode_quarter(middle + self.from_eighth(coarse))
        fine = self.decode_half(fine + self.from_quarter(middle))
        return x.float() + F.pixel_shuffle(self.tail(fine), 2).float()
