"""Estimators as files: safetensors with JSON in the header, so that reading runs no code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save as to_bytes
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from aecodec._version import __version__
from aecodec.autoencoders.family import ESTIMATORS, Family
from aecodec.errors import AecodecError, CorruptFileError
from aecodec.storage.atomic import write_atomically
from aecodec.weights.loading import DAMAGE

_KEY = "aecodec.autoencoders"
_VERSION = 1


def dumps(estimator: Any) -> bytes:
    """A fitted estimator as the bytes of a file; see `BaseAutoencoder.save`."""
    tensors: dict[str, Tensor] = {}
    header = {"version": _VERSION, "aecodec": __version__}
    header |= _describe(estimator, "", tensors)
    return to_bytes(tensors, metadata={_KEY: json.dumps(header)})


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator; a reader sees the old file or the new one, never half of one."""
    write_atomically(Path(path), dumps(estimator), overwrite=True)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a fitted estimator.

    Raises:
        CorruptFileError: not such a file, or damaged.
        OSError: it cannot be read at all.
    """
    open(path, "rb").close()  # says best what is wrong with the file as such
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header["version"] != _VERSION:
            raise CorruptFileError(f"{path}: written by a newer aecodec ({header['aecodec']})")
        return _restore(header, "", tensors)
    except (RuntimeError, *DAMAGE) as error:
        raise CorruptFileError(f"{path}: not a saved autoencoder, or damaged ({error})") from None


def _describe(estimator: Any, prefix: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The estimator's JSON; its weights go to `tensors`."""
    if isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    name = type(estimator).__name__
    if type(estimator) not in ESTIMATORS.values():
        raise AecodecError(f"{name} cannot be saved; only aecodec's own estimators can")
    check_is_fitted(estimator)
    attributes: dict[str, Any] = {}
    for key, value in vars(estimator).items():
        if not key.endswith("_") or key.startswith("_"):
            continue
        if isinstance(value, torch.nn.Module):
            state = value.state_dict()
            tensors |= {f"{prefix}{key}.{name}": t.contiguous() for name, t in state.items()}
        elif key == "autoencoder_" or isinstance(value, Family | FrozenEstimator):
            attributes[key] = {"estimator": _describe(value, f"{prefix}{key}.", tensors)}
        elif isinstance(value, np.ndarray):
            attributes[key] = {"array": value.tolist()}  # feature names
        elif isinstance(value, tuple):
            attributes[key] = {"tuple": [_plain(item) for item in value]}
        else:
            attributes[key] = {"value": _plain(value)}
    # What was set since it was fitted does not change the network, and must fit it in the file.
    current = estimator.get_params(deep=False) | getattr(estimator, "_made_with", {})
    params = {key: _plain(value) for key, value in current.items()}
    return {"class": name, "params": params, "attributes": attributes}


def _plain(value: Any) -> Any:
    """A parameter as JSON; what has no JSON (a RandomState, an estimator) is left out."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else None


def _restore(header: dict[str, Any], prefix: str, tensors: dict[str, Tensor]) -> Any:
    params = {k: tuple(v) if isinstance(v, list) else v for k, v in header["params"].items()}
    estimator: Any = ESTIMATORS[header["class"]](**params)
    for key, stored in header["attributes"].items():
        ((kind, value),) = stored.items()
        if kind == "estimator":
            value = _restore(value, f"{prefix}{key}.", tensors)
        elif kind == "array":
            value = np.array(value, dtype=object)
        elif kind == "tuple":
            value = tuple(value)
        setattr(estimator, key, value)
    if isinstance(estimator, Family):
        start = f"{prefix}network_."
        state = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        estimator._restore_network(state)
    else:
        estimator.autoencoder = FrozenEstimator(estimator.autoencoder_)
    return estimator
