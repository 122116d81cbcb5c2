"""Python in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def run_python(code: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run code; `options` are those of `subprocess.run`."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)
