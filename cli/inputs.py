"""Finding input files."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from aecodec.errors import AecodecError
from aecodec.folders import fail, walk


def find_files(
    folder: Path, suffixes: Collection[str], on_error: Callable[[OSError], None] = fail
) -> list[Path]:
    """As `aecodec.folders.walk`, sorted."""
    return sorted(map(Path, walk(folder, suffixes, on_error)))


def keep_inputs(target: Path | None, *inputs: Path) -> None:
    """Raise AecodecError before an input is overwritten, which --force does not allow either."""
    if target is not None and identity(target) in {identity(path) for path in inputs} - {None}:
        raise AecodecError(f"{target}: would overwrite an input; choose another name")


def identity(path: Path) -> tuple[int, int] | None:
    """What two paths to one file have in common; None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
