"""Memory that the allocator keeps after pictures of many sizes, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from itertools import count

_EVERY = 16  # calls: once costs a few milliseconds, and what was given back has to be taken anew
_calls = count(1)


def give_back_now_and_then() -> None:
    """To be called after each picture; does something once in several calls.

    The C library of Linux keeps what is freed in pieces that the next picture's tensors, of
    other sizes, do not fit: a process that goes on for long grows to twice its size.
    """
    if next(_calls) % _EVERY == 0 and (trim := _malloc_trim()) is not None:
        trim(0)


def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library, as musl
        return None
