"""The prior of the latents: hyperprior, context in four steps, Gaussian scale indices.

The coded symbol is `round(y - mean)`. Its mean comes from a floating-point network;
its *scale index*, on which the entropy decoder depends, comes from integers alone:
hyper-latents and symbols already decoded, through `ExactConv2d`. A last-bit
difference in a mean therefore costs a last-bit difference in the picture and never
a decoder out of step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.steps import GROUPS, STEPS, place, select
from aecodec.nn.blocks import QualityScale
from aecodec.nn.integer import ACTIVATION_MAX, ACTIVATION_STEP, ExactConv2d, QuantAwareConv2d

HYPER_STRIDE = 4  # z against y
HYPER_MAX = 127  # |z| is clamped to it

SCALE_LEVELS = 64
SCALE_MIN, SCALE_MAX = 0.11, 128.0
LOG_SCALE_STEP = math.log(SCALE_MAX / SCALE_MIN) / (SCALE_LEVELS - 1)


def scale_of_index(index: Tensor) -> Tensor:
    """Standard deviation, in quantiser steps, of a (possibly fractional) scale index."""
    return torch.exp(index * LOG_SCALE_STEP + math.log(SCALE_MIN))


def magnitude_activation(symbols: Tensor) -> Tensor:
    """Integer-valued symbols -> floor(32 sqrt(|s|)) clamped to [0, 255], same dtype."""
    root = torch.sqrt(symbols.abs().clamp(max=64) * 1024)
    # What is added is more than any machine's error, less than the distance from the root of
    # k * k - 1 to k, 1/512 at least: the same integers everywhere.
    return torch.floor(root + 1 / 2048).clamp(max=ACTIVATION_MAX)


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
        h = F.leaky_relu(self.mid(F.leaky_relu(h, 0.01)), 0.01)
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


class ScaleNetwork(nn.Module):
    """One step's scale indices (B, M, h/2, w/2), in integers, from psi and magnitudes (B, N+M,
    h, w).

    The first step's come from psi alone.
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
    """One step's means (B, M, h/2, w/2), in float, from psi and decoded latents (B, N+M, h, w).

    The first step's come from psi alone.
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
        h = F.leaky_relu(self.scale(self.head(x), quality), 0.01)
        h = F.leaky_relu(self.mid(h), 0.01)
        with torch.autocast(x.device.type, enabled=False):
            return self.tail(select(h.float(), self.step))


# (step, means, scale indices) -> symbols of the step, all (B, M, h/2, w/2).
SymbolSource = Callable[[int, Tensor, Tensor], Tensor]


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
        source: SymbolSource,
    ) -> Tensor:
        """Walk through the steps, asking `source` for the symbols; return scaled latents (B, M,
        h, w).

        Training, encoder, decoder and refinement share this walk, so that all see the
        same context.

        Args:
            z: integer-valued hyper-latents.
            size: (h, w), both even.
            quality: (B,); whole numbers, and B one, when the prior is exact.
            gains: gain of the latents and its inverse, (B, M, 1, 1).
            source: gives the symbols of a step: integers, or relaxed ones.
        """
        gain, inverse_gain = gains
        level: Any = int(quality) if self.exact else quality
        psi = self.hyper_synthesis(z, level)
        psi = psi[:, :, : size[0], : size[1]].contiguous(memory_format=torch.channels_last)
        features = psi * ACTIVATION_STEP
        latents = psi.new_zeros(len(psi), gain.shape[1], *size)
        latents = latents.contiguous(memory_format=torch.channels_last)
        # What the networks of a step see: psi, and what is known of the latents.
        decoded, magnitudes = torch.cat([features, latents], 1), torch.cat([psi, latents], 1)
        for t in range(STEPS):
            mean = self.means[t](decoded if t else features, quality) * gain
            symbols = source(t, mean, self.scales[t](magnitudes if t else psi, level))
            latents = place(latents, symbols + mean, t)
            if t < STEPS - 1:
                decoded = place(decoded, (symbols + mean) * inverse_gain, t)
                known = magnitude_activation(torch.round(symbols.detach()))
                magnitudes = place(magnitudes, known, t)
        return latents
