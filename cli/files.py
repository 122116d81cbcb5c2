"""Finding input files, and writing outputs so that no half file is ever seen."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Collection
from pathlib import Path


def walk(
    folder: Path, suffixes: Collection[str], on_error: Callable[[OSError], None]
) -> list[Path]:
    """Files below a folder with one of these suffixes (lower-case, with dot), sorted.

    Hidden files and folders are skipped, links to folders are not followed. Folders
    that cannot be listed are left out, and `on_error` is told.
    """
    found = []
    for place, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += [p for p in paths if p.suffix.lower() in suffixes and not _is_special(p)]
    return sorted(found)


def _is_special(path: Path) -> bool:
    """Pipes, sockets, devices: reading one could wait forever. A broken link is not special."""
    return os.path.exists(path) and not os.path.isfile(path)


def identity(path: Path) -> tuple[int, int] | None:
    """What two paths to one file have in common; None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def refuse_to_overwrite(path: Path | None, force: bool) -> None:
    """Raise FileExistsError before the work rather than after it."""
    if path and path.exists() and not force:
        raise FileExistsError(f"{path} exists; use --force to overwrite it")


def write_atomically(path: Path, data: bytes | memoryview, *, overwrite: bool) -> None:
    """Write a file that is there in full or not at all, and create its folder.

    Raises:
        FileExistsError: the file exists and `overwrite` is false.
        OSError: it cannot be written; names `path`, and what was there before is untouched.
    """
    # Not tempfile: its files are private, whereas outputs follow the user's umask.
    temporary = path.parent / f".aecodec-{secrets.token_hex(6)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if overwrite and path.is_file():
                os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
            elif path.exists():
                raise FileExistsError(f"{path} exists; use --force to overwrite it")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is not None:  # nobody knows the temporary file's name
            error.filename, error.filename2 = str(path), None
        raise
