"""The networks that predict means, in 8 bits: samples and tensors of a step; a codec with them.

A mean that is a little off costs bits and no quality: the encoder subtracts the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import MEAN_STEP, POSITIVE
from aecodec.codec.networks import OnnxCodec
from aecodec.codec.steps import STEPS
from aecodec.codec.torch_networks import CodecNetwork
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.integer_units import ACTIVATION_STEP
from aecodec.nn.runtime import at_quality
from aecodec.training.eight_bits.quantise import Modulation, Quantiser
from aecodec.training.eight_bits.samples import Floats, Recorder
from aecodec.training.eight_bits.units import hidden
from benchmarks.studies.eight_bits.onnx_network import OnnxNetwork, means_graph

_SLOPE = 0.01


class Known(NamedTuple):
    """What a step is asked with: psi and decoded latents without gain, (1, h, w, C)."""

    quality: int
    psi: FloatArray
    decoded: FloatArray


class RecordingCodec(OnnxCodec):
    """Networks that keep what each step was asked with.

    Attributes:
        asked: for each step.
    """

    def __init__(self, config: CodecConfig, tensors: Mapping[str, AnyArray]) -> None:
        super().__init__(config, tensors)
        self.asked: list[list[Known]] = [[] for _ in range(STEPS)]

    def predict(
        self,
        step: int,
        psi: FloatArray,
        decoded: FloatArray,
        magnitudes: FloatArray,
        quality: int,
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        maps = (np.ascontiguousarray(x.transpose(0, 2, 3, 1)) for x in (psi, decoded))
        self.asked[step].append(Known(quality, *(x.copy() for x in maps)))
        return super().predict(step, psi, decoded, magnitudes, quality)


class ByteMeansCodec(OnnxCodec):
    """Networks whose means are those of 8 bits.

    Args:
        config, tensors: of the weight file.
        means: the tensors of all steps in 8 bits.
    """

    def __init__(
        self, config: CodecConfig, tensors: Mapping[str, AnyArray], means: Mapping[str, AnyArray]
    ) -> None:
        super().__init__(config, tensors)
        self._gains = tensors["gain.log_inverse.values"]
        self._means = [OnnxNetwork(means_graph(config, means, s)) for s in range(STEPS)]

    def predict(
        self,
        step: int,
        psi: FloatArray,
        decoded: FloatArray,
        magnitudes: FloatArray,
        quality: int,
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        _, index = super().predict(step, psi, decoded, magnitudes, quality)
        known = Known(quality, psi.transpose(0, 2, 3, 1), decoded.transpose(0, 2, 3, 1))
        mean = self._means[step](quality, **network_inputs(known, self._gains))["mean"]
        return mean.transpose(0, 3, 1, 2), index


def network_inputs(known: Known, log_inverse: AnyArray) -> dict[str, FloatArray]:
    """The inputs of a step's network in 8 bits, which takes latents with their gain."""
    gain = np.exp(-at_quality(log_inverse, known.quality))
    return {"psi": np.ascontiguousarray(known.psi), "decoded": known.decoded * gain}


@torch.inference_mode()
def float_samples(network: CodecNetwork, step: int, asked: Sequence[Known]) -> Floats:
    """Of a step's float network."""
    means: Any = network.prior.means[step]
    record = Recorder()

    def kept(name: str) -> None:
        layer = getattr(means, name)
        kernel = layer.kernel_size[0]
        layer.register_forward_hook(lambda _m, x, y: record.conv(name, x[0], y, kernel))

    for name in ("head", "mid", "tail"):
        kept(name)
    for module, name in ((means.scale, "head"), (means.mid, "mid")):
        module.register_forward_hook(
            lambda _m, _i, y, name=name: record(f"seen {name}", F.leaky_relu(y, _SLOPE))
        )
    for number, one in enumerate(asked):
        record.number = number
        psi, decoded = (torch.from_numpy(x).permute(0, 3, 1, 2) for x in one[1:])
        record("seen psi", psi)
        record("seen decoded", decoded)
        x = psi * ACTIVATION_STEP
        means(torch.cat([x, decoded], 1) if step else x, network.quality_tensor(one.quality))
    return record.floats()


class MeanQuantiser(Quantiser):
    """Of a step's `aecodec.codec.prior.MeanNetwork`.

    Args:
        tensors: of the weight file.
        step: of the four.
        floats: samples of the float network.
    """

    def __init__(self, tensors: Mapping[str, AnyArray], step: int, floats: Floats) -> None:
        super().__init__(tensors, f"prior.means.{step}.", floats)
        self._step = step

    def names(self) -> list[str]:
        return ["head", "mid", "tail"]

    def importance(self, name: str, quality: int) -> float:
        """Bits are the same at all qualities."""
        return 1.0

    def _make(self) -> None:
        seen, least, most = self.floats.seen, self.floats.least, self.floats.most
        inputs = self._unit("psi")
        self._made["psi.multiplier"] = (1 / inputs).astype(np.float32)
        inputs = inputs * ACTIVATION_STEP
        if self._step:
            decoded = self._unit("decoded")
            inverse = np.exp(self._all("gain.log_inverse.values"))
            self._made["decoded.multiplier"] = (inverse / decoded).astype(np.float32)
            inputs = np.concatenate([inputs, decoded])
        factor = np.exp(self._all(f"{self.network}scale.log_scale.values"))
        head, mid = (hidden(seen[name], least[name], most[name]) for name in ("head", "mid"))
        still = Modulation(factor, np.zeros_like(factor))
        self._conv("head", inputs, head.unit, modulation=still, sign=head.sign)
        self._conv("mid", head.after, mid.unit, POSITIVE, sign=mid.sign, dropped=head.dropped)
        gain = np.exp(self._all("gain.log_gain.values"))
        steps = np.full(gain.shape[1], MEAN_STEP)
        modulation = Modulation(gain, np.zeros_like(gain))
        self._conv("tail", mid.after, steps, POSITIVE, modulation, dropped=mid.dropped)
