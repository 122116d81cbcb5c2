"""The codec's networks in torch: for GPUs, refinement and training's last steps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import EIGHT_BITS, has_means, has_synthesis
from aecodec.codec.eight_bits.torch_ops import torch_means, torch_synthesis
from aecodec.codec.fast import SYNTHESIS as FAST_SYNTHESIS
from aecodec.codec.fast import fast_config, has_analysis
from aecodec.codec.networks import Networks
from aecodec.codec.prior import AtQuality, HyperAnalysis, HyperPrior, LatentPrior
from aecodec.codec.scales import SCALE_LEVELS
from aecodec.codec.transforms import AnalysisTransform, Gain, SynthesisTransform
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.device import has_bfloat16
from aecodec.nn.integer import ExactConv2d

_NARROW = 8  # latents


class CodecNetwork(nn.Module):
    """Float transforms and exact integer scale networks, as they are shipped.

    Call `load` rather than the constructor, which leaves the weights at random.
    """

    def __init__(self, config: CodecConfig, has_fast_analysis: bool = False) -> None:
        super().__init__()
        self.config, lean = config, fast_config(config)
        self.analysis = AnalysisTransform(config)
        self.fast_analysis = AnalysisTransform(lean) if has_fast_analysis else None
        self.synthesis = SynthesisTransform(config)
        self.gain = Gain(config)
        self.hyper_analysis = HyperAnalysis(config)
        self.hyper_prior = HyperPrior(config, ExactConv2d)
        self.prior = LatentPrior(config, exact=True)
        self.eight_bits: dict[str, Tensor] = {}  # the tensors in 8 bits

    @classmethod
    @torch.inference_mode(False)  # whatever the mode it is first used in
    def load(
        cls, config: CodecConfig, tensors: Mapping[str, AnyArray], device: str
    ) -> CodecNetwork:
        """With the tensors of a weight file, on a device.

        Raises:
            RuntimeError: the tensors are another model's.
        """
        network = cls(config, has_analysis(tensors))
        wanted = {
            name: torch.from_numpy(
                tensor.astype(np.float32) if tensor.dtype.kind == "f" else tensor
            )
            for name, tensor in tensors.items()
            if not name.startswith(("tables.", EIGHT_BITS)) and name != "hyper_index"
        }
        network.load_state_dict(wanted, assign=True)
        network.eight_bits = {
            name: torch.from_numpy(tensor).to(device)
            for name, tensor in tensors.items()
            if name.startswith(EIGHT_BITS)
        }
        network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return self.gain.log_gain.values.device

    def quality_tensor(self, quality: int) -> Tensor:
        return torch.tensor([float(quality)], device=self.device)

    def fast_precision(self) -> torch.autocast:
        """Half the time where the CPU has bfloat16 instructions; as in training.

        Only for the transforms: encoder and decoder walk through the prior alike. In the
        synthesis it moves one pixel in twenty by one level, 0.001 to 0.002 dB.
        """
        fast = self.device.type == "cpu" and has_bfloat16()
        return torch.autocast(self.device.type, torch.bfloat16, enabled=fast)


class TorchCodec:
    """`aecodec.codec.networks.Networks` in torch, on whatever device the network is.

    Args:
        network: the networks.
        in_8_bits: what decodes in 8 bits instead: the same in less time, as torch has no such
            convolutions for CPUs and computes them in float64. All of the decoder's networks are
            its own: threads of two runtimes would be in each other's way.
    """

    def __init__(self, network: CodecNetwork, in_8_bits: Networks | None = None) -> None:
        self.network, self._in_8_bits = network, in_8_bits

    def analyse(self, x: FloatArray, quality: int, fast: bool = False) -> FloatArray:
        network, q = self.network, self.network.quality_tensor(quality)
        analysis = network.fast_analysis if fast and network.fast_analysis else network.analysis
        with torch.inference_mode(), network.fast_precision():
            return _array(analysis(self._tensor(x), q) * network.gain(q)[0])

    def hyper_analyse(self, y: FloatArray, quality: int) -> FloatArray:
        network, q = self.network, self.network.quality_tensor(quality)
        # On maps two wide, oneDNN's bfloat16 convolutions with a stride read memory that nobody
        # wrote (torch 2.13, AVX-512): now and then, NaN.
        fast = y.shape[3] > _NARROW
        with torch.inference_mode(), network.fast_precision() if fast else nullcontext():
            return _array(network.hyper_analysis(self._tensor(y), q))

    def hyper_predict(
        self, known: FloatArray, quality: int
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        if self._in_8_bits:
            return self._in_8_bits.hyper_predict(known, quality)
        with torch.inference_mode():
            mean, index = self.network.hyper_prior(self._tensor(known), quality)
            return _array(mean), _array(_index(index))

    def psi(self, z: FloatArray, quality: int) -> FloatArray:
        if self._in_8_bits:
            return self._in_8_bits.psi(z, quality)
        with torch.inference_mode():
            return _array(self.network.prior.hyper_synthesis(self._tensor(z), quality))

    def predict(
        self,
        step: int,
        psi: FloatArray,
        latents: FloatArray,
        magnitudes: FloatArray,
        quality: int,
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        network, q = self.network, self.network.quality_tensor(quality)
        if self._in_8_bits:
            return self._in_8_bits.predict(step, psi, latents, magnitudes, quality)
        with torch.inference_mode():
            prior = AtQuality(network.prior, q, network.gain(q))
            features, known, known_magnitudes = map(self._tensor, (psi, latents, magnitudes))
            if has_means(network.eight_bits):
                mean = torch_means(network.eight_bits, features, known, step, quality)
            else:
                mean = prior.mean(step, features, known)
            index = prior.scale(step, features, known_magnitudes)
            return _array(mean), _array(_index(index))

    def synthesise(self, latents: FloatArray, quality: int, fast: bool = False) -> FloatArray:
        network, q = self.network, self.network.quality_tensor(quality)
        if self._in_8_bits:
            return self._in_8_bits.synthesise(latents, quality, fast)
        if fast:
            lean, y = fast_config(network.config), self._tensor(latents)
            x = torch_synthesis(lean, network.eight_bits, y, quality, FAST_SYNTHESIS)
            return _array(x)
        if has_synthesis(network.eight_bits):
            y = self._tensor(latents)
            return _array(torch_synthesis(network.config, network.eight_bits, y, quality))
        with torch.inference_mode(), network.fast_precision():
            return _array(network.synthesis(self._tensor(latents) * network.gain(q)[1], q))

    def _tensor(self, x: FloatArray) -> Tensor:
        return torch.from_numpy(x).to(self.network.device)


def _index(x: Tensor) -> Tensor:
    return x.clamp(0, SCALE_LEVELS - 1).to(torch.uint8)


def _array(x: Tensor) -> Any:
    return x.cpu().numpy()
