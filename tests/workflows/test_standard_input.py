from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aecodec.errors import AecodecError
from aecodec.workflows.standard_input import input_file, without_path


def give(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_what_comes_in_is_a_file_as_long_as_it_is_needed(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, suffix in ((photo.read_bytes(), ""), (b"\x89AEC and more", ".aec")):
        give(data, monkeypatch)
        with input_file("-") as path:
            assert path.read_bytes() == data
            assert path.suffix == suffix
        assert not path.exists()
    with input_file(str(photo)) as path:
        assert path == photo
    assert photo.exists()


def test_nothing_or_no_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    give(b"", monkeypatch)
    with pytest.raises(AecodecError, match="nothing on standard input"), input_file("-"):
        pass
    monkeypatch.setattr("aecodec.workflows.standard_input._MOST", 10)
    give(bytes(11), monkeypatch)
    with pytest.raises(AecodecError, match="more than 10 bytes"), input_file("-"):
        pass


def test_messages_do_not_name_the_temporary_file() -> None:
    path = Path("/tmp/x/standard-input")
    assert without_path(f"-: {path}: not an image", path, "-") == "-: not an image"
    assert without_path(f"{path} is large", path, "-") == "- is large"
