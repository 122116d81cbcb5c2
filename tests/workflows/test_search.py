"""Images and .aec files found and compared from Python."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageOps

import aecodec
from aecodec.codec.codec import Codec
from aecodec.codec.inference import InferenceModel
from aecodec.errors import UsageError
from tests.conftest import psnr


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


def test_galleries_show_large_aec_files_without_decoding_them_to_pixels(
    cat: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = cat.resize((1100, 732)).crop((0, 0, 1100, 200))
    large.save(tmp_path / "large.png")
    aecodec.compress_file(tmp_path / "large.png", effort="fast")
    monkeypatch.setattr(InferenceModel, "synthesise", None)
    with aecodec.ImageIndex(tmp_path / "index.sqlite3") as index:
        assert index.add(tmp_path / "large.aec").stored == 1
        (match,) = index.search(large, 1)
        assert (match.entry.width, match.entry.height) == large.size
        shown = Image.open(io.BytesIO(index.pictures([match.entry.id])[match.entry.id]))
    assert shown.size == (128, 23)


def test_galleries_show_aec_files_that_were_not_decoded(folder: Path, cat: Image.Image) -> None:
    with aecodec.ImageIndex(folder.parent / "index.sqlite3") as index:
        index.add(folder)
        found = {Path(m.entry.path).name: m.entry.id for m in index.search(cat, 2)}
        assert found.keys() == {"cat.aec", "small.png"}
        assert index.thumbnails([found["cat.aec"]]) == {}
        pictures = index.pictures([*found.values()])
        assert pictures.keys() == set(found.values())
        shown = Image.open(io.BytesIO(pictures[found["cat.aec"]])).convert("RGB")
        assert psnr(shown, cat.resize(shown.size, Image.Resampling.BOX)) > 20
        (folder / "cat.aec").unlink()
        assert index.pictures([found["cat.aec"]]) == {}


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
