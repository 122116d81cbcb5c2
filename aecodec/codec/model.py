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
    STEPS,
    HyperAnalysis,
    LatentPrior,
    ScaleNetwork,
    magnitude_activation,
    scale_of_index,
    step_masks,
)
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

        means, indices, latents = self._predict(round_ste(z), y, gain, inverse_gain, quality)
        index = inward_clamp(indices, 0, SCALE_LEVELS - 1)
        latent_bits = gaussian_bits(self._perturb(y - means, generator), scale_of_index(index))
        return Estimate(
            self.synthesis(latents * inverse_gain, quality),
            latent_bits.sum((1, 2, 3)),
            hyper_bits.sum((1, 2, 3)),
        )

    def _perturb(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        if not self.training:
            return torch.round(values)
        noise = torch.rand(values.shape, generator=generator, device=values.device)
        return values + (noise - 0.5)

    def _predict(
        self, z: Tensor, y: Tensor, gain: Tensor, inverse_gain: Tensor, quality: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Means, scale indices and decoded latents of gained y, step by step."""
        psi = self.prior.hyper_synthesis(z, quality)
        means, indices = torch.zeros_like(y), torch.zeros_like(y)
        latents, symbols = torch.zeros_like(y), torch.zeros_like(y)
        masks = step_masks(y.shape[1], y.shape[2], y.shape[3], y.device)
        for t in range(STEPS):
            context = (latents * inverse_gain, magnitude_activation(symbols)) if t else (None, None)
            mean = self.prior.means[t](psi, context[0], quality) * gain
            index = self.prior.scales[t](psi, context[1], quality)
            residual = round_ste(y - mean)
            means = torch.where(masks[t], mean, means)
            indices = torch.where(masks[t], index, indices)
            latents = torch.where(masks[t], residual + mean, latents)
            symbols = torch.where(masks[t], residual.detach(), symbols)
        return means, indices, latents
