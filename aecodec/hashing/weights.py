"""Weight files of hash models: safetensors with architecture and calibration inside."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from aecodec.errors import AecodecError
from aecodec.hashing.calibration import Calibration
from aecodec.hashing.config import HashConfig
from aecodec.hashing.model import ConvNorm, HashModel
from aecodec.weights import weight_file

DEFAULT_MODEL = "photo"
# What reading raises at bytes, JSON or weights that are not what they should be.
_DAMAGE = (
    AttributeError,
    KeyError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
)
_RECIPES = {"photo": "hash-photo", "cifar10": "hash-cifar10"}


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
    if model not in _RECIPES:
        path = Path(model)
        if not path.is_file():
            names = ", ".join(_RECIPES)
            raise AecodecError(f"{model}: no such weight file, and no model of that name ({names})")
        return path
    path = weight_file(f"hash-{model}")
    if not path.is_file():
        raise AecodecError(
            f"this build carries no hash weights ({path.name}); train some with 'aecodec train hash"
            f" --recipe {_RECIPES[model]} --data PHOTOS' and pass the file with --model"
        )
    return path


def load(path: Path, device: torch.device) -> Loaded:
    """The model of a weight file, on a device. Kept until the file changes.

    Raises:
        AecodecError: the file is missing or not a hash model's weights.
    """
    return _load(path, device, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=2)
def _load(path: Path, device: torch.device, _changed: int) -> Loaded:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            config = HashConfig.from_json(metadata["config"])
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
        model = HashModel(config)
        model.load_state_dict({name: t.float() for name, t in tensors.items()}, strict=True)
        calibration = metadata.get("calibration")
        loaded = Calibration.from_json(calibration) if calibration else None
    except _DAMAGE as error:
        reason = str(error).splitlines()[0]
        raise AecodecError(f"{path}: not a hash model's weight file ({reason})") from None
    model.eval().requires_grad_(False)
    _fold(model)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Loaded(model, _fingerprint(config, tensors), loaded)


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
