"""The one loader of weight files: safetensors with the architecture in their metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from aecodec.errors import AecodecError

Model = TypeVar("Model", bound=nn.Module)
Rest = TypeVar("Rest")

# What reading raises at bytes, JSON or weights that are not what they should be.
_DAMAGE = (AttributeError, KeyError, OSError, SafetensorError, TypeError, ValueError)


@dataclass(frozen=True)
class WeightFile:
    """What is in a weight file.

    Attributes:
        path: of the file.
        metadata: texts by name; "config" is the architecture as JSON.
        tensors: as they are stored, on the CPU.
    """

    path: Path
    metadata: dict[str, str]
    tensors: dict[str, Tensor]


def load(
    path: Path,
    device: torch.device,
    kind: str,
    build: Callable[[WeightFile], tuple[Model, Rest]],
) -> tuple[Model, Rest]:
    """The model of a weight file on a device, ready for use. Kept until the file changes.

    Args:
        path: of the file.
        device: where the model will be, its convolutions channels-last.
        kind: of model, for errors: "codec".
        build: makes the model, and whatever else a family wants to keep of the file; a function
            of a module, as it is part of what the result is kept under.

    Raises:
        AecodecError: the file is missing, or not weights of this kind.
    """
    changed = path.stat().st_mtime_ns if path.exists() else 0
    with torch.inference_mode(False):  # whatever the mode it is first used in: gradients may go
        return _load(path, device, kind, build, changed)


@lru_cache(maxsize=6)
def _load(path: Path, device: torch.device, kind: str, build: Any, _changed: int) -> Any:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            model, rest = build(WeightFile(path, file.metadata() or {}, tensors))
    except RuntimeError:  # tells of every tensor, in as many lines
        reason = f"its tensors are not those of a {kind} of this version"
        raise AecodecError(f"{path}: not a {kind} weight file ({reason})") from None
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"{path}: not a {kind} weight file ({reason})") from None
    model = model.to(device, memory_format=torch.channels_last)
    return model.eval().requires_grad_(False), rest
