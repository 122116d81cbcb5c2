"""An index that several processes use, or that is killed, or has no room left."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.hashing.index import ImageIndex
from tests.pictures import save_pieces

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
ADD = """
import sys, torch
torch.set_num_threads(1)
from aecodec.hashing import adding
adding.BATCH = 2
from aecodec.hashing.index import ImageIndex
with ImageIndex(sys.argv[1], model=sys.argv[2], device="cpu") as index:
    report = index.add(*sys.argv[3:], workers=1, progress=lambda n, of: print(n, flush=True))
    print(report.hashed, report.unchanged, report.known, len(index), "end", flush=True)
"""


def start(index: Path, weights: Path, *places: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ADD, index, weights, *places]
    return subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True)


def kill_after_ten(index: Path, weights: Path, places: Path) -> None:
    """Index so many images, and be killed."""
    process = start(index, weights, places)
    assert process.stdout
    for line in process.stdout:
        if int(line) >= 10:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def many(cat: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "many"
    return save_pieces(cat, folder, grid=(10, 6), step=(35, 35), size=(100, 100), scale=3)


@posix
def test_kill_9_loses_nothing_that_was_done(tmp_path: Path, weights: Path, many: Path) -> None:
    path = tmp_path / "index"
    kill_after_ten(path, weights, many)
    with ImageIndex(path) as index, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cache was never written
        survived = len(index)
        assert 10 <= survived < 60
        for row, file in index._database().paths():
            code = index._database().entries([row])[row].code
            assert index.search_code(code, radius=0, k=None)
            assert index.search(file, k=1)[0].distance == 0
        report = index.add(many)
        assert (report.hashed, report.unchanged) == (60 - survived, survived)
        assert len(index) == 60
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


@posix
def test_what_a_killed_process_left_is_not_taken_for_the_next_index(
    tmp_path: Path, weights: Path, other_weights: Path, many: Path, photos: Path
) -> None:
    path = tmp_path / "index"
    kill_after_ten(path, weights, many)
    assert path.with_name("index-wal").stat().st_size > 0
    path.unlink()  # as messages advise
    with ImageIndex(path, model=str(other_weights), device="cpu") as index:
        index.add(photos)
        assert len(index) == 8
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_called_so(index: ImageIndex, photos: Path, many: Path) -> None:
    index.add(photos)
    db = index._database()._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(AecodecError, match="database or disk is full"):
        index.add(many)
    assert len(index) == 8


def test_two_writers_at_once(tmp_path: Path, weights: Path, many: Path, photos: Path) -> None:
    path = tmp_path / "index"
    processes = [start(path, weights, many), start(path, weights, many, photos)]
    ends = [process.communicate()[0].split()[-1] for process in processes]
    assert ends == ["end", "end"]
    with ImageIndex(path) as index, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(index) == 68
        assert len(index._code_index()[0]) == 68
        assert index.search(photos / "5.png", k=1)[0].entry.path == str(photos / "5.png")


def test_readers_see_whole_states_while_another_writes(
    index: ImageIndex, photos: Path, many: Path
) -> None:
    index.add(photos)
    problems: list[BaseException] = []

    def search() -> None:
        try:
            with ImageIndex(index.path) as other, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                deadline = time.monotonic() + 60
                while len(other) < 68 and time.monotonic() < deadline:
                    assert other.search(photos / "2.png", k=1)[0].distance == 0
                assert len(other.search(photos / "2.png", k=100)) == 68
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    index.add(many)
    thread.join()
    assert not problems
