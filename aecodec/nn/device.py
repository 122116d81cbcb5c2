"""Where a model runs."""

from __future__ import annotations

from functools import lru_cache

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


@lru_cache(maxsize=1)
def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 natively: without, torch is slower in it than in float32."""
    capabilities: dict[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # torch 2.9 and later
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
