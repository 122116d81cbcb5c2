"""Files compressed from Python as the command line does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aecodec
from aecodec.codec.container import ChunkType, read_file
from aecodec.codec.describe import describe
from aecodec.errors import UsageError
from tests.conftest import psnr


def test_a_file_is_compressed_with_its_hash_inside(photo: Path, small: Image.Image) -> None:
    facts = aecodec.compress_file(photo, quality=60)
    data = photo.with_suffix(".aec").read_bytes()
    assert (facts["bytes"], facts["quality"], facts["lossless"]) == (len(data), 60, False)
    assert psnr(aecodec.decompress(data), small) > 25
    (stored,) = (c.payload for c in read_file(data)[1] if c.type == ChunkType.HASH)
    assert stored.endswith(aecodec.image_hash(small, 256))
    with pytest.raises(FileExistsError, match="photo.aec exists"):
        aecodec.compress_file(photo)
    with pytest.raises(UsageError, match="quality and bpp exclude each other"):
        aecodec.compress_file(photo, quality=5, bpp=1.0, overwrite=True)


def test_lossless_is_to_the_bit(photo: Path, small: Image.Image, tmp_path: Path) -> None:
    facts = aecodec.compress_file(photo, tmp_path / "exact.aec", lossless=True)
    data = (tmp_path / "exact.aec").read_bytes()
    assert facts["lossless"] is True
    assert aecodec.decompress(data).tobytes() == small.tobytes()
    about = describe(data)
    assert about["lossless"]
    assert [tile["exact"] for tile in about["tiles"]] == [1.0]


def test_an_input_is_never_overwritten(photo: Path) -> None:
    before = photo.read_bytes()
    with pytest.raises(aecodec.errors.AecodecError, match="would overwrite an input"):
        aecodec.compress_file(photo, photo, overwrite=True)
    assert photo.read_bytes() == before


def test_of_each_tile_the_share_of_exact_cells_is_told(small: Image.Image) -> None:
    """A photograph beside a dithered square that the network cannot do."""
    rng = np.random.default_rng(0)
    pixels = np.array(small.resize((256, 256)))
    pixels[:128, :128] = rng.integers(0, 2, (128, 128, 1), dtype=np.uint8) * 255
    data = aecodec.compress(Image.fromarray(pixels), 50)
    (tile,) = describe(data)["tiles"]
    assert (tile["x"], tile["y"], tile["width"], tile["height"]) == (0, 0, 256, 256)
    assert 0 < tile["exact"] < 1
    (learned,) = describe(aecodec.compress(small, 50))["tiles"]
    assert learned["exact"] == 0
