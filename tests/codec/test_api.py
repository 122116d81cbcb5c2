"""Arrays, paths and numbers of several kinds in; copies of a codec; memory of many calls."""

from __future__ import annotations

import copy
import io
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import aecodec
from aecodec.codec.codec import Codec
from aecodec.errors import UnsupportedImageError
from aecodec.images import image_of_array
from tests.processes import run_python


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([(), (1,), (2,), (3,), (4,)]),
    st.sampled_from([np.uint8, np.uint16]),
)
def test_arrays_come_back(
    codec: Codec, height: int, width: int, channels: tuple[int, ...], dtype: type
) -> None:
    if dtype == np.uint16 and channels not in ((), (1,)):
        return
    high = np.iinfo(dtype).max
    array = np.random.default_rng(0).integers(0, high, (height, width, *channels), dtype=dtype)
    back = codec.decompress(codec.compress(array[::-1], lossless=True), as_array=True)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array[::-1].reshape(back.shape))


def test_deep_colours_in_arrays_say_what_is_lost(codec: Codec) -> None:
    deep = np.full((9, 9, 3), 0x1234, dtype=np.uint16)
    with pytest.warns(UserWarning, match="16-bit colours were converted to 8 bits"):
        data = codec.compress(deep, lossless=True)
    assert (codec.decompress(data, as_array=True) == 0x12).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4)),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UnsupportedImageError, match=r"is no image|is empty"):
        image_of_array(array)


def test_big_endian_arrays() -> None:
    levels = np.arange(64, dtype=">u2").reshape(8, 8) * 1000
    np.testing.assert_array_equal(np.asarray(image_of_array(levels)), levels)


def test_files_bytes_and_paths(codec: Codec, small: Image.Image, tmp_path: Path) -> None:
    data, path = codec.compress(small), tmp_path / "x.aec"
    path.write_bytes(data)
    expected = codec.decompress(data).tobytes()
    for source in (path, str(path), bytearray(data), memoryview(data), io.BytesIO(data)):
        assert aecodec.decompress(source).tobytes() == expected


def test_quality_is_an_integer_of_numpy_too(codec: Codec, small: Image.Image) -> None:
    assert codec.compress(small, np.int64(30)) == codec.compress(small, 30)  # type: ignore[arg-type]
    for wrong in (True, np.bool_(True), 50.0, "50", np.int64(0), 101, None):
        with pytest.raises(ValueError, match="quality must be an integer from 1 to 100"):
            codec.compress(small, wrong)  # type: ignore[arg-type]


def test_copies_load_where_they_land(small: Image.Image) -> None:
    codec = Codec("cpu")
    data = codec.compress(small)
    pickled = pickle.dumps(codec)
    assert len(pickled) < 1000
    for other in (pickle.loads(pickled), copy.copy(codec), copy.deepcopy(codec)):
        assert other.digest == codec.digest
        assert other.compress(small) == data


MANY = """
import numpy as np, torch
from aecodec.codec.codec import Codec
torch.set_num_threads(1)
codec, rng = Codec("cpu"), np.random.default_rng(0)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20
def some(calls):
    for _ in range(calls):
        height, width = rng.integers(16, 400, 2)
        smooth = rng.integers(0, 256, (4, 4, 3)).repeat(100, 0).repeat(100, 1)[:height, :width]
        noisy = (smooth + rng.normal(0, 9, smooth.shape)).clip(0, 255).astype(np.uint8)
        codec.decompress(codec.compress(noisy, int(rng.integers(1, 100)), effort="fast"))
some(48); early = resident(); some(96); print(early, resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for its memory")
def test_memory_levels_off() -> None:
    early, late = map(float, run_python(MANY, check=True).stdout.split())
    assert late < early + 60  # MB


def test_paths_and_bytes_of_image_files(codec: Codec, small: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    small.save(path)
    wanted = codec.compress(small)
    assert codec.compress(path) == wanted
    assert aecodec.compress(str(path)) == wanted
    assert aecodec.compress(small, quality=40) == codec.compress(small, 40)
    assert codec.compress(path.read_bytes()) == wanted
    with open(path, "rb") as file:
        assert codec.compress(file) == wanted
    with open(path, encoding="latin-1") as text, pytest.raises(UnsupportedImageError, match="'rb'"):
        codec.compress(text)  # type: ignore[arg-type]
    for source, message in (
        (b"no image", "the bytes: not an image"),
        (wanted, "the bytes: an .aec file already"),
        (tmp_path / "x.aec", "No such file"),
    ):
        with pytest.raises((UnsupportedImageError, FileNotFoundError), match=message):
            codec.compress(source)
