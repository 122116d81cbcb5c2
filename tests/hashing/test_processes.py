"""Several processes that look at pairs find what one finds, say what went wrong, and end."""

from __future__ import annotations

import os
import signal
from multiprocessing import active_children
from pathlib import Path

import pytest
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.hashing.checking import Checker
from aecodec.hashing.database import Entry
from aecodec.hashing.processes import good_number
from aecodec.images.reading import open_image
from aecodec.workflows.search import ImageIndex
from tests.pictures import photograph

PHOTOS = ("coffee", "rocket", "astronaut", "chelsea")


@pytest.fixture
def indexed(tmp_path: Path, weights: Path) -> Path:
    """An index of photos, of their copies, and of a file that is none any more."""
    (folder := tmp_path / "photos").mkdir()
    for name in PHOTOS:
        photo = photograph(name)
        photo.thumbnail((300, 300))
        photo.save(folder / f"{name}.png")
        photo.save(folder / f"{name}.jpg", quality=70)
        photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / f"{name}.mirror.png")
    with ImageIndex(tmp_path / "i", model=str(weights), device="cpu") as index:
        index.add(folder)
    (folder / f"{PHOTOS[0]}.jpg").write_bytes(b"no picture")
    return tmp_path / "i"


@pytest.mark.parametrize("verify", ["thumbnail", "pixels"])
def test_two_processes_find_what_one_finds(indexed: Path, verify: str) -> None:
    with ImageIndex(indexed) as index:
        one, two = (index.duplicates(None, verify=verify, processes=n) for n in (1, 2))
    assert one == two
    assert len(one.groups) == 4 if verify == "thumbnail" else one.unclear
    assert not active_children()


def killed(path: str) -> Image.Image:
    os.kill(os.getpid(), signal.SIGKILL)
    return open_image(path)


def broken(path: str) -> Image.Image:
    raise ZeroDivisionError(path)


def two_entries() -> tuple[Entry, Entry]:
    first, second = (Entry(f"{n}.png", 1, 0, b"", 100 + n, 100, bytes(16), id=n) for n in (1, 2))
    return first, second


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_process_that_is_killed_is_one_line(indexed: Path) -> None:
    checker = Checker(lambda ids: {}, killed, pixels=True, processes=2)
    try:
        with pytest.raises(AecodecError, match="a process that looked at pictures ended"):
            checker([two_entries()])
    finally:
        checker.close()
    assert not active_children()


def test_an_error_in_a_process_comes_out() -> None:
    checker = Checker(lambda ids: {}, broken, pixels=True, processes=2)
    try:
        with pytest.raises(ZeroDivisionError, match="1.png"):
            checker([two_entries()])
    finally:
        checker.close()
    assert not active_children()


def test_few_pairs_are_looked_at_in_one_process() -> None:
    assert good_number(0) == good_number(1999) == 1
    assert 1 <= good_number(10**6) <= (os.cpu_count() or 1)
