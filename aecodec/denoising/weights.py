"""Weight files of the denoiser: safetensors with the architecture inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.networks import Networks, OnnxDenoiser
from aecodec.weights import loading

DEFAULT_MODEL = "denoise-cpu"


@dataclass(frozen=True)
class Loaded:
    """A model ready for use: its architecture, and networks that run it."""

    config: DenoiserConfig
    networks: Networks


def load(path: Path, runtime: str) -> Loaded:
    """The model of a weight file. Kept until the file changes.

    Args:
        path: of the file.
        runtime: "onnx", or the device where torch is to run, "cpu" or "cuda".

    Raises:
        AecodecError: the file is missing or not a denoiser's weights.
    """
    return loading.load(path, runtime, "denoiser", _build)


def _build(file: loading.WeightFile, runtime: str) -> Loaded:
    config = DenoiserConfig.from_json(file.metadata["config"])
    if runtime == "onnx":
        return Loaded(config, OnnxDenoiser(config, file.tensors))
    from aecodec.denoising.torch_networks import TorchDenoiser, load_model

    return Loaded(config, TorchDenoiser(load_model(config, file.tensors, runtime)))
