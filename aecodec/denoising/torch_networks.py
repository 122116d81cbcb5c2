"""The denoiser's networks in torch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.model import DenoiserModel
from aecodec.denoising.networks import Missing
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.nn.device import has_bfloat16


def load_model(
    config: DenoiserConfig, tensors: Mapping[str, AnyArray], device: str
) -> DenoiserModel:
    """The model of a weight file's tensors, in evaluation mode, in float32.

    Raises:
        RuntimeError: the tensors are another model's.
    """
    model = DenoiserModel(config)
    state = {name: torch.from_numpy(tensor).float() for name, tensor in tensors.items()}
    with torch.inference_mode(False):  # whatever the mode it is first used in: gradients may go
        model.load_state_dict(state)
        model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval().requires_grad_(False)


class TorchDenoiser:
    """`aecodec.denoising.networks.Networks` in torch, on whatever device the model is."""

    def __init__(self, model: DenoiserModel) -> None:
        self.model = model
        self._device = model.white.head.weight.device
        self._fast = self._device.type == "cpu" and has_bfloat16()

    def estimate(self, x: FloatArray, missing: Missing | None) -> FloatArray:
        with torch.inference_mode(), self._precision():
            level = self.model.estimate(self._tensor(x), self._mask(missing))
        return self._array(level)

    def whiteness_logit(self, x: FloatArray) -> float:
        with torch.inference_mode(), self._precision():
            return float(self.model.whiteness_logit(self._tensor(x)).item())

    def denoise(
        self, x: FloatArray, level: FloatArray, missing: Missing | None, white: bool
    ) -> FloatArray:
        network = self.model.white if white else self.model.camera
        with torch.inference_mode(), self._precision():
            cleaner = network(self._tensor(x), self._tensor(level), self._mask(missing))
        return self._array(cleaner)

    def _precision(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self._fast)

    def _mask(self, missing: Missing | None) -> Tensor | None:
        return None if missing is None else torch.from_numpy(missing).to(self._device)

    def _tensor(self, x: FloatArray) -> Tensor:
        return torch.from_numpy(x).to(self._device)

    @staticmethod
    def _array(x: Tensor) -> FloatArray:
        array: FloatArray = x.float().cpu().numpy()
        return array
