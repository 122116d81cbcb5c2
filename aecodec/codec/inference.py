"""The codec's model as it is shipped: its networks, and what lies between them and the symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from aecodec.codec import fast, hyper_prior
from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import has_synthesis
from aecodec.codec.entropy import IndexArray, Int32Array, SymbolDecoder, SymbolEncoder, SymbolTables
from aecodec.codec.networks import Networks
from aecodec.codec.preview import PreviewMap
from aecodec.codec.rdoq import rdoq_round
from aecodec.codec.scales import HYPER_MAX, HYPER_STRIDE
from aecodec.codec.steps import GROUPS, flat, inside, pack, pad_to_multiple, scatter, unflat
from aecodec.codec.walk import walk
from aecodec.errors import AecodecError
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.runtime import at_quality

# Of symbols with a smaller scale than this index's, 0.15, not one in ten thousand is not
# zero: they are taken to be zero, which saves the time of coding them.
LEAST_CODED = 3


class InferenceModel:
    """Networks, tables and numbers of one weight file. All maps are float32 (1, C, h, w).

    Call `load` (in `aecodec.codec.weights`) rather than the constructor.

    Args:
        config: the architecture.
        tensors: those of the weight file.
        networks: that run them.
        preview: the map for small pictures; not all weights have one.

    Raises:
        KeyError: a table is missing.
    """

    def __init__(
        self,
        config: CodecConfig,
        tensors: Mapping[str, AnyArray],
        networks: Networks,
        preview: PreviewMap | None = None,
    ) -> None:
        self.config, self.tensors, self.networks = config, tensors, networks
        self.margin = config.margin
        self.tables = SymbolTables(tensors["tables.counts"], tensors["tables.lengths"])
        self.hyper_index: IndexArray = tensors["hyper_index"]
        self.preview = preview
        self.in_whole_numbers = has_synthesis(tensors)
        self.has_fast_analysis = fast.has_analysis(tensors)
        self._is_fast = False

    def analyse(self, x: FloatArray, quality: int, fast: bool = False) -> FloatArray:
        """Scaled latents (1, M, H/16, W/16) of an image (1, 3, H, W) in [-0.5, 0.5].

        `fast`: by the leaner analysis, where these weights have one.
        """
        return self.networks.analyse(x, quality, fast and self.has_fast_analysis)

    def unscaled(self, latents: FloatArray, quality: int) -> FloatArray:
        """Scaled latents without the gain of a quality."""
        inverse = np.exp(at_quality(self.tensors["gain.log_inverse.values"], quality))
        return latents * inverse[:, None, None]

    def synthesise(self, latents: FloatArray, quality: int) -> FloatArray:
        """Image (1, 3, H, W), about [-0.5, 0.5], of scaled latents (1, M, H/16, W/16)."""
        return self.networks.synthesise(latents, quality, self._is_fast)

    def with_fast_synthesis(self) -> InferenceModel:
        """The same, with the leaner synthesis.

        Raises:
            AecodecError: these weights have none.
        """
        if not fast.has_synthesis(self.tensors):
            raise AecodecError("its weights have no fast decoder; leave out --decoder fast")
        other = copy(self)
        other._is_fast = True
        return other

    def encode_latents(
        self,
        y: FloatArray,
        quality: int,
        *,
        rdoq: bool = False,
        masking: FloatArray | None = None,
    ) -> bytes:
        """Quantise scaled latents (1, M, h, w) and code them, step by step.

        Args:
            rdoq: round towards zero where that saves more bits than its error is worth
                (rate-distortion optimised quantisation, on one symbol at a time).
            masking: as `aecodec.codec.masking` has it, (h, w), for that.
        """
        return self.coded(y, quality, rdoq=rdoq, masking=masking)[0]

    def coded(
        self, y: FloatArray, quality: int, *, rdoq: bool, masking: FloatArray | None = None
    ) -> tuple[bytes, FloatArray]:
        """The same, and the scaled latents that a decoder will have."""
        encoder = SymbolEncoder(self.tables)
        decoded = self.quantise(y, quality, encoder.add, rdoq=rdoq, masking=masking)
        return encoder.finish(), decoded

    def quantise(
        self,
        y: FloatArray,
        quality: int,
        add: Callable[[Int32Array, IndexArray], None],
        *,
        rdoq: bool,
        masking: FloatArray | None = None,
    ) -> FloatArray:
        """As `encode_latents`, but give the symbols of each step and their scale indices to `add`.

        Returns:
            The scaled latents that a decoder will have.
        """
        height, width = y.shape[2:]
        z = self.hyper_latents(y, quality)
        expect = partial(self.networks.hyper_predict, quality=quality)
        hyper_prior.walk(z.shape, expect, hyper_prior.writer(z, add))
        steps = pack(pad_to_multiple(y, 2))
        real = inside(self.config.latent_channels, height, width)
        masked = None if masking is None else _in_groups(masking)

        def source(step: int, mean: FloatArray, index: IndexArray) -> FloatArray:
            where, indices = _coded(index, real, step)
            residual = flat(steps[step] - mean)[where]
            if rdoq:
                channels = self.config.latent_channels // GROUPS
                times = None if masked is None else flat(masked[step]).repeat(channels)[where]
                rounded = rdoq_round(residual, indices, times)
            else:
                rounded = np.round(residual)
            symbols = np.clip(rounded, -(2**30), 2**30).astype(np.int32)
            add(symbols, indices)
            return unflat(scatter(symbols, where, mean.size), mean.shape)

        return self._walk(z, height, width, quality, source)

    def decode_latents(self, payload: bytes, height: int, width: int, quality: int) -> FloatArray:
        """Scaled latents (1, M, height, width) from what `encode_latents` wrote.

        Raises:
            CorruptFileError: the payload is malformed.
        """
        decoder = SymbolDecoder(self.tables, payload)
        channels, strides = self.config.hyper_channels, HYPER_STRIDE
        shape = (1, channels, -(-height // strides), -(-width // strides))
        expect = partial(self.networks.hyper_predict, quality=quality)
        z = hyper_prior.walk(shape, expect, hyper_prior.reader(decoder.take))
        real = inside(self.config.latent_channels, height, width)

        def read(step: int, mean: FloatArray, index: IndexArray) -> FloatArray:
            where, indices = _coded(index, real, step)
            return unflat(scatter(decoder.take(indices), where, mean.size), mean.shape)

        return self._walk(z, height, width, quality, read)

    def hyper_latents(self, y: FloatArray, quality: int) -> FloatArray:
        """Rounded hyper-latents z of scaled latents y, integer-valued."""
        z = self.networks.hyper_analyse(pad_to_multiple(y, HYPER_STRIDE), quality)
        index = self.hyper_index[quality - 1][:, None, None]
        return np.clip(rdoq_round(z, index), -HYPER_MAX, HYPER_MAX)

    def _walk(
        self,
        z: FloatArray,
        height: int,
        width: int,
        quality: int,
        source: Callable[[int, FloatArray, IndexArray], FloatArray],
    ) -> FloatArray:
        even = (height + height % 2, width + width % 2)
        prior = _AtQuality(self.networks, quality, self.config.latent_channels)
        z = np.clip(z, -HYPER_MAX, HYPER_MAX)
        latents = walk(prior, z, even, source)
        return latents[:, :, :height, :width]


@dataclass(frozen=True)
class _AtQuality:
    """`aecodec.codec.walk.Prior` of arrays."""

    networks: Networks
    quality: int
    channels: int

    def psi(self, z: FloatArray, size: tuple[int, int]) -> FloatArray:
        psi = self.networks.psi(z, self.quality)[:, :, : size[0], : size[1]]
        return _channels_last(psi)

    def predict(
        self, step: int, psi: FloatArray, latents: FloatArray, magnitudes: FloatArray
    ) -> tuple[FloatArray, IndexArray]:
        return self.networks.predict(step, psi, latents, magnitudes, self.quality)

    def unknown(self, psi: FloatArray) -> FloatArray:
        height, width = psi.shape[2:]
        return np.zeros((1, height, width, self.channels), np.float32).transpose(0, 3, 1, 2)


def _channels_last(x: FloatArray) -> FloatArray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def _in_groups(places: FloatArray) -> list[FloatArray]:
    """What is known of each place (h, w), for the steps' groups of channels, (1, 4, h/2, w/2)."""
    every = np.broadcast_to(places, (1, GROUPS, *places.shape))
    return pack(pad_to_multiple(every, 2))


def _coded(
    index: IndexArray, real: list[AnyArray] | None, step: int
) -> tuple[npt.NDArray[np.intp], IndexArray]:
    """Which of a step's flat symbols are coded, and their scale indices; the others are zero."""
    indices = flat(index)
    coded = indices >= LEAST_CODED
    if real is not None:
        coded &= flat(real[step])
    where = np.flatnonzero(coded)
    return where, indices[where]
