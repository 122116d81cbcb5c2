"""The denoiser: two convolutional autoencoders with skips, and estimators of what they are told.

Each is an encoder-decoder of three scales as DRUNet (Zhang et al., "Plug-and-play image
restoration with deep denoiser prior", 2020, arXiv:2008.13751), without biases, so that
what it does at one noise level carries over to others (Mohan et al., "Robust and
interpretable blind image denoising via bias-free convolutional neural networks", 2020,
arXiv:1906.05478). The first thing it does is to halve the resolution by pixel-unshuffle
(FFDNet, Zhang et al., 2017, arXiv:1710.04026): on a CPU that is what makes it fast.

One is for white noise, the other for all else, as cameras make it: noise that is smoothed looks
like texture to a network that has to remove white noise, too. Estimators, trained with them, tell
which of the two an image needs, and how noisy it is, if the caller does not say that.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.impulses import fill
from aecodec.denoising.level import LevelEstimator, WhitenessEstimator
from aecodec.nn.bounded import BoundedConv2d


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
        # In place: on a CPU, a pass over memory takes as long as a tenth of a convolution.
        y: Tensor = self.conv2(F.relu(self.conv1(x), inplace=True))
        return y.add_(x)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels) for _ in range(count)))


class DenoisingNetwork(nn.Module):
    """Noisy image and noise level to clean image.

    With no value missing it is homogeneous, as far as the ranges of its convolutions reach:
    scaling image and level scales the result.

    Args:
        config: architecture.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
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

    def forward(self, x: Tensor, level: Tensor, missing: Tensor | None = None) -> Tensor:
        """Estimate the clean image.

        Args:
            x: noisy image (B, 3, H, W), around [0, 1]; H and W multiples of 8.
            level: standard deviation of the noise on the scale of x (sigma / 255): a number
                (B or 1, 1, 1, 1), or a map of any size, which is stretched over the image.
            missing: bool (B, 3, H, W), true where x says nothing about the clean image.

        Returns:
            float32 (B, 3, H, W), not clipped.
        """
        batch, _, height, width = x.shape
        if level.shape[2:] != (1, 1):
            level = F.interpolate(level, (height, width), mode="bilinear")
        inputs, weight = [level.expand(batch, 1, height, width)], self.head.weight
        if missing is None:
            weight = weight[:, : 4 * 4]  # the other channels would be zeros
        else:
            # Missing values are all 0 or 1. The sign says which: saturated areas are true.
            inputs.append(torch.where(missing, (2 * x - 1).sign(), 0))
            x = fill(x, missing)
        # Pixel-unshuffle does not keep the order of channels-last, the convolutions need it.
        halved = F.pixel_unshuffle(torch.cat([x, *inputs], dim=1), 2)
        halved = halved.contiguous(memory_format=torch.channels_last)
        fine = self.encode_half(F.conv2d(halved, weight, padding=1))
        middle = self.encode_quarter(self.to_quarter(fine))
        coarse = self.bottleneck(self.to_eighth(middle))
        middle = self.decode_quarter(self.from_eighth(coarse).add_(middle))
        fine = self.decode_half(self.from_quarter(middle).add_(fine))
        return x.float() + F.pixel_shuffle(self.tail(fine), 2).float()


class DenoiserModel(nn.Module):
    """Networks for both kinds of noise, and estimators of level and kind.

    Args:
        config: architecture of the two networks.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        self.white, self.camera = DenoisingNetwork(config), DenoisingNetwork(config)
        self.estimator, self.whiteness = LevelEstimator(), WhitenessEstimator()

    def estimate(self, x: Tensor, missing: Tensor | None = None) -> Tensor:
        """The map of noise levels to be told where the caller knows none.

        Args:
            x, missing: as of `DenoisingNetwork.forward`. What is missing does not count as noise.

        Returns:
            float32 (B, 1, H/8, W/8), not negative.
        """
        level: Tensor = self.estimator(x if missing is None else fill(x, missing))
        return level

    def whiteness_logit(self, x: Tensor, missing: Tensor | None = None) -> Tensor:
        """The logit of the noise being white, float32 (B, 1, 1, 1)."""
        logit: Tensor = self.whiteness(x if missing is None else fill(x, missing))
        return logit

    def forward(self, x: Tensor, level: Tensor, missing: Tensor | None, white: Tensor) -> Tensor:
        """Estimate clean images, each by the network for its noise.

        Args:
            x, level, missing: as of `DenoisingNetwork.forward`.
            white: bool (B, 1, 1, 1), which have white noise.

        Returns:
            float32 (B, 3, H, W), not clipped.
        """
        white, level = white.flatten(), level.expand(len(x), *level.shape[1:])
        denoised = torch.empty_like(x, dtype=torch.float32)
        for network, chosen in ((self.white, white), (self.camera, ~white)):
            if chosen.any():
                lost = None if missing is None else missing[chosen]
                denoised[chosen] = network(x[chosen], level[chosen], lost)
        return denoised
