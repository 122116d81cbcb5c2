"""Where a model runs."""

from __future__ import annotations

import os
from functools import lru_cache

import torch

from aecodec.errors import AecodecError

if hasattr(os, "register_at_fork"):
    # A forked process has none of its parent's threads, and would wait for them for ever.
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


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
    """Whether this CPU multiplies bfloat16 natively: else, torch is slower in it than float32."""
    capabilities: dict[str, bool] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # torch 2.9 and later
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def training_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it faster than float32, else float32: to train in."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = has_bfloat16()
    return torch.bfloat16 if fast else torch.float32


@lru_cache(maxsize=1)
def has_int8_products() -> bool:
    """Whether torch multiplies int8 matrices on this CPU exactly, and faster than floats.

    It does where there are AVX512-VNNI instructions. Without them some of its releases
    overflow (pytorch issue 136746), so what it claims is tried with the largest sums.
    """
    supported = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    if not (hasattr(torch, "_int_mm") and supported()):
        return False
    a = torch.tensor([[-128], [127]], dtype=torch.int8).repeat(16, 256)
    b = torch.tensor([[-127, 127]], dtype=torch.int8).repeat(256, 16)
    return torch.equal(torch._int_mm(a, b).long(), a.long() @ b.long())
