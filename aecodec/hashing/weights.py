"""Weight files of hash models: safetensors with architecture and calibration inside."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from aecodec.hashing.calibration import Calibration
from aecodec.hashing.config import HashConfig
from aecodec.hashing.model import ConvNorm, HashModel
from aecodec.weights import find_weights, loading

DEFAULT_MODEL = "hash-photo"
_OLD_NAMES = {"photo": "hash-photo", "cifar10": "hash-cifar10"}  # in indexes of earlier versions


@dataclass(frozen=True)
class Loaded:
    """A model ready for use.

    Attributes:
        model: in evaluation mode, in float32, its batch normalisations folded away.
        fingerprint: 16 hex digits that name what decides a code: architecture and weights.
        calibration: distances measured on validation photos; None if none were.
    """

    model: HashModel
    fingerprint: str
    calibration: Calibration | None


def find(model: str) -> Path:
    """The weight file of a shipped model's name, or of a path.

    Raises:
        AecodecError: there is none.
    """
    return find_weights(_OLD_NAMES.get(model, model), "hash")


def lasting_name(model: str | None) -> str:
    """A shipped model's name, or where its weight file is whatever the current folder."""
    if model is None:
        return DEFAULT_MODEL
    return os.path.abspath(model) if os.path.isfile(model) else model


def load(path: Path, device: torch.device) -> Loaded:
    """The model of a weight file, on a device. Kept until the file changes.

    Raises:
        AecodecError: the file is missing or not a hash model's weights.
    """
    model, (fingerprint, calibration) = loading.load(path, device, "hash", _build)
    return Loaded(model, fingerprint, calibration)


def _build(file: loading.WeightFile) -> tuple[HashModel, tuple[str, Calibration | None]]:
    config = HashConfig.from_json(file.metadata["config"])
    model = HashModel(config)
    model.load_state_dict({name: tensor.float() for name, tensor in file.tensors.items()})
    calibration = file.metadata.get("calibration")
    loaded = Calibration.from_json(calibration) if calibration else None
    _fold(model.eval().requires_grad_(False))
    return model, (_fingerprint(config, file.tensors), loaded)


def _fingerprint(config: HashConfig, tensors: dict[str, Tensor]) -> str:
    """Not of the file: a new calibration changes no code."""
    digest = hashlib.sha256(config.to_json().encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _fold(model: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it: fewer passes over memory."""
    for module in list(model.modules()):
        if isinstance(module, ConvNorm):
            convolution, norm = module[0], module[1]
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            module[0] = fuse_conv_bn_eval(convolution, norm)
            module[1] = nn.Identity()
