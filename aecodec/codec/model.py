"""The codec's network as it is trained: rate and distortion of a batch of crops."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from aecodec.codec.config import CodecConfig
from aecodec.codec.prior import (
    LOG_SCALE_STEP,
    SCALE_LEVELS,
    SCALE_MIN,
    HyperAnalysis,
    LatentPrior,
    ScaleNetwork,
    scale_of_index,
)
from aecodec.codec.steps import pack
from aecodec.codec.transforms import AnalysisTransform, Gain, SynthesisTransform
from aecodec.nn.blocks import QualityTable
from aecodec.nn.quantization import inward_clamp, round_ste


class Estimate(NamedTuple):
    """What a training step needs: the reconstruction and the bits of each image."""

    reconstruction: Tensor  # (B, 3, H, W), about [-0.5, 0.5]
    latent_bits: Tensor  # (B,)
    hyper_bits: Tensor  # (B,)


def gaussian_bits(values: Tensor, scale: Tensor) -> Tensor:
    """Bits of zero-mean Gaussian values integrated over a unit bin, elementwise."""
    magnitude, inv = values.abs(), 1 / (scale * 2**0.5)
    # Differences of erfc in the tail on one side: no cancellation of nearly equal numbers.
    upper = torch.special.erfc((magnitude - 0.5) * inv)
    lower = torch.special.erfc((magnitude + 0.5) * inv)
    return -torch.log2((0.5 * (upper - lower)).clamp_min(1e-9))


class CodecModel(nn.Module):
    """Variable-rate autoencoder with a mean-scale hyperprior and a four-step context.

    Minnen et al., "Joint autoregressive and hierarchical priors for learned image
    compression" (2018), with quality-dependent gains and integer scale networks.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.analysis = AnalysisTransform(config)
        self.synthesis = SynthesisTransform(config)
        self.gain = Gain(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.prior = LatentPrior(config, exact=False)
        # The prior of z: zero-mean Gaussians, a scale index per quality and channel.
        self.hyper_scale = QualityTable(config.anchors, config.hyper_channels)
        start = torch.log(torch.tensor(1 / SCALE_MIN)) / LOG_SCALE_STEP
        with torch.no_grad():
            self.hyper_scale.values.fill_(start)
            for scales in self.prior.scales:
                assert isinstance(scales, ScaleNetwork)
                scales.out.bias.values.fill_(start / 8)

    def forward(
        self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None
    ) -> Estimate:
        """Estimate rate and reconstruction of x (B, 3, H, W) in [-0.5, 0.5] at qualities (B,).

        H and W are multiples of 64. In training mode the rate is that of additive
        uniform noise; in evaluation mode, of the rounded symbols.
        """
        gain, inverse_gain = self.gain(quality)
        y = self.analysis(x, quality) * gain
        z = self.hyper_analysis(y, quality)
        z_index = inward_clamp(self.hyper_scale(quality), 0, SCALE_LEVELS - 1)
        z_scale = scale_of_index(z_index)[:, :, None, None]
        hyper_bits = gaussian_bits(self._perturb(z, generator), z_scale)

        steps, latent_bits = pack(y), [torch.zeros_like(quality)]

        def source(t: int, mean: Tensor, index: Tensor) -> Tensor:
            residual = steps[t] - mean
            scale = scale_of_index(inward_clamp(index, 0, SCALE_LEVELS - 1))
            bits = gaussian_bits(self._perturb(residual, generator), scale)
            latent_bits.append(bits.sum((1, 2, 3)))
            return round_ste(residual)

        gains = (gain, inverse_gain)
        latents = self.prior.decode(round_ste(z), y.shape[2:], quality, gains, source)
        return Estimate(
            self.synthesis(latents * inverse_gain, quality),
            torch.stack(latent_bits).sum(0),
            hyper_bits.sum((1, 2, 3)),
        )

    def _perturb(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        if not self.training:
            return torch.round(values)
        noise = torch.rand(values.shape, generator=generator, device=values.device)
        return values + (noise - 0.5)
