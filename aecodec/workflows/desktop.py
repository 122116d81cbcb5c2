"""Tell a user's desktop of .aec files: their type, what they begin with, how to show them small.

By the standards of freedesktop.org: shared-mime-info, and thumbnailers as GNOME, Xfce and others
read them; and by a line for `file`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from aecodec.errors import AecodecError
from aecodec.storage.atomic import write_atomically

MIME_TYPE = "image/x-aec"

_MIME = f"""<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="{MIME_TYPE}">
    <comment>aecodec image</comment>
    <magic priority="60"><match type="string" offset="0" value="\\x89AEC"/></magic>
    <glob pattern="*.aec"/>
  </mime-type>
</mime-info>
"""
_THUMBNAILER = """[Thumbnailer Entry]
TryExec={program}
Exec={command} thumbnail %i -o %o -s %s --format png --force --quiet
MimeType={mime_type};
"""
_MAGIC = f"""# aecodec
0\tstring\t\\x89AEC\taecodec image
>4\tbyte\tx\t\\b, version %d
!:mime\t{MIME_TYPE}
"""


def install() -> tuple[list[Path], list[str]]:
    """Write the files for this user; nothing that others wrote is lost.

    Returns:
        The files, and notes of what is left to do.

    Raises:
        AecodecError: not a system with such desktops.
        OSError: a file cannot be written.
    """
    if os.name != "posix" or sys.platform == "darwin":
        raise AecodecError("this is for desktops by the standards of freedesktop.org, as of Linux")
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    mime = data / "mime" / "packages" / "aecodec.xml"
    thumbnailer = data / "thumbnailers" / "aecodec.thumbnailer"
    program, command = _program()
    entry = _THUMBNAILER.format(program=program, command=command, mime_type=MIME_TYPE)
    write_atomically(mime, _MIME.encode(), overwrite=True)
    write_atomically(thumbnailer, entry.encode(), overwrite=True)
    notes = [] if _update(data / "mime") else [f"run update-mime-database {data / 'mime'}"]
    return [mime, thumbnailer, _add_magic(Path.home() / ".magic")], notes


def _program() -> tuple[str, str]:
    """The program by its path, and how it is called in a desktop's file."""
    if found := shutil.which("aecodec"):
        path = os.path.abspath(found)
        return path, shlex.quote(path)
    return sys.executable, f"{shlex.quote(sys.executable)} -m aecodec_cli"


def _update(folder: Path) -> bool:
    """Have the desktop's tools read the new type; whether that was possible."""
    tool = shutil.which("update-mime-database")
    if tool is None:
        return False
    return subprocess.run([tool, folder], capture_output=True, check=False).returncode == 0


def _add_magic(path: Path) -> Path:
    """What `file` reads beside its own, a file or a folder of them."""
    if path.is_dir():
        path = path / "aecodec"
        write_atomically(path, _MAGIC.encode(), overwrite=True)
        return path
    before = path.read_text(errors="surrogateescape") if path.exists() else ""
    if _MAGIC not in before:
        text = before + ("\n" if before and not before.endswith("\n") else "") + _MAGIC
        write_atomically(path, text.encode(errors="surrogateescape"), overwrite=True)
    return path
