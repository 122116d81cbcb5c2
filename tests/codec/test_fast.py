"""`--decoder fast` and `--effort fast` of the weights that ship."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import aecodec
from aecodec.codec import fast
from aecodec.codec.codec import Codec
from aecodec.codec.weights import digest
from aecodec.errors import AecodecError
from aecodec.weights import weight_file
from tests.conftest import psnr
from tests.pictures import photograph
from tests.threads import one_and_two_threads

WEIGHTS = weight_file("codec-balanced")


def test_the_fast_decoder_gives_the_same_pixels_everywhere(cat: Image.Image) -> None:
    """From ONNX Runtime with one and two threads, and from torch."""
    data = aecodec.compress(cat, 70)
    expected = Codec("cpu", runtime="torch").decompress(data, as_array=True, decoder="fast")
    codec = Codec("cpu", runtime="onnx")
    for _ in one_and_two_threads():
        assert np.array_equal(codec.decompress(data, as_array=True, decoder="fast"), expected)


@pytest.mark.parametrize("quality", [10, 50, 90])
def test_the_fast_decoder_is_near_the_other(quality: int) -> None:
    image = photograph("coffee")
    data = aecodec.compress(image, quality)
    usual, found = (aecodec.decompress(data, decoder=name) for name in ("default", "fast"))
    assert found.size == image.size
    assert psnr(image, usual) - 0.8 < psnr(image, found) < psnr(image, usual)


def test_drawn_cells_are_the_same_with_the_fast_decoder() -> None:
    page = Image.new("RGB", (320, 320), "white")
    pen = ImageDraw.Draw(page)
    for line in range(10):
        pen.text((4, 12 * line), "The quick brown fox jumps over the lazy dog " * 2, fill="black")
    page.paste(photograph("coffee").crop((0, 0, 160, 160)), (160, 160))
    data = aecodec.compress(page, 50)
    usual, found = (
        aecodec.decompress(data, as_array=True, decoder=name) for name in ("default", "fast")
    )
    assert np.array_equal(found[:160], usual[:160])
    assert not np.array_equal(found, usual)


def test_a_part_is_as_in_the_whole(cat: Image.Image) -> None:
    data, box = aecodec.compress(cat, 50), (100, 30, 233, 171)
    whole = aecodec.decompress(data, decoder="fast")
    assert aecodec.decompress(data, box=box, decoder="fast") == whole.crop(box)


def test_weights_without_a_fast_decoder_say_so(cat: Image.Image) -> None:
    codec = Codec(weights="codec-psnr")
    data = codec.compress(cat.crop((0, 0, 64, 64)), 30)
    with pytest.raises(AecodecError, match="no fast decoder; leave out --decoder fast"):
        aecodec.decompress(data, decoder="fast")
    with pytest.raises(ValueError, match="decoder must be one of default, fast, not 'quick'"):
        aecodec.decompress(data, decoder="quick")


def test_lossless_files_need_no_decoder(cat: Image.Image) -> None:
    data = aecodec.compress(cat, lossless=True)
    found = aecodec.decompress(data, as_array=True, decoder="fast")
    assert np.array_equal(found, np.asarray(cat))


@pytest.mark.parametrize("quality", [10, 50, 90])
def test_the_fast_effort_costs_little(quality: int) -> None:
    """In bytes and decibels, decoded as any file is."""
    image = photograph("coffee")
    usual, found = (
        aecodec.compress(image, quality, effort=effort) for effort in ("default", "fast")
    )
    assert len(found) < 1.06 * len(usual)
    lost = psnr(image, aecodec.decompress(usual)) - psnr(image, aecodec.decompress(found))
    assert lost < 0.3


def test_leaner_transforms_are_of_one_weight_file(cat: Image.Image, tmp_path: Path) -> None:
    """Those of others are not used, and damaged ones are named."""
    weights = Path(shutil.copy(WEIGHTS, tmp_path / "mine.safetensors"))
    data, plain = Codec(weights=weights).compress(cat, 30), fast.fast_file(weights)
    with pytest.raises(AecodecError, match="no fast decoder"):
        Codec(weights=weights).decompress(data, decoder="fast")
    tensors = fast.load(WEIGHTS, digest(WEIGHTS))
    fast.save(tensors, weights, bytes(8))
    assert fast.load(weights, digest(weights)) == {}
    plain.write_bytes(b"no tensors")
    with pytest.raises(AecodecError, match=r"mine\.fast\.safetensors: damaged"):
        fast.load(weights, digest(weights))
