"""The networks that predict means, in 8 bits: rounded, and fitted layer by layer.

A mean that is a little off costs bits and no quality: the encoder subtracts the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import MEAN_STEP, MEANS, POSITIVE, SIGNED
from aecodec.codec.inference import InferenceModel
from aecodec.codec.networks import OnnxCodec
from aecodec.codec.steps import STEPS
from aecodec.codec.torch_networks import CodecNetwork
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.integer_units import ACTIVATION_STEP
from aecodec.nn.leak import SLOPE
from aecodec.training.eight_bits.fit import Error, fit
from aecodec.training.eight_bits.quantise import Modulation, Quantiser
from aecodec.training.eight_bits.samples import Floats, Recorder, code
from aecodec.training.eight_bits.units import hidden


class Known(NamedTuple):
    """What a step is asked with: psi and the scaled latents that are known, (1, C, h, w)."""

    quality: int
    psi: FloatArray
    latents: FloatArray


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
        latents: FloatArray,
        magnitudes: FloatArray,
        quality: int,
    ) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        self.asked[step].append(Known(quality, psi.copy(order="K"), latents.copy(order="K")))
        return super().predict(step, psi, latents, magnitudes, quality)


def byte_means(
    config: CodecConfig, tensors: Mapping[str, AnyArray], crops: Iterable[tuple[AnyArray, int]]
) -> tuple[dict[str, AnyArray], dict[str, Error]]:
    """Tensors of all steps in 8 bits, by their names in a weight file, and the errors of the fits.

    Args:
        config, tensors: of a float codec's weight file.
        crops: of photographs, uint8 (1, 3, H, W), all of one size, and the qualities that they
            are coded at.
    """
    networks = RecordingCodec(config, tensors)
    recording = InferenceModel(config, tensors, networks)
    for crop, quality in crops:
        code(recording, crop, quality)
    network = CodecNetwork.load(config, tensors, "cpu")
    made: dict[str, AnyArray] = {}
    errors: dict[str, Error] = {}
    for step, known in enumerate(networks.asked):
        quantiser = MeanQuantiser(tensors, step, float_samples(network, step, known))
        quantiser.tensors()
        for name in quantiser.names():
            fitted = fit(quantiser, name, [one.quality for one in known])
            errors[f"step {step}, {name}"] = fitted
        made |= quantiser.tensors()
    return made, errors


@torch.inference_mode()
def float_samples(network: CodecNetwork, step: int, asked: Sequence[Known]) -> Floats:
    """Of a step's float network."""
    means: Any = network.prior.means[step]
    record = Recorder()
    for name in ("mid", "tail"):
        kernel = getattr(means, name).kernel_size[0]
        getattr(means, name).register_forward_hook(
            lambda _m, x, y, name=name, kernel=kernel: record.conv(name, x[0], y, kernel)
        )
    means.head.register_forward_hook(
        lambda _m, x, y: record.conv("head", x[0] - _offset(network.config, step), y, 1)
    )
    for module, name in ((means.scale, "head"), (means.mid, "mid")):
        module.register_forward_hook(
            lambda _m, _i, y, name=name: record(f"seen {name}", F.leaky_relu(y, SLOPE))
        )
    for number, one in enumerate(asked):
        record.number = number
        quality = network.quality_tensor(one.quality)
        features = torch.from_numpy(one.psi) * ACTIVATION_STEP
        if step:
            latents = torch.from_numpy(one.latents) * network.gain(quality)[1]
            record("seen latents", latents)
            features = torch.cat([features, latents], 1)
        means(features, quality)
    return record.floats()


def _offset(config: CodecConfig, step: int) -> torch.Tensor:
    """By how much more a signed byte of each input stands for, (C, 1, 1)."""
    psi = torch.full((config.hyper_channels,), SIGNED * ACTIVATION_STEP)
    latents = torch.zeros(config.latent_channels if step else 0)
    return torch.cat([psi, latents])[:, None, None]


class MeanQuantiser(Quantiser):
    """Of a step's `aecodec.codec.prior.MeanNetwork`.

    Args:
        tensors: of the weight file.
        step: of the four.
        floats: samples of the float network.
    """

    def __init__(self, tensors: Mapping[str, AnyArray], step: int, floats: Floats) -> None:
        super().__init__(tensors, f"prior.means.{step}.", MEANS[step], floats)
        self._step = step

    def names(self) -> list[str]:
        return ["head", "mid", "tail"]

    def importance(self, name: str, quality: int) -> float:
        """Bits are the same at all qualities."""
        return 1.0

    def _make(self) -> None:
        seen, least, most = self.floats.seen, self.floats.least, self.floats.most
        inputs = self._float[f"{self.network}head.weight"].shape[1]
        latents = self._unit("latents") if self._step else np.zeros(0)
        psi = np.full(inputs - len(latents), ACTIVATION_STEP)
        offset = np.concatenate([SIGNED * psi, 0 * latents])
        if self._step:
            inverse = np.exp(self._all("gain.log_inverse.values"))
            self._made["latents.multiplier"] = (inverse / latents).astype(np.float32)
        factor = np.exp(self._all(f"{self.network}scale.log_scale.values"))
        head, mid = (hidden(seen[name], least[name], most[name]) for name in ("head", "mid"))
        still = Modulation(factor, np.zeros_like(factor))
        self._conv(
            *("head", np.concatenate([psi, latents]), head.unit),
            modulation=still,
            sign=head.sign,
            dropped=offset,
        )
        self._conv("mid", head.after, mid.unit, POSITIVE, sign=mid.sign, dropped=head.dropped)
        gain = np.exp(self._all("gain.log_gain.values"))
        steps = np.full(gain.shape[1], MEAN_STEP)
        modulation = Modulation(gain, np.zeros_like(gain))
        self._conv("tail", mid.after, steps, POSITIVE, modulation, dropped=mid.dropped)
