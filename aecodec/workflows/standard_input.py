"""Standard input in the place of a file, written as "-"."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from aecodec.codec import SUFFIX
from aecodec.errors import AecodecError

STANDARD = "-"
_MOST = 1 << 32  # bytes of an image
_PIECE = 1 << 24


@contextmanager
def input_file(source: str) -> Iterator[Path]:
    """The file's path; for "-", that of a temporary one with what comes from standard input.

    Raises:
        AecodecError: there is nothing, or no end to it.
    """
    if source != STANDARD:
        yield Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard-input"
        with open(path, "wb") as file:
            start = _copy(sys.stdin.buffer, file)
        if start.startswith(b"\x89AEC"):  # by their suffixes, commands tell these from images
            path = path.rename(path.with_suffix(SUFFIX))
        yield path


def without_path(text: str, path: Path, source: str) -> str:
    """A message about the temporary file as one about what the user gave."""
    return text.replace(f"{source}: {path}: ", f"{source}: ").replace(str(path), source)


def _copy(source: IO[bytes], file: IO[bytes]) -> bytes:
    """All of it; returns how it begins."""
    start, size = b"", 0
    while piece := source.read(_PIECE):
        start = start or piece[:16]
        size += len(piece)
        if size > _MOST:
            raise AecodecError(f"{STANDARD}: more than {_MOST:,} bytes on standard input")
        file.write(piece)
    if not size:
        raise AecodecError(f"{STANDARD}: nothing on standard input")
    file.flush()
    return start
