"""Weight files of the denoiser: safetensors with the architecture inside."""

from __future__ import annotations

from pathlib import Path

import torch

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.model import DenoiserModel
from aecodec.weights import loading

DEFAULT_MODEL = "denoise-cpu"


def load(path: Path, device: torch.device) -> DenoiserModel:
    """The model of a weight file, on a device, in float32. Kept until the file changes.

    Raises:
        AecodecError: the file is missing or not a denoiser's weights.
    """
    return loading.load(path, device, "denoiser", _build)[0]


def _build(file: loading.WeightFile) -> tuple[DenoiserModel, None]:
    model = DenoiserModel(DenoiserConfig.from_json(file.metadata["config"]))
    model.load_state_dict({name: tensor.float() for name, tensor in file.tensors.items()})
    return model, None
