"""Standard input, written as "-", and pipes in the place of a file."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from aecodec.codec import SUFFIX
from aecodec.errors import AecodecError
from aecodec.storage.folders import is_special

STANDARD = "-"
BEGINNING = 1 << 16  # bytes that tell what is no image
_MOST = 1 << 32  # bytes of an image
_PIECE = 1 << 24


@contextmanager
def input_file(source: str) -> Iterator[Path]:
    """The file's path; that of a temporary one with what comes from standard input or a pipe.

    A pipe can be read only once, whereas a file's beginning is looked at before it is opened. Of
    what is neither image nor .aec file, only the beginning is there: it tells that.

    Raises:
        AecodecError: there is nothing, no end to it, or not an .aec file that begins as one.
        OSError: it cannot be read.
    """
    if source != STANDARD and (os.path.isdir(source) or not is_special(source)):
        yield Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard-input"
        with open(path, "wb") as file:
            if source == STANDARD:
                start = _copy(source, sys.stdin.buffer, file)
            else:
                with open(source, "rb") as pipe:
                    start = _copy(source, pipe, file)
        if _is_aec(start):  # by their suffixes, commands tell these from images
            path = path.rename(path.with_suffix(SUFFIX))
        yield path


def without_path(text: str, path: Path, source: str) -> str:
    """A message about the temporary file as one about what the user gave."""
    return text.replace(f"{source}: {path}: ", f"{source}: ").replace(str(path), source)


def _copy(name: str, source: IO[bytes], file: IO[bytes]) -> bytes:
    """All of it that is to be read; returns how it begins."""
    from aecodec.images.reading import may_be_image

    start = source.read(BEGINNING)
    if not start:
        where = "on standard input" if name == STANDARD else "comes from it"
        raise AecodecError(f"{name}: nothing {where}")
    if _is_aec(start):
        from aecodec.codec.container import read_bytes

        try:
            file.write(read_bytes(cast("IO[bytes]", _Begun(start, source))))
        except AecodecError as error:
            raise type(error)(f"{name}: {error}") from None
        return start
    file.write(start)
    size, more = len(start), may_be_image(start)
    while more and (piece := source.read(_PIECE)):
        size += len(piece)
        if size > _MOST:
            raise AecodecError(f"{name}: more than {_MOST:,} bytes")
        file.write(piece)
    return start


def _is_aec(start: bytes) -> bool:
    return start.startswith(b"\x89AEC")


class _Begun:
    """A stream of which the beginning has been read."""

    def __init__(self, beginning: bytes, source: IO[bytes]) -> None:
        self._beginning, self._source = beginning, source

    def read(self, size: int) -> bytes:
        if not self._beginning:
            return self._source.read(size)
        data, self._beginning = self._beginning[:size], self._beginning[size:]
        return data
