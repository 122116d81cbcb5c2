"""Files below folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator


def fail(error: OSError) -> None:
    """What `walk` does about a folder that cannot be listed, unless told otherwise."""
    raise error


def walk(
    folder: str | os.PathLike[str],
    suffixes: Collection[str],
    on_error: Callable[[OSError], None] = fail,
) -> Iterator[str]:
    """Paths of the files below a folder with one of these suffixes (lower-case, with dot).

    Hidden files and folders are skipped, links to folders are not followed.

    Args:
        folder: which, as the paths will begin.
        suffixes: those that are wanted.
        on_error: told of folders that cannot be listed, and left out if it returns.

    Raises:
        OSError: a folder cannot be listed.
    """
    for place, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            wanted = not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes
            if wanted and not is_special(path := os.path.join(place, name)):
                yield path


def is_special(path: str) -> bool:
    """Pipes, sockets, devices: reading one could wait forever. A broken link is not special."""
    return os.path.exists(path) and not os.path.isfile(path)
