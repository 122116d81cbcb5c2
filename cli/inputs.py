"""Finding input files."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from aecodec.folders import fail, walk


def find_files(
    folder: Path, suffixes: Collection[str], on_error: Callable[[OSError], None] = fail
) -> list[Path]:
    """As `aecodec.folders.walk`, sorted."""
    return sorted(map(Path, walk(folder, suffixes, on_error)))


def identity(path: Path) -> tuple[int, int] | None:
    """What two paths to one file have in common; None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
