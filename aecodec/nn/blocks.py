"""Convolutional building blocks and per-quality parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two dense 3x3 convolutions with a skip: (B, C, H, W) -> (B, C, H, W).

    Dense 3x3 rather than depthwise, because on a CPU it runs about ten times
    closer to the machine's peak.

    Args:
        channels: C.
        hidden: channels between the two convolutions; C by default.
    """

    def __init__(self, channels: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = hidden or channels
        self.conv1 = nn.Conv2d(channels, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, channels, 3, padding=1)
        # Small residuals at the start keep a deep stack close to the identity.
        with torch.no_grad():
            self.conv2.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(nn.functional.leaky_relu(self.conv1(x), 0.01))


class QualityTable(nn.Module):
    """One learned vector per quality in [1, 100], interpolated between a few anchors.

    Args:
        anchors: number of evenly spaced qualities that own a vector (at least 2).
        channels: length of the vector.
    """

    def __init__(self, anchors: int, channels: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(anchors, channels))

    def forward(self, quality: Tensor) -> Tensor:
        """Vectors of shape (B, channels) for qualities of shape (B,)."""
        position = (quality.float() - 1) / 99 * (len(self.values) - 1)
        low = position.floor().clamp(0, len(self.values) - 2).long()
        weight = (position - low).unsqueeze(1)
        return torch.lerp(self.values[low], self.values[low + 1], weight)


class QualityScale(nn.Module):
    """Multiply each channel of a feature map by a learned, quality-dependent factor."""

    def __init__(self, anchors: int, channels: int) -> None:
        super().__init__()
        self.log_scale = QualityTable(anchors, channels)

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        scale = self.log_scale(quality).exp()[:, :, None, None]
        return x * scale.to(x.dtype)
