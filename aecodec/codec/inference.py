"""The codec's network as it is shipped: float transforms, exact integer scale networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.entropy import (
    IndexArray,
    Int32Array,
    SymbolDecoder,
    SymbolEncoder,
    SymbolTables,
)
from aecodec.codec.preview import PreviewMap
from aecodec.codec.prior import (
    HYPER_MAX,
    HYPER_STRIDE,
    SCALE_LEVELS,
    HyperAnalysis,
    LatentPrior,
    SymbolSource,
)
from aecodec.codec.rounding import rdoq_round
from aecodec.codec.steps import pack
from aecodec.codec.transforms import AnalysisTransform, Gain, SynthesisTransform
from aecodec.nn.device import has_bfloat16

# Of symbols with a smaller scale than this index's, 0.15, not one in ten thousand is not
# zero: they are taken to be zero, which saves the time of coding them.
LEAST_CODED = 3
_NARROW = 8  # latents


class InferenceModel(nn.Module):
    """Transforms, prior and tables of one weight file.

    Call `load` (in `aecodec.codec.weights`) rather than the constructor, which leaves
    the weights at random.
    """

    tables: SymbolTables
    preview: PreviewMap | None = None  # not all weights have one

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
        pixels = (
            (2 + 4) * 2
            + 4 * 2 * c.fine_blocks
            + 8 * 2 * max(c.blocks)
            + 16 * 2 * max(c.deep_blocks)
        )
        return -(-pixels // 16)

    def quality_tensor(self, quality: int) -> Tensor:
        return torch.tensor([float(quality)], device=self.device)

    @torch.inference_mode()
    def analyse(self, x: Tensor, quality: int) -> Tensor:
        """Scaled latents (1, M, H/16, W/16) of an image (1, 3, H, W) in [-0.5, 0.5]."""
        q = self.quality_tensor(quality)
        with self.fast_precision():
            return self.analysis(x.to(self.device), q) * self.gain(q)[0]

    def unscaled(self, latents: Tensor, quality: int) -> Tensor:
        """Scaled latents without the gain of a quality."""
        return latents.to(self.device) * self.gain(self.quality_tensor(quality))[1]

    @torch.inference_mode()
    def synthesise(self, latents: Tensor, quality: int) -> Tensor:
        """Image (1, 3, H, W), about [-0.5, 0.5], of scaled latents (1, M, H/16, W/16)."""
        q = self.quality_tensor(quality)
        with self.fast_precision():
            return self.synthesis(latents.to(self.device) * self.gain(q)[1], q)

    @torch.inference_mode()
    def encode_latents(self, y: Tensor, quality: int, *, rdoq: bool = False) -> bytes:
        """Quantise scaled latents (1, M, h, w) and code them, step by step.

        Args:
            rdoq: round towards zero where that saves more bits than its error is worth
                (rate-distortion optimised quantisation, on one symbol at a time).
        """
        encoder = SymbolEncoder(self.tables)
        self.quantise(y, quality, encoder.add, rdoq=rdoq)
        return encoder.finish()

    @torch.inference_mode()
    def quantise(
        self,
        y: Tensor,
        quality: int,
        add: Callable[[Int32Array, IndexArray], None],
        *,
        rdoq: bool,
    ) -> Tensor:
        """As `encode_latents`, but give the symbols of each step and their scale indices to `add`.

        Returns:
            The scaled latents that a decoder will have.
        """
        height, width = y.shape[2:]
        z = self.hyper_latents(y, quality)
        add(_flat(z).to(torch.int32).cpu().numpy(), self._hyper_indices(quality, z.shape))
        steps = pack(_pad_to_multiple(y, 2))
        inside = self._inside(height, width)

        def source(t: int, mean: Tensor, index: Tensor) -> Tensor:
            where, indices = _coded(index, inside, t)
            residual = torch.from_numpy(_flat(steps[t] - mean).cpu().numpy()[where])
            if rdoq:
                rounded = rdoq_round(residual, torch.from_numpy(indices))
            else:
                rounded = torch.round(residual)
            symbols = rounded.clamp(-(2**30), 2**30).to(torch.int32).numpy()
            add(symbols, indices)
            return self._symbols(_scatter(symbols, where, mean.numel()), mean.shape)

        return self._decode(z, height, width, quality, source)

    @torch.inference_mode()
    def decode_latents(self, payload: bytes, height: int, width: int, quality: int) -> Tensor:
        """Scaled latents (1, M, height, width) from what `encode_latents` wrote.

        Raises:
            CorruptFileError: the payload is malformed.
        """
        decoder = SymbolDecoder(self.tables, payload)
        channels, strides = self.config.hyper_channels, HYPER_STRIDE
        shape = (1, channels, -(-height // strides), -(-width // strides))
        z = self._symbols(decoder.take(self._hyper_indices(quality, shape)), shape)
        inside = self._inside(height, width)

        def read(t: int, mean: Tensor, index: Tensor) -> Tensor:
            where, indices = _coded(index, inside, t)
            values = _scatter(decoder.take(indices), where, mean.numel())
            return self._symbols(values, mean.shape)

        return self._decode(z, height, width, quality, read)

    def hyper_latents(self, y: Tensor, quality: int) -> Tensor:
        """Rounded hyper-latents z of scaled latents y, integer-valued."""
        padded = _pad_to_multiple(y, HYPER_STRIDE)
        # On maps two wide, oneDNN's bfloat16 convolutions with a stride read memory that nobody
        # wrote (torch 2.13, AVX-512): now and then, NaN.
        fast = padded.shape[3] > _NARROW
        with self.fast_precision() if fast else nullcontext():
            z = self.hyper_analysis(padded, self.quality_tensor(quality))
        index = self.hyper_index[quality - 1][:, None, None]
        return rdoq_round(z, index).clamp(-HYPER_MAX, HYPER_MAX)

    def fast_precision(self) -> torch.autocast:
        """Half the time where the CPU has bfloat16 instructions; as in training.

        Only for the transforms: encoder and decoder walk through the prior alike. In the
        synthesis it moves one pixel in twenty by one level, 0.001 to 0.002 dB.
        """
        fast = self.device.type == "cpu" and has_bfloat16()
        return torch.autocast(self.device.type, torch.bfloat16, enabled=fast)

    def _decode(
        self, z: Tensor, height: int, width: int, quality: int, source: SymbolSource
    ) -> Tensor:
        q = self.quality_tensor(quality)
        even = (height + height % 2, width + width % 2)
        return self.prior.walk(z, even, q, self.gain(q), source)[:, :, :height, :width]

    def _inside(self, height: int, width: int) -> list[Tensor] | None:
        """Of each step, on the CPU, which latents are the image's; None: all, for even sizes."""
        if height % 2 == width % 2 == 0:
            return None
        ones = torch.ones(1, self.config.latent_channels, height, width, dtype=torch.bool)
        return pack(F.pad(ones, (0, width % 2, 0, height % 2)))

    def _hyper_indices(self, quality: int, shape: Sequence[int]) -> IndexArray:
        return np.tile(self.hyper_index[quality - 1].cpu().numpy(), shape[2] * shape[3])

    def _symbols(self, values: Int32Array, shape: Sequence[int]) -> Tensor:
        """The inverse of `_flat`, on the model's device."""
        batch, channels, height, width = shape
        flat = torch.from_numpy(values).to(self.device, torch.float32)
        return flat.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def _pad_to_multiple(y: Tensor, size: int) -> Tensor:
    """Last row and column repeated until both are multiples of `size`."""
    height, width = y.shape[2:]
    if height % size == width % size == 0:
        return y  # F.pad would copy
    return F.pad(y, (0, -width % size, 0, -height % size), mode="replicate")


def _flat(x: Tensor) -> Tensor:
    """(1, C, h, w) -> (h * w * C,): the order in which symbols are coded."""
    return x.permute(0, 2, 3, 1).flatten()


def _coded(
    index: Tensor, inside: list[Tensor] | None, step: int
) -> tuple[npt.NDArray[np.intp], IndexArray]:
    """Which of a step's flat symbols are coded, and their scale indices; the others are zero."""
    indices = _flat(index.clamp(0, SCALE_LEVELS - 1)).to(torch.uint8).cpu().numpy()
    coded = indices >= LEAST_CODED
    if inside is not None:
        coded &= _flat(inside[step]).numpy()
    where = np.flatnonzero(coded)
    return where, indices[where]


def _scatter(values: Int32Array, where: npt.NDArray[np.intp], length: int) -> Int32Array:
    full = np.zeros(length, dtype=np.int32)
    full[where] = values
    return full
