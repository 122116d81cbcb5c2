"""Writing files so that no half file is ever seen."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from aecodec.errors import AecodecError
from aecodec.storage.folders import identity, is_special


def refuse_to_overwrite(path: Path | None, force: bool, *inputs: Path) -> None:
    """Raise before the work rather than after it.

    Raises:
        FileExistsError: the file exists and `force` is false, or nothing can be written there.
        AecodecError: it is an input, which `force` does not allow either.
    """
    if path is None:
        return
    if reason := why_not_written(path, force):
        raise FileExistsError(reason)
    if identity(path) in {identity(each) for each in inputs} - {None}:
        raise AecodecError(f"{path}: would overwrite an input; choose another name")


def why_not_written(path: Path, force: bool) -> str:
    """Why a file must not be written there, or nothing."""
    if os.path.isdir(path):  # Path.is_dir raises where permission is missing
        return f"{path} is a folder; choose another name for the file"
    if is_special(str(path)):
        return f"{path} is no file that could be replaced; choose another"
    if os.path.lexists(path) and not force:  # a link to nothing, too
        return f"{path} exists; choose another name, or use --force to overwrite it"
    parent = path.parent
    while not os.path.exists(parent) and parent != parent.parent:
        parent = parent.parent
    if not os.path.isdir(parent):
        return f"{path} cannot be made: {parent} is a file"
    if not os.access(parent, os.W_OK | os.X_OK):
        return f"{path} cannot be made: {parent} is write-protected"
    return ""


def write_atomically(path: Path, data: bytes | memoryview, *, overwrite: bool) -> None:
    """Write a file that is there in full or not at all, and create its folder.

    Raises:
        FileExistsError: the file exists and `overwrite` is false, or it is none, as a folder is.
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
            refuse_to_overwrite(path, overwrite)
            if path.exists():
                os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is not None:  # nobody knows the temporary file's name
            error.filename, error.filename2 = str(path), None
        raise
