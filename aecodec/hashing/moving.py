"""Duplicates moved into a folder, and back.

An undo file has a line of JSON for each file, written before the file is moved:
{"from": "/photos/a.jpg", "to": "/duplicates/photos/a.jpg"}
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aecodec.errors import AecodecError
from aecodec.storage.folders import is_url


@dataclass
class Moved:
    """What was done.

    Attributes:
        files: (from, to) of those that were moved.
        failed: (path, reason) of those that stay where they are.
    """

    files: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def plan_moves(paths: Iterable[str], folder: Path) -> list[tuple[str, str]]:
    """(from, to) of each file: below the folder, with its own folders, so that names cannot clash.

    Files in a store stay there. Nothing is changed.
    """
    top = os.path.abspath(folder)
    moves = []
    for path in paths:
        if is_url(path):
            continue
        drive, rest = os.path.splitdrive(os.path.abspath(path))
        moves.append((path, os.path.join(top, drive.replace(":", ""), rest.lstrip(os.sep))))
    return moves


def linked_files(paths: Iterable[str], links: Iterable[str]) -> dict[str, str]:
    """Which of some files symbolic links lead to, and one of these: they would lead nowhere."""
    targets = {os.path.realpath(link): link for link in links}
    return {
        path: targets[os.path.realpath(path)]
        for path in paths
        if os.path.realpath(path) in targets and not os.path.islink(path)
    }


def move_files(moves: Sequence[tuple[str, str]], undo: Path) -> Moved:
    """Move the files, each after its line in the undo file. Nothing is ever overwritten.

    Raises:
        FileExistsError: the undo file exists.
        OSError: it cannot be written.
    """
    moved = Moved()
    undo.parent.mkdir(parents=True, exist_ok=True)
    with open(undo, "x", encoding="utf-8") as log:
        for source, target in moves:
            log.write(json.dumps({"from": source, "to": target}) + "\n")
            log.flush()
            os.fsync(log.fileno())
            _try(source, target, moved)
    return moved


def undo_moves(undo: Path) -> Moved:
    """Move the files of an undo file back, the last first.

    What was never moved, or is back already, is passed over.

    Raises:
        AecodecError: not an undo file.
        OSError: it cannot be read.
    """
    moves = []
    for number, line in enumerate(undo.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            moves.append((str(entry["to"]), str(entry["from"])))
        except (ValueError, KeyError, TypeError):
            raise AecodecError(f"{undo}: line {number} is none of an undo file") from None
    moved = Moved()
    for source, target in reversed(moves):
        if os.path.lexists(source):
            _try(source, target, moved)
        elif not os.path.lexists(target):
            moved.failed.append((source, "no longer there"))
    return moved


def _try(source: str, target: str, moved: Moved) -> None:
    try:
        _move(source, target)
    except OSError as error:
        moved.failed.append((source, (error.strerror or str(error)).lower()))
    else:
        moved.files.append((source, target))


def _move(source: str, target: str) -> None:
    """To where nothing is; across file systems, too.

    Raises:
        OSError: something is there, or it cannot be done; the source is then untouched.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.lexists(target):
        raise FileExistsError(17, f"{target} exists")
    try:
        os.link(source, target, follow_symlinks=False)  # fails where another was faster
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without links
        import shutil

        with open(target, "xb"):  # nobody else may take the name
            pass
        try:
            shutil.copy2(source, target)
        except BaseException:
            os.unlink(target)
            raise
    os.unlink(source)
