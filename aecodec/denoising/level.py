"""How noisy each part of an image is, and of what kind, seen by small networks (as of CBDNet).

Guo et al., "Toward convolutional blind denoising of real photographs", 2019, arXiv:1807.04686.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.denoising.config import LEVEL_UNIT
from aecodec.nn.bounded import BoundedConv2d

_START = 5 / 255  # what it takes any noise for before it is trained
_WIDTHS = 32, 48, 64  # channels at 1/2, 1/4 and 1/8 resolution: 5 kMAC a pixel in all


class _Observer(nn.Module):
    """Noisy image to one number for each 8 by 8 pixels.

    Unlike the denoiser it has biases: it has to tell noise from texture by its strength, too.
    """

    def __init__(self, start: float) -> None:
        super().__init__()
        half, quarter, eighth = _WIDTHS
        first = BoundedConv2d(4 * 3, half, 3, padding=1)
        self.layers = nn.Sequential(
            first,
            nn.Conv2d(half, quarter, 2, stride=2),
            BoundedConv2d(quarter, quarter, 3, padding=1),
            BoundedConv2d(quarter, quarter, 3, padding=1),
            nn.Conv2d(quarter, eighth, 2, stride=2),
            BoundedConv2d(eighth, eighth, 3, padding=1),
            BoundedConv2d(eighth, eighth, 3, padding=1),
        )
        self.tail = nn.Conv2d(eighth, 1, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        with torch.no_grad():  # begins by looking at differences
            first.weight.sub_(first.weight.mean((1, 2, 3), keepdim=True))
        nn.init.zeros_(self.tail.weight)
        nn.init.constant_(self.tail.bias, start)  # type: ignore[arg-type]

    def observe(self, x: Tensor) -> Tensor:
        """float32 (B, 1, H/8, W/8)."""
        # Around 0, where bfloat16 has its finest steps.
        x = F.pixel_unshuffle(x - 0.5, 2).contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            x = F.relu(layer(x), inplace=True)
        seen: Tensor = self.tail(x).float()
        return seen


class LevelEstimator(_Observer):
    """Noisy image to a map of noise levels."""

    def __init__(self) -> None:
        super().__init__(math.log(math.expm1(_START / LEVEL_UNIT)))

    def forward(self, x: Tensor) -> Tensor:
        """Standard deviation of the noise on the scale of x.

        Args:
            x: (B, 3, H, W), around [0, 1]; H and W multiples of 8.

        Returns:
            float32 (B, 1, H/8, W/8), not negative.
        """
        level = LEVEL_UNIT * F.softplus(self.observe(x))
        return F.avg_pool2d(level, 3, stride=1, padding=1, count_include_pad=False)


class WhitenessEstimator(_Observer):
    """Noisy image to how surely its noise is white: that of each value its own."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Its logit, float32 (B, 1, 1, 1); x as of `LevelEstimator`."""
        return self.observe(x).mean((1, 2, 3), keepdim=True)


def local_level(noise: Tensor) -> Tensor:
    """What `LevelEstimator` should find: the noise's local standard deviation.

    Args:
        noise: (B, C, H, W), H and W multiples of 8.

    Returns:
        (B, 1, H/8, W/8), each over 24 pixels a side.
    """
    power = F.avg_pool2d(noise.square().mean(1, keepdim=True), 8)
    return F.avg_pool2d(power, 3, stride=1, padding=1, count_include_pad=False).sqrt()
