from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from aecodec.codec.container import Chunk, ChunkType, Header, write_file
from aecodec.errors import AecodecError
from aecodec.images import open_image
from aecodec.workflows.pixel_counts import about_pixels
from aecodec.workflows.standard_input import input_file, without_path

AEC = write_file(Header(300, 200, 0, 50, 32, 1, bytes(8)), [Chunk(ChunkType.TILE, b"tile")])


def give(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_what_comes_in_is_a_file_as_long_as_it_is_needed(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, suffix in ((photo.read_bytes(), ""), (AEC, ".aec")):
        give(data, monkeypatch)
        with input_file("-") as path:
            assert path.read_bytes() == data
            assert path.suffix == suffix
        assert not path.exists()
    with input_file(str(photo)) as path:
        assert path == photo
    assert photo.exists()


def test_nothing_or_no_end_is_an_error(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(b"", monkeypatch)
    with pytest.raises(AecodecError, match="nothing on standard input"), input_file("-"):
        pass
    monkeypatch.setattr("aecodec.workflows.standard_input._MOST", 10)
    give(photo.read_bytes() + bytes(1 << 17), monkeypatch)
    with pytest.raises(AecodecError, match="more than 10 bytes"), input_file("-"):
        pass


@pytest.mark.parametrize("beginning", [b"", AEC], ids=["foreign", "more than an .aec file"])
def test_what_can_be_told_early_is_not_read_on(
    beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO(beginning.ljust(1 << 20, b"\0"))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    with input_file("-") as path:
        assert path.stat().st_size < 100_000
    assert stream.tell() < 100_000


def test_a_pipe_is_read_once(photo: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(photo.read_bytes()))
    writer.start()
    with input_file(str(pipe)) as path:
        assert path.read_bytes() == photo.read_bytes()
        assert open_image(path).size == (100, 70)
    writer.join()


def test_foreign_files_count_for_no_pixels(photo: Path, tmp_path: Path) -> None:
    (foreign := tmp_path / "foreign.png").write_bytes(bytes(100_000))
    (packed := tmp_path / "x.aec").write_bytes(AEC)
    assert about_pixels([foreign, tmp_path / "missing.png", tmp_path]) == 0
    assert about_pixels([photo, foreign, packed]) == photo.stat().st_size + 300 * 200


def test_messages_do_not_name_the_temporary_file() -> None:
    path = Path("/tmp/x/standard-input")
    assert without_path(f"-: {path}: not an image", path, "-") == "-: not an image"
    assert without_path(f"{path} is large", path, "-") == "- is large"
