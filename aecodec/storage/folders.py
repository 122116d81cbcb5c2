"""Finding files below folders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from aecodec.errors import AecodecError


def is_url(path: str) -> bool:
    """Whether it is of a file in a store, s3://bucket/photo.jpg, and not of one on this machine."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path) is not None


def _fail(error: OSError) -> None:
    raise error


def find_files(
    places: Iterable[str | os.PathLike[str]],
    suffixes: Collection[str],
    on_error: Callable[[OSError], None] = _fail,
) -> list[str]:
    """The files below folders that have one of these suffixes, and the files given.

    Sorted, each once, below the folders as they were given. Hidden files and folders are skipped,
    links to folders are not followed.

    Args:
        places: folders, and files of any name.
        suffixes: lower-case, with dot: what is looked for in folders.
        on_error: told of folders that cannot be listed, and left out if it returns.

    Raises:
        AecodecError: one of the places is not there.
        OSError: a folder cannot be listed.
    """
    found: set[str] = set()
    for each in places:
        place = os.fspath(each)
        if not os.path.exists(place):
            raise AecodecError(f"{place}: no such file or folder")
        if os.path.isdir(place):
            found.update(_walk(place, suffixes, on_error))
        elif not is_special(place):
            found.add(place)
    return sorted(found)


def _walk(
    folder: str, suffixes: Collection[str], on_error: Callable[[OSError], None]
) -> Iterator[str]:
    for place, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            wanted = not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes
            if wanted and not is_special(path := os.path.join(place, name)):
                yield path


def is_special(path: str) -> bool:
    """Pipes, sockets, devices: reading one could wait forever. A broken link is not special."""
    return os.path.exists(path) and not os.path.isfile(path)


def identity(path: Path) -> tuple[int, int] | None:
    """What two paths to one file have in common; None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
