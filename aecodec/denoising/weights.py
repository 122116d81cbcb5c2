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
    return loading.load(path, device, "denoiser", _build)


def _build(file: loading.WeightFile, device: torch.device) -> DenoiserModel:
    model = DenoiserModel(DenoiserConfig.from_json(file.metadata["config"]))
    tensors = {name: torch.from_numpy(tensor).float() for name, tensor in file.tensors.items()}
    with torch.inference_mode(False):  # whatever the mode it is first used in: gradients may go
        model.load_state_dict(tensors)
        model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval().requires_grad_(False)
