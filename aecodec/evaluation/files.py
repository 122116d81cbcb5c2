"""Result files that are either whole or not there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from aecodec.storage.atomic import write_atomically


def _finite(value: Any) -> Any:
    """The value with nan and infinities, which JSON does not know, as None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_bytes(path: Path, data: bytes) -> None:
    """Write a result, in the place of an earlier one."""
    write_atomically(path, data, overwrite=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; nan and infinities become null."""
    write_bytes(path, json.dumps(_finite(value), indent=1, allow_nan=False).encode() + b"\n")


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A GitHub table: first column to the left, the others to the right."""
    lines = [header, [":--", *("--:" for _ in header[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
