"""The hash model's networks in torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from aecodec.hashing.config import HashConfig
from aecodec.hashing.model import ConvNorm, HashModel
from aecodec.nn.arrays import AnyArray, FloatArray


def load_model(config: HashConfig, tensors: Mapping[str, AnyArray], device: str) -> HashModel:
    """The model of a weight file's tensors, in evaluation mode, in float32 and folded.

    Raises:
        RuntimeError: the tensors are another model's.
    """
    with torch.inference_mode(False):  # whatever the mode it is first used in
        model = HashModel(config)
        state = {name: torch.tensor(tensor).float() for name, tensor in tensors.items()}
        model.load_state_dict(state)
        _fold(model.eval().requires_grad_(False))
        model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval().requires_grad_(False)


class TorchHash:
    """`aecodec.hashing.networks.Networks` in torch, on whatever device the model is."""

    def __init__(self, model: HashModel) -> None:
        self.model = model
        self._device = model.to_code.weight.device

    def logits(self, pictures: npt.NDArray[np.uint8]) -> FloatArray:
        x = torch.from_numpy(pictures).to(self._device)
        # A permuted view of rows of pixels is channels-last already.
        with torch.inference_mode():
            found: FloatArray = self.model.logits(x.permute(0, 3, 1, 2).float() / 255).cpu().numpy()
        return found

    def reconstruct(self, bits: npt.NDArray[np.bool_]) -> FloatArray:
        with torch.inference_mode():
            thumbnails = self.model.reconstruct(torch.from_numpy(bits).to(self._device))
        found: FloatArray = thumbnails.permute(0, 2, 3, 1).cpu().numpy()
        return found


def _fold(model: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it: fewer passes over memory."""
    for module in list(model.modules()):
        if isinstance(module, ConvNorm):
            convolution, norm = module[0], module[1]
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            module[0] = fuse_conv_bn_eval(convolution, norm)
            module[1] = nn.Identity()
