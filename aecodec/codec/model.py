"""The codec's network as it is trained: rate and distortion of a batch of crops."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from aecodec.codec.config import CodecConfig
from aecodec.codec.prior import HyperAnalysis, LatentPrior, ScaleNetwork, scale_of_index
from aecodec.codec.rdoq import rdoq_round
from aecodec.codec.rounding import assumed_symbol_bits, bits_of, gaussian_bits
from aecodec.codec.scales import LOG_SCALE_STEP, SCALE_LEVELS, SCALE_MIN
from aecodec.codec.steps import pack
from aecodec.codec.transforms import AnalysisTransform, Gain, SynthesisTransform
from aecodec.nn.blocks import QualityTable
from aecodec.nn.quantization import inward_clamp, straight_through


class Estimate(NamedTuple):
    """What a training step needs: the reconstruction and the bits of each image."""

    reconstruction: Tensor  # (B, 3, H, W), about [-0.5, 0.5]
    latent_bits: Tensor  # (B,)
    hyper_bits: Tensor  # (B,)


class CodecModel(nn.Module):
    """Variable-rate autoencoder with a mean-scale hyperprior and a four-step context.

    Minnen et al., "Joint autoregressive and hierarchical priors for learned image
    compression" (2018), with quality-dependent gains and integer scale networks.

    Args:
        config: its architecture.
        noisy_slope: so much of the gradient of noisy bits the values get in training. They rise
            faster with the values than those of symbols; with 0.8, one gain for all channels is
            best where it really is (docs/lab/codec.md).
    """

    def __init__(self, config: CodecConfig, noisy_slope: float = 0.8) -> None:
        super().__init__()
        self.config, self.noisy_slope = config, noisy_slope
        self.analysis = AnalysisTransform(config)
        self.synthesis = SynthesisTransform(config)
        self.gain = Gain(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.prior = LatentPrior(config, exact=False)
        # What symbols really cost; tables of weights to go on from replace the Gaussian ones.
        self.register_buffer("symbol_bits", assumed_symbol_bits())
        self.symbol_bits: Tensor
        # The prior of z: zero-mean Gaussians, their scales in units of 8 indices.
        self.hyper_scale = QualityTable(config.anchors, config.hyper_channels)
        start = torch.log(torch.tensor(1 / SCALE_MIN)) / LOG_SCALE_STEP / 8
        with torch.no_grad():
            self.hyper_scale.values.fill_(start)
            for scales in self.prior.scales:
                assert isinstance(scales, ScaleNetwork)
                scales.out.bias.values.fill_(start)

    def forward(
        self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None
    ) -> Estimate:
        """Estimate rate and reconstruction of x (B, 3, H, W) in [-0.5, 0.5] at qualities (B,).

        H and W are multiples of 64. In training mode the rate is that of additive
        uniform noise (`_code`); in evaluation mode, of the symbols by `symbol_bits`.
        """
        latents, latent_bits, hyper_bits = self.code(x, quality, generator)
        inverse_gain = self.gain(quality)[1]
        reconstruction = self.synthesis(latents * inverse_gain, quality)
        return Estimate(reconstruction, latent_bits, hyper_bits)

    def code(
        self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `forward`, but for the reconstruction: the scaled latents (B, M, H/16, W/16)."""
        gain, inverse_gain = self.gain(quality)
        y = self.analysis(x, quality) * gain
        z = self.hyper_analysis(y, quality)
        coded_z, hyper_bits = self._code(z, self.hyper_index(quality)[:, :, None, None], generator)

        steps, latent_bits = pack(y), [torch.zeros_like(quality)]

        def source(t: int, mean: Tensor, index: Tensor) -> Tensor:
            symbols, bits = self._code(steps[t] - mean, index, generator)
            latent_bits.append(bits)
            return symbols

        gains = (gain, inverse_gain)
        latents = self.prior.walk(coded_z, y.shape[2:], quality, gains, source)
        return latents, torch.stack(latent_bits).sum(0), hyper_bits

    def hyper_index(self, quality: Tensor) -> Tensor:
        """Scale indices, not rounded, of the channels of z at qualities (B,): (B, N)."""
        return 8 * self.hyper_scale(quality)

    def _code(
        self, values: Tensor, index: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Symbols as the encoder rounds them, and the bits of each sample (B,).

        In training they are those of a Gaussian with noise, of whose gradient the values get
        `noisy_slope`. The index gets that of the bits of its symbol: noise costs a quarter of a
        bit a pixel that no file has, mostly where symbols are zero, and would mislead it.
        """
        symbols = rdoq_round(values.detach(), index.detach())
        index = inward_clamp(index, 0, SCALE_LEVELS - 1)
        if not self.training:
            return symbols, bits_of(symbols, index.round(), self.symbol_bits).sum((1, 2, 3))
        noise = torch.rand(values.shape, generator=generator, device=values.device)
        noisy = torch.lerp(values.detach(), values, self.noisy_slope) + (noise - 0.5)
        bits = gaussian_bits(noisy, scale_of_index(index.detach()))
        below = index.detach().floor().clamp(max=SCALE_LEVELS - 2)
        slope = bits_of(symbols, below, self.symbol_bits.diff(dim=0))
        bits = bits + slope * (index - index.detach())
        return straight_through(values, symbols), bits.sum((1, 2, 3))
