"""File sizes as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d+\.?\d*|\.\d+)\s*([kmg]i?)?b?", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes in a size such as 2000, 200kB, 1.5MB or 200KiB.

    Raises:
        ValueError: it is no size, or less than a byte.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 200kB, 1.5MB, 200KiB or 2000")
    size = int(Decimal(match[1]) * _UNITS[(match[2] or "").lower()])
    if size < 1:
        raise ValueError(f"{text!r} is less than a byte")
    return size
