"""Weight files of the denoiser: safetensors with the architecture inside."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.model import DenoiserModel
from aecodec.errors import AecodecError
from aecodec.weights import weight_file

DEFAULT_MODEL = "denoise-cpu"


def shipped() -> Path:
    """The weight file of this build.

    Raises:
        AecodecError: it carries none.
    """
    path = weight_file(DEFAULT_MODEL)
    if not path.is_file():
        raise AecodecError(
            "this build carries no denoiser weights; train some with"
            " 'aecodec train denoise --data PHOTOS' and pass the file with --weights"
        )
    return path


def load(path: Path, device: torch.device) -> DenoiserModel:
    """The model of a weight file, on a device, in float32. Kept until the file changes.

    Raises:
        AecodecError: the file is missing or not a denoiser's weights.
    """
    return _load(path, device, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=2)
def _load(path: Path, device: torch.device, _changed: int) -> DenoiserModel:
    try:
        with safe_open(path, framework="pt") as file:
            model = DenoiserModel(DenoiserConfig.from_json(file.metadata()["config"]))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise AecodecError(f"{path}: not a denoiser's weight file ({reason})") from None
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval().requires_grad_(False)
