from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aecodec
from aecodec.errors import CorruptFileError

iio = pytest.importorskip("imageio.v3")


@pytest.fixture(autouse=True)
def _registered() -> None:
    aecodec.register_imageio()


def test_write_and_read(small: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "x.aec"
    pixels = np.asarray(small)
    iio.imwrite(path, pixels, quality=70)
    assert path.read_bytes() == aecodec.compress(small, 70)
    np.testing.assert_array_equal(iio.imread(path), aecodec.decompress(path, as_array=True))
    assert iio.improps(path).shape == pixels.shape
    assert iio.improps(path).dtype == np.uint8
    assert iio.immeta(path)["quality"] == 70
    assert len(list(iio.imiter(path))) == 1
    with pytest.raises(IndexError):
        iio.imread(path, index=1)


def test_deep_grey_losslessly_and_in_memory() -> None:
    levels = (np.arange(40 * 30, dtype=np.uint16) * 50).reshape(40, 30)
    data = iio.imwrite("<bytes>", levels, extension=".aec", lossless=True)
    np.testing.assert_array_equal(iio.imread(data, extension=".aec"), levels)


def test_other_files_are_left_to_others(small: Image.Image, tmp_path: Path) -> None:
    small.save(tmp_path / "x.png")
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.png"), np.asarray(small))
    with pytest.raises(ValueError, match="one image"):
        iio.imwrite(tmp_path / "y.aec", [np.zeros((8, 8), np.uint8)] * 2)


def test_a_damaged_file_says_what_is_wrong(small: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "x.aec").write_bytes(aecodec.compress(small)[:-3])
    with pytest.raises(CorruptFileError, match="chunk 1 of 1: cut short"):
        iio.imread(tmp_path / "x.aec")


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x.aec").write_bytes(b"old")
    with pytest.raises(ValueError, match="quality"):
        iio.imwrite(tmp_path / "x.aec", np.zeros((8, 8), np.uint8), quality=0)
    assert (tmp_path / "x.aec").read_bytes() == b"old"
