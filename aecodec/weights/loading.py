"""The one loader of weight files: safetensors with the architecture in their metadata."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from aecodec.errors import AecodecError, is_out_of_memory

Model = TypeVar("Model")
Place = TypeVar("Place", bound=Hashable)

# What reading raises at bytes, JSON or weights that are not what they should be.
DAMAGE = (AttributeError, KeyError, OSError, SafetensorError, TypeError, ValueError)


@dataclass(frozen=True)
class WeightFile:
    """What is in a weight file.

    Attributes:
        path: of the file.
        metadata: texts by name; "config" is the architecture as JSON.
        tensors: as they are stored.
    """

    path: Path
    metadata: dict[str, str]
    tensors: dict[str, npt.NDArray[Any]]


def load(path: Path, place: Place, kind: str, build: Callable[[WeightFile, Place], Model]) -> Model:
    """What a family makes of a weight file, ready for use. Kept until the file changes.

    Args:
        path: of the file.
        place: where it is to run: a runtime or a device, as `build` takes it.
        kind: of model, for errors: "codec".
        build: makes it; a function of a module, as it is part of what the result is kept under.

    Raises:
        AecodecError: the file is missing, or not weights of this kind.
    """
    changed = path.stat().st_mtime_ns if path.exists() else 0
    model: Model = _load(path, place, kind, build, changed)
    return model


@lru_cache(maxsize=6)
def _load(path: Path, place: Any, kind: str, build: Any, _changed: int) -> Any:
    try:
        with safe_open(path, framework="np") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            metadata = file.metadata() or {}
        return build(WeightFile(path, metadata, tensors), place)
    except RuntimeError as error:  # tells of every tensor, in as many lines
        if is_out_of_memory(error):
            raise
        reason = f"its tensors are not those of a {kind} of this version"
        raise AecodecError(f"{path}: not a {kind} weight file ({reason})") from None
    except DAMAGE as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"{path}: not a {kind} weight file ({reason})") from None
