"""Where a model runs."""

from __future__ import annotations

import torch

from aecodec.errors import AecodecError


def choose_device(name: str) -> torch.device:
    """The device of a name: "auto", "cpu" or "cuda".

    Raises:
        AecodecError: there is no such device here.
    """
    available = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if available else "cpu"
    if name == "cuda" and not available:
        raise AecodecError("no CUDA device here; use --device cpu")
    if name not in ("cpu", "cuda"):
        raise AecodecError(f"unknown device {name!r}; use auto, cpu or cuda")
    return torch.device(name)
