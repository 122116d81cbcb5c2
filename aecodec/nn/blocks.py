"""Convolutional building blocks and per-quality parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecodec.nn.bounded import BoundedConv2d
from aecodec.nn.leak import SLOPE


class ResidualBlock(nn.Module):
    """Two dense 3x3 convolutions with a skip: (B, C, H, W) -> (B, C, H, W).

    Dense 3x3 rather than depthwise, because on a CPU it runs about ten times
    closer to the machine's peak.

    Args:
        channels: C.
        hidden: channels between the two convolutions; C by default.
        anchors: of the modulation of the hidden channels; 0: none.
    """

    def __init__(self, channels: int, hidden: int | None = None, anchors: int = 0) -> None:
        super().__init__()
        hidden = hidden or channels
        self.conv1 = ModulatedConv2d(channels, hidden, anchors)
        self.conv2 = BoundedConv2d(hidden, channels, 3, padding=1)
        # Small residuals at the start keep a deep stack close to the identity.
        with torch.no_grad():
            self.conv2.weight.mul_(0.3)
        self.slopes: Tensor | None = None  # of each hidden channel, while training bends some

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        h = self.conv1(x, quality)
        if self.slopes is None:
            h = nn.functional.leaky_relu(h, SLOPE)
        else:
            h = nn.functional.prelu(h, self.slopes.to(h.dtype))
        return x + self.conv2(h)


class ResidualBlocks(nn.ModuleList):
    """`count` residual blocks, one after the other."""

    def __init__(self, channels: int, count: int, anchors: int = 0) -> None:
        super().__init__(ResidualBlock(channels, anchors=anchors) for _ in range(count))

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        for block in self:
            x = block(x, quality)
        return x


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


class ModulatedConv2d(BoundedConv2d):
    """A 3x3 convolution whose outputs have a learned scale and shift of each quality.

    Feature-wise linear modulation (Perez et al., 2018, arXiv:1709.07871): channels may serve
    some qualities and rest at others.

    Args:
        inputs, outputs: channels.
        anchors: of the table of scales and shifts, which begins as the identity; 0: none.
    """

    def __init__(self, inputs: int, outputs: int, anchors: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.modulation = QualityTable(anchors, 2 * outputs) if anchors else None

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:  # type: ignore[override]
        """(B, inputs, H, W) -> (B, outputs, H, W); qualities (B,), or (1,) for all."""
        if self.modulation is None:
            return super().forward(x)
        scale, shift = self.modulation(quality)[:, :, None, None].chunk(2, 1)
        scale = scale + 1
        if len(quality) == 1:  # into the weights, so that it costs no time of each pixel
            bias = self.bias * scale.flatten() + shift.flatten()
            return self.clamp(self._conv_forward(x, self.weight * scale[0, :, None], bias))
        y = self._conv_forward(x, self.weight, self.bias)
        return self.clamp(torch.addcmul(shift.to(y.dtype), y, scale.to(y.dtype)))
