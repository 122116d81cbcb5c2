"""The codec's network as it is shipped: float transforms, exact integer scale networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.entropy import (
    GaussianTables,
    IndexArray,
    Int32Array,
    SymbolDecoder,
    SymbolEncoder,
)
from aecodec.codec.prior import (
    HYPER_MAX,
    HYPER_STRIDE,
    SCALE_LEVELS,
    HyperAnalysis,
    LatentPrior,
    magnitude_activation,
    step_masks,
)
from aecodec.codec.transforms import AnalysisTransform, Gain, SynthesisTransform

# (flat positions in y, scale indices, means) of one step -> its integer-valued symbols.
SymbolSource = Callable[[Tensor, IndexArray, Tensor], Tensor]


class InferenceModel(nn.Module):
    """Transforms, prior and tables of one weight file.

    Call `load` (in `aecodec.codec.weights`) rather than the constructor, which leaves
    the weights at random.
    """

    tables: GaussianTables

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.analysis = AnalysisTransform(config)
        self.synthesis = SynthesisTransform(config)
        self.gain = Gain(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.prior = LatentPrior(config, exact=True)
        hyper_index = torch.zeros(100, config.hyper_channels, dtype=torch.uint8)
        self.register_buffer("hyper_index", hyper_index)
        self.hyper_index: Tensor

    @property
    def device(self) -> torch.device:
        return self.hyper_index.device

    @property
    def margin(self) -> int:
        """Latents around a tile that the transforms can see: with them, tiling changes nothing."""
        c = self.config
        pixels = 8 * (2 * c.blocks + 1) + 16 * 2 * c.deep_blocks
        return -(-pixels // 16)

    def quality_tensor(self, quality: int) -> Tensor:
        return torch.tensor([float(quality)], device=self.device)

    @torch.inference_mode()
    def analyse(self, x: Tensor, quality: int) -> Tensor:
        """Gained latents (1, M, H/16, W/16) of an image (1, 3, H, W) in [-0.5, 0.5]."""
        q = self.quality_tensor(quality)
        return self.analysis(x.to(self.device), q) * self.gain(q)[0]

    @torch.inference_mode()
    def synthesise(self, latents: Tensor, quality: int) -> Tensor:
        """Image (1, 3, H, W), about [-0.5, 0.5], of gained latents (1, M, H/16, W/16)."""
        q = self.quality_tensor(quality)
        return self.synthesis(latents.to(self.device) * self.gain(q)[1], q)

    @torch.inference_mode()
    def encode_latents(self, y: Tensor, quality: int, deadzone: float = 0.0) -> bytes:
        """Quantise gained latents (1, M, h, w) and code them; see `_run` for the order.

        `deadzone` shrinks every residual by that much before rounding: fewer bits for
        a little distortion.
        """
        encoder = SymbolEncoder(self.tables)
        z = self.hyper_latents(y, quality)
        encoder.add(_flat_symbols(z), self._hyper_indices(quality, z.shape[2:]))

        def quantise(where: Tensor, indices: IndexArray, means: Tensor) -> Tensor:
            residual = y.flatten()[where] - means
            symbols = residual.sign() * torch.floor((residual.abs() + 0.5 - deadzone).clamp_min(0))
            symbols = symbols.clamp(-(2**30), 2**30)
            encoder.add(_flat_symbols(symbols), indices)
            return symbols

        self._run(z, y.shape[2], y.shape[3], quality, quantise)
        return encoder.finish()

    @torch.inference_mode()
    def decode_latents(self, payload: bytes, height: int, width: int, quality: int) -> Tensor:
        """Gained latents (1, M, height, width) from what `encode_latents` wrote.

        Raises:
            CorruptFileError: the payload is malformed.
        """
        decoder = SymbolDecoder(self.tables, payload)
        shape = (-(-height // HYPER_STRIDE), -(-width // HYPER_STRIDE))
        z = self._symbols(decoder.take(self._hyper_indices(quality, shape)))
        z = z.reshape(1, self.config.hyper_channels, *shape)

        def read(where: Tensor, indices: IndexArray, means: Tensor) -> Tensor:
            return self._symbols(decoder.take(indices))

        return self._run(z, height, width, quality, read)

    def hyper_latents(self, y: Tensor, quality: int) -> Tensor:
        """Rounded hyper-latents z of gained latents y, integer-valued."""
        height, width = y.shape[2:]
        padding = (0, -width % HYPER_STRIDE, 0, -height % HYPER_STRIDE)
        padded = F.pad(y, padding, mode="replicate")
        z = self.hyper_analysis(padded, self.quality_tensor(quality))
        return torch.round(z).clamp(-HYPER_MAX, HYPER_MAX)

    def _run(
        self, z: Tensor, height: int, width: int, quality: int, source: SymbolSource
    ) -> Tensor:
        """Walk through the four steps, asking `source` for the symbols; return the latents.

        Encoder and decoder share this walk, so that both see the same context.
        """
        q = self.quality_tensor(quality)
        gain, inverse_gain = self.gain(q)
        psi = self.prior.hyper_synthesis(z.double(), quality)[:, :, :height, :width]
        latents = torch.zeros(1, self.config.latent_channels, height, width, device=z.device)
        symbols = torch.zeros_like(latents)
        for t, mask in enumerate(self.masks(height, width)):
            where = mask.flatten().nonzero()[:, 0]
            magnitudes = magnitude_activation(symbols).double() if t else None
            index = self.prior.scales[t](psi, magnitudes, quality).flatten()[where]
            indices = index.clamp(0, SCALE_LEVELS - 1).to(torch.uint8).cpu().numpy()
            decoded = latents * inverse_gain if t else None
            means = (self.prior.means[t](psi, decoded, q) * gain).flatten()[where]
            values = source(where, indices, means)
            symbols.view(-1)[where] = values
            latents.view(-1)[where] = values + means
        return latents

    def masks(self, height: int, width: int) -> list[Tensor]:
        """The latents of each step; see `step_masks`."""
        return step_masks(self.config.latent_channels, height, width, self.device)

    def _hyper_indices(self, quality: int, shape: Any) -> IndexArray:
        index = self.hyper_index[quality - 1].cpu().numpy()
        return np.repeat(index, shape[0] * shape[1])

    def _symbols(self, values: Int32Array) -> Tensor:
        return torch.from_numpy(values).to(self.device, torch.float32)


def _flat_symbols(symbols: Tensor) -> Int32Array:
    return symbols.flatten().to(torch.int32).cpu().numpy()
