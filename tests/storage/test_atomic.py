"""Writing outputs so that no half file is ever seen."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from aecodec.storage.atomic import refuse_to_overwrite, write_atomically


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_created_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "x" / "y" / "file"
    write_atomically(target, b"data", overwrite=False)
    assert target.read_bytes() == b"data"
    assert os.listdir(target.parent) == ["file"]


def test_a_file_that_appeared_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="--force"):
        write_atomically(target, b"data", overwrite=False)
    assert target.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_is_not_overwritten_not_even_by_force(tmp_path: Path) -> None:
    for write in (
        lambda: refuse_to_overwrite(tmp_path, True),
        lambda: write_atomically(tmp_path, b"data", overwrite=True),
    ):
        with pytest.raises(FileExistsError, match="is a folder; choose another name"):
            write()


@pytest.mark.skipif(os.name == "nt", reason="a device of POSIX")
def test_nor_is_a_device() -> None:
    with pytest.raises(FileExistsError, match="/dev/null is no file"):
        refuse_to_overwrite(Path(os.devnull), True)


@pytest.mark.parametrize("broken", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full", "tmp"), KeyboardInterrupt()])
def test_an_interrupted_write_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, error: BaseException
) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"precious")

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(type(error)) as raised:
        write_atomically(target, b"data", overwrite=True)
    if isinstance(raised.value, OSError):
        assert raised.value.filename == str(target)  # not the temporary file's name
    assert target.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    with pytest.raises(OSError, match="file/x"):
        write_atomically(tmp_path / "file" / "x", b"data", overwrite=True)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions_follow_the_umask_or_the_file_that_was_there(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", b"", overwrite=False)
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == 0o640
    (tmp_path / "new").chmod(0o600)
    write_atomically(tmp_path / "new", b"again", overwrite=True)
    assert mode(tmp_path / "new") == 0o600


def test_the_longest_file_name_still_fits(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("n" * 255), b"data", overwrite=False)


def test_a_link_to_nothing_is_kept(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match="--force"):
        write_atomically(link, b"new", overwrite=False)
    assert link.is_symlink()


def test_what_cannot_be_made_is_known_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file is a file"):
        refuse_to_overwrite(tmp_path / "file" / "new" / "x", False)
    refuse_to_overwrite(tmp_path / "new" / "newer" / "x", False)
