"""Weight files of hash models: safetensors with architecture and calibration inside."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aecodec.hashing.calibration import Calibration
from aecodec.hashing.config import HashConfig
from aecodec.hashing.networks import Networks, OnnxHash
from aecodec.nn.arrays import AnyArray
from aecodec.weights import find_weights, loading

DEFAULT_MODEL = "hash-photo"
_OLD_NAMES = {"photo": "hash-photo", "cifar10": "hash-cifar10"}  # in indexes of earlier versions


@dataclass(frozen=True)
class Loaded:
    """A model ready for use.

    Attributes:
        config: its architecture.
        networks: that run it.
        fingerprint: 16 hex digits that name what decides a code: architecture and weights.
        calibration: distances measured on validation photos; None if none were.
    """

    config: HashConfig
    networks: Networks
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


def load(path: Path, runtime: str) -> Loaded:
    """The model of a weight file. Kept until the file changes.

    Args:
        path: of the file.
        runtime: "onnx", or the device where torch is to run, "cpu" or "cuda".

    Raises:
        AecodecError: the file is missing or not a hash model's weights.
    """
    return loading.load(path, runtime, "hash", _build)


def _build(file: loading.WeightFile, runtime: str) -> Loaded:
    config = HashConfig.from_json(file.metadata["config"])
    text = file.metadata.get("calibration")
    networks: Networks
    if runtime == "onnx":
        networks = OnnxHash(config, file.tensors)
    else:
        from aecodec.hashing.torch_networks import TorchHash, load_model

        networks = TorchHash(load_model(config, file.tensors, runtime))
    calibration = Calibration.from_json(text) if text else None
    return Loaded(config, networks, _fingerprint(config, file.tensors), calibration)


def _fingerprint(config: HashConfig, tensors: Mapping[str, AnyArray]) -> str:
    """Not of the file: a new calibration changes no code."""
    digest = hashlib.sha256(config.to_json().encode())
    for name, tensor in sorted(tensors.items()):
        kind = f"torch.{tensor.dtype}"  # as indexes of earlier versions have it
        digest.update(json.dumps([name, kind, list(tensor.shape)]).encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()[:16]
