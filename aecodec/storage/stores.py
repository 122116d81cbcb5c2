"""Files and folders on this machine or in a store: s3://, gs://, and whatever fsspec knows.

Needs pyarrow, as batches on Ray do: nothing else may import this.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import fs

from aecodec.errors import AecodecError
from aecodec.storage.atomic import write_atomically
from aecodec.storage.folders import find_files, is_url

# A file in these is there in full or not at all, and folders need not be made.
_OBJECT_STORES = {"s3", "gcs", "abfs"}


@dataclass(frozen=True)
class Place:
    """A file or folder, which need not exist. Can be pickled.

    Attributes:
        store: the pyarrow file system that it is in.
        path: in that file system; on this machine absolute.
        scheme: of its URL, "s3"; empty on this machine.
    """

    store: Any
    path: str
    scheme: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}" if self.scheme else self.path

    def __truediv__(self, below: str) -> Place:
        return Place(self.store, f"{self.path.rstrip('/')}/{below}", self.scheme)

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def parent(self) -> Place:
        return Place(self.store, str(PurePosixPath(self.path).parent), self.scheme)

    @property
    def local(self) -> bool:
        return not self.scheme


@dataclass(frozen=True)
class Found:
    """A file that was found: below its folder it is `below`; -1 bytes when that is not known."""

    place: Place
    below: str
    size: int
    mtime_ns: int


def place_of(text: str) -> Place:
    """What a path or URL means.

    Raises:
        AecodecError: no such kind of store, or what it takes is not installed.
    """
    if not is_url(text):
        return Place(fs.LocalFileSystem(), os.path.abspath(text))
    scheme = text.partition("://")[0].lower()
    try:
        store, path = _resolve(text)
    except (ValueError, ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise AecodecError(f"{text}: {reason}") from None
    local = isinstance(store, fs.LocalFileSystem)
    return Place(store, path, "" if local else scheme)


def _resolve(url: str) -> tuple[Any, str]:
    """Pyarrow knows the large stores without further packages; fsspec knows the others."""
    try:
        store, path = fs.FileSystem.from_uri(url.replace(" ", "%20"))
    except pa.ArrowInvalid as error:
        if "nrecognized filesystem type" not in str(error):
            raise
        import fsspec

        other, path = fsspec.core.url_to_fs(url)
        store = fs.PyFileSystem(fs.FSSpecHandler(other))
    return store, path


# ---- finding ---------------------------------------------------------------------------


def find(
    place: Place, suffixes: Collection[str], on_error: Callable[[OSError], None]
) -> list[Found]:
    """The file itself, or the files below a folder that have one of these suffixes, sorted.

    Hidden files and folders are skipped, links to folders are not followed.

    Args:
        place: a file of any name, or a folder.
        suffixes: lower-case, with dot.
        on_error: told of folders that cannot be listed.

    Raises:
        AecodecError: there is no such file or folder.
    """
    if place.local:
        return _find_local(place, suffixes, on_error)
    info = place.store.get_file_info(place.path)
    if info.type == fs.FileType.NotFound:
        raise AecodecError(f"{place}: no such file or folder")
    if info.type != fs.FileType.Directory:
        return [Found(place, place.name, *_stamp(info))]
    infos = place.store.get_file_info(fs.FileSelector(place.path, recursive=True))
    top = PurePosixPath(place.path)
    found = []
    for info in infos:
        below = PurePosixPath(info.path).relative_to(top)
        hidden = any(part.startswith(".") for part in below.parts)
        if info.type == fs.FileType.File and below.suffix.lower() in suffixes and not hidden:
            there = Place(place.store, info.path, place.scheme)
            found.append(Found(there, str(below), *_stamp(info)))
    return sorted(found, key=lambda one: one.below)


def _stamp(info: Any) -> tuple[int, int]:
    return info.size if info.size is not None else -1, info.mtime_ns or 0


def _find_local(
    place: Place, suffixes: Collection[str], on_error: Callable[[OSError], None]
) -> list[Found]:
    top = Path(place.path)
    if not os.path.exists(top):
        raise AecodecError(f"{place}: no such file or folder")
    if not os.path.isdir(top):
        return [_found_local(place, top, place.name)]
    files = map(Path, find_files([top], suffixes, on_error))
    return [_found_local(place, file, file.relative_to(top).as_posix()) for file in files]


def _found_local(place: Place, file: Path, below: str) -> Found:
    there = Place(place.store, str(file))
    try:
        status = file.stat()
    except OSError:  # a broken link: whoever reads it says so
        return Found(there, below, -1, 0)
    return Found(there, below, status.st_size, status.st_mtime_ns)


def is_file(place: Place) -> bool:
    """Whether it is there, and a file.

    Raises:
        OSError: its store does not answer.
    """
    return bool(place.store.get_file_info(place.path).type == fs.FileType.File)


def names_in(folder: Place) -> list[str]:
    """The names of what is directly in a folder; none if it is not there.

    Raises:
        OSError: it cannot be listed, or is a file.
    """
    if folder.local:
        return sorted(os.listdir(folder.path)) if os.path.lexists(folder.path) else []
    selector = fs.FileSelector(folder.path, allow_not_found=True)
    return sorted(PurePosixPath(i.path).name for i in folder.store.get_file_info(selector))


# ---- reading and writing ---------------------------------------------------------------


@contextmanager
def local_copy(place: Place) -> Iterator[Path]:
    """The file itself if it is on this machine, else a temporary copy of the same name."""
    if place.local:
        yield Path(place.path)
        return
    with tempfile.TemporaryDirectory(prefix="aecodec-") as folder:
        copy = Path(folder, place.name)
        with place.store.open_input_stream(place.path) as source, open(copy, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield copy


def read(place: Place) -> bytes:
    """All of a file.

    Raises:
        OSError: it cannot be read.
    """
    with place.store.open_input_stream(place.path) as file:
        return bytes(file.read())


def write(place: Place, data: bytes | memoryview) -> None:
    """Write a file that is there in full or not at all, over one that is there.

    Raises:
        OSError: it cannot be written.
    """
    if place.local:
        write_atomically(Path(place.path), data, overwrite=True)
        return
    if place.store.type_name in _OBJECT_STORES:
        _write_stream(place.store, place.path, data)
        return
    folder = str(PurePosixPath(place.path).parent)
    temporary = f"{folder}/.aecodec-{secrets.token_hex(6)}.part"
    place.store.create_dir(folder, recursive=True)
    try:
        _write_stream(place.store, temporary, data)
        place.store.move(temporary, place.path)
    except BaseException:
        if place.store.get_file_info(temporary).type != fs.FileType.NotFound:
            place.store.delete_file(temporary)
        raise


def _write_stream(store: Any, path: str, data: bytes | memoryview) -> None:
    with store.open_output_stream(path) as file:
        file.write(data)


def remove(place: Place) -> None:
    """Delete a file.

    Raises:
        OSError: it is not there, or cannot be deleted.
    """
    place.store.delete_file(place.path)
