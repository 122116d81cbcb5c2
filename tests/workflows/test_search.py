"""Images and .aec files found and compared from Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageOps

import aecodec
from aecodec.codec.codec import Codec
from aecodec.errors import UsageError


@pytest.fixture
def folder(cat: Image.Image, small: Image.Image, tmp_path: Path) -> Path:
    """A photo as .aec with its hash inside, another as PNG."""
    photos = tmp_path / "photos"
    photos.mkdir()
    cat.save(tmp_path / "cat.png")
    small.save(photos / "small.png")
    aecodec.compress_file(tmp_path / "cat.png", photos / "cat.aec")
    return photos


def test_an_index_takes_the_hash_that_is_in_an_aec_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(self: Codec, data: bytes) -> Image.Image:
        raise AssertionError("decoded")

    monkeypatch.setattr(Codec, "decompress", decode)
    with aecodec.ImageIndex(folder.parent / "index.sqlite3") as index:
        report = index.add(folder)
        assert (report.stored, report.hashed, report.failed) == (1, 1, [])
        assert index.add(folder).unchanged == 2
        for query in (folder.parent / "cat.png", folder / "cat.aec"):
            best = index.search(query, 1)[0]
            assert Path(best.entry.path) == (folder / "cat.aec").absolute()
            assert best.distance <= 4


def test_an_aec_file_without_a_hash_is_decoded(cat: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "bare.aec"
    path.write_bytes(aecodec.compress(cat.crop((0, 0, 128, 128)), 70))
    with aecodec.ImageIndex(tmp_path / "index.sqlite3") as index:
        report = index.add(path)
        assert (report.stored, report.hashed) == (0, 1)


def test_two_images_are_compared(folder: Path, cat: Image.Image, small: Image.Image) -> None:
    same = aecodec.compare(folder / "cat.aec", cat, fpr=1e-4)
    assert same.same
    assert same.reason == "compressed again"
    assert same.max_distance is not None
    assert same.distance <= same.max_distance < same.bits == 256
    assert f"at most {same.max_distance} of 256 bits differ" in same.threshold
    assert aecodec.compare(cat, cat.copy()).reason == "same pixels"
    assert not aecodec.compare(ImageOps.flip(cat), small, bits=64).same
    with pytest.raises(UsageError, match="exclude each other"):
        aecodec.compare(cat, cat, max_distance=3, fpr=0.1)
