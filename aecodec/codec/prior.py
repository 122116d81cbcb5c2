"""The prior of the latents: hyperprior, context in four steps, Gaussian scale indices.

The coded symbol is `round(y - mean)`. Its mean comes from a floating-point network (which may
ship in 8 bits, `aecodec.codec.eight_bits`); its *scale index*, on which the entropy decoder
depends, comes from integers alone: hyper-latents and symbols already decoded, through
`ExactConv2d`. A last-bit difference in a mean therefore costs a last-bit difference in the
picture and never a decoder out of step. The order of the steps is in `aecodec.codec.walk`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.hyper_prior import QUARTERS
from aecodec.codec.scales import HYPER_MAX, LOG_SCALE_STEP, SCALE_MIN
from aecodec.codec.steps import GROUPS, STEPS, select
from aecodec.codec.walk import walk
from aecodec.nn.blocks import QualityScale
from aecodec.nn.integer import ExactConv2d, QuantAwareConv2d
from aecodec.nn.integer_units import ACTIVATION_STEP
from aecodec.nn.leak import SLOPE


def scale_of_index(index: Tensor) -> Tensor:
    """Standard deviation, in quantiser steps, of a (possibly fractional) scale index."""
    return torch.exp(index * LOG_SCALE_STEP + math.log(SCALE_MIN))


class HyperAnalysis(nn.Module):
    """h_a: scaled latents (B, M, h, w) -> hyper-latents z (B, N, h/4, w/4); h, w multiples of 4."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        c = config
        self.head = nn.Conv2d(c.latent_channels, c.mean_width, 1)
        self.scale = QualityScale(c.anchors, c.mean_width)
        self.mid = nn.Conv2d(c.mean_width, c.mean_width, 3, stride=2, padding=1)
        self.tail = nn.Conv2d(c.mean_width, c.hyper_channels, 3, stride=2, padding=1)

    def forward(self, y: Tensor, quality: Tensor) -> Tensor:
        # asinh: linear for small values, logarithmic for large ones, as scales are. Written
        # out, it takes a fifth of the time of torch's, which is not vectorised.
        asinh = y.sign() * torch.log(y.abs() + torch.sqrt(y * y + 1))
        h = self.scale(self.head(asinh), quality)
        h = F.leaky_relu(self.mid(F.leaky_relu(h, SLOPE)), SLOPE)
        return self.tail(h).float()


class HyperSynthesis(nn.Module):
    """h_s, in integers: z (B, N, h, w) -> activations psi (B, N, 4h, 4w) in [0, 255]."""

    def __init__(self, config: CodecConfig, conv: Any) -> None:
        super().__init__()
        n, a = config.hyper_channels, config.anchors
        self.head = conv(n, 4 * n, 3, in_step=1 / 4, anchors=a)
        self.mid = conv(n, n, 3, anchors=a)
        self.up = conv(n, 4 * n, 1, anchors=a)
        self.tail = conv(n, n, 3, anchors=a)

    def forward(self, z: Tensor, quality: Any) -> Tensor:
        h = F.pixel_shuffle(self.head(z.clamp(-HYPER_MAX, HYPER_MAX), quality), 2)
        h = F.pixel_shuffle(self.up(self.mid(h, quality), quality), 2)
        return self.tail(h, quality)


class HyperPrior(nn.Module):
    """What to expect of hyper-latents, in integers, from those that are known.

    `aecodec.codec.hyper_prior.activations` (B, 2N + 4, h, w) -> means, in quarters, and scale
    indices, both (B, N, h, w).
    """

    def __init__(self, config: CodecConfig, conv: Any) -> None:
        super().__init__()
        n, a = config.hyper_channels, config.anchors
        self.head = conv(2 * n + GROUPS, n, 3, anchors=a)
        self.mean = conv(n, n, 1, out_step=1 / QUARTERS, anchors=a, activation=False)
        self.scale = conv(n, n, 1, out_step=1 / 8, anchors=a, activation=False)

    def forward(self, known: Tensor, level: Any) -> tuple[Tensor, Tensor]:
        h = self.head(known, level)
        return self.mean(h, level), self.scale(h, level)


class ScaleNetwork(nn.Module):
    """One step's scale indices (B, M, h/2, w/2), in integers.

    From psi and magnitudes (B, N+M, h, w); the first step's from psi alone.
    """

    def __init__(self, config: CodecConfig, conv: Any, step: int) -> None:
        super().__init__()
        c, self.step = config, step
        inputs = c.hyper_channels + (c.latent_channels if step else 0)
        self.head = conv(inputs, c.scale_width, 1, anchors=c.anchors)
        self.hidden = conv(c.scale_width, c.scale_width, 3, anchors=c.anchors)
        # One index unit is 1/8, so that outputs of order one span the table.
        self.out = conv(
            GROUPS * c.scale_width,
            c.latent_channels,
            1,
            out_step=1 / 8,
            anchors=c.anchors,
            groups=GROUPS,
            activation=False,
        )

    def forward(self, x: Tensor, level: Any) -> Tensor:
        h = self.hidden(self.head(x, level), level)
        return self.out(select(h, self.step), level)


class MeanNetwork(nn.Module):
    """One step's means (B, M, h/2, w/2), in float.

    From psi and decoded latents (B, N+M, h, w); the first step's from psi alone.
    """

    def __init__(self, config: CodecConfig, step: int) -> None:
        super().__init__()
        c, self.step = config, step
        inputs = c.hyper_channels + (c.latent_channels if step else 0)
        self.head = nn.Conv2d(inputs, c.mean_width, 1)
        self.scale = QualityScale(c.anchors, c.mean_width)
        self.mid = nn.Conv2d(c.mean_width, c.mean_width, 3, padding=1)
        self.tail = nn.Conv2d(GROUPS * c.mean_width, c.latent_channels, 1, groups=GROUPS)
        with torch.no_grad():
            self.tail.weight.mul_(0.1)

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        h = F.leaky_relu(self.scale(self.head(x), quality), SLOPE)
        h = F.leaky_relu(self.mid(h), SLOPE)
        with torch.autocast(x.device.type, enabled=False):
            return self.tail(select(h.float(), self.step))


class LatentPrior(nn.Module):
    """Everything that predicts y: hyper-synthesis and, for each step, a scale and a mean network.

    Args:
        exact: build the integer networks from `ExactConv2d` (inference) instead of
            `QuantAwareConv2d` (training).
    """

    def __init__(self, config: CodecConfig, *, exact: bool) -> None:
        super().__init__()
        conv: Any = ExactConv2d if exact else QuantAwareConv2d
        self.exact = exact
        self.hyper_synthesis = HyperSynthesis(config, conv)
        self.scales = nn.ModuleList([ScaleNetwork(config, conv, t) for t in range(STEPS)])
        self.means = nn.ModuleList([MeanNetwork(config, t) for t in range(STEPS)])

    def walk(
        self,
        z: Tensor,
        size: tuple[int, int],
        quality: Tensor,
        gains: tuple[Tensor, Tensor],
        source: Callable[[int, Tensor, Tensor], Tensor],
    ) -> Tensor:
        """`aecodec.codec.walk.walk` with these networks.

        Args:
            z, size, source: as there.
            quality: (B,); whole numbers, and B one, when the prior is exact.
            gains: gain of the latents and its inverse, (B, M, 1, 1).
        """
        return walk(AtQuality(self, quality, gains), z, size, source)


@dataclass(frozen=True)
class AtQuality:
    """A prior at some qualities: the networks that a walk asks.

    Attributes:
        prior: the networks.
        quality: (B,), as for `LatentPrior.walk`.
        gains: as for `LatentPrior.walk`.
    """

    prior: LatentPrior
    quality: Tensor
    gains: tuple[Tensor, Tensor]

    @property
    def _level(self) -> Any:
        return int(self.quality) if self.prior.exact else self.quality

    def psi(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        psi: Tensor = self.prior.hyper_synthesis(z, self._level)
        return _channels_last(psi[:, :, : size[0], : size[1]])

    def predict(
        self, step: int, psi: Tensor, latents: Tensor, magnitudes: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.mean(step, psi, latents), self.scale(step, psi, magnitudes)

    def mean(self, step: int, psi: Tensor, latents: Tensor) -> Tensor:
        """A step's scaled means, as of `predict`."""
        gain, inverse_gain = self.gains
        features = psi * ACTIVATION_STEP
        if step:
            features = torch.cat([features, latents * inverse_gain], 1)
        mean: Tensor = self.prior.means[step](features, self.quality)
        return mean * gain

    def scale(self, step: int, psi: Tensor, magnitudes: Tensor) -> Tensor:
        """A step's scale indices, as of `predict`."""
        known = torch.cat([psi, magnitudes], 1) if step else psi
        index: Tensor = self.prior.scales[step](known, self._level)
        return index

    def unknown(self, psi: Tensor) -> Tensor:
        return _channels_last(psi.new_zeros(len(psi), self.gains[0].shape[1], *psi.shape[2:]))


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
