"""The filter that is fitted to a picture and sent with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aecodec.codec import wiener
from aecodec.codec.codec import Codec
from aecodec.codec.container import Chunk, ChunkType, read_file, write_file
from aecodec.errors import CorruptFileError
from aecodec.evaluation.metrics import psnr

CAT = Image.fromarray(skimage.data.chelsea())
ASTRONAUT = Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec("cpu", "codec-psnr")


def with_filters(data: bytes, *payloads: bytes) -> bytes:
    """A file with other filters, or none."""
    header, chunks = read_file(data)
    others = [chunk for chunk in chunks if chunk.type != ChunkType.FILTER]
    others += [Chunk(ChunkType.FILTER, payload) for payload in payloads]
    return write_file(replace(header, chunks=len(others)), others)


def filters(data: bytes) -> list[bytes]:
    return [c.payload for c in read_file(data)[1] if c.type == ChunkType.FILTER]


@pytest.mark.parametrize("image", [CAT, ASTRONAUT], ids=["cat", "astronaut"])
@pytest.mark.parametrize("quality", [70, 90])
def test_pixels_come_nearer_for_few_bytes(codec: Codec, image: Image.Image, quality: int) -> None:
    data = codec.compress(image, quality)
    bare = with_filters(data)
    assert len(data) - len(bare) <= 43
    gain = psnr(image, codec.decompress(data)) - psnr(image, codec.decompress(bare))
    assert gain > 0.015


def test_none_where_it_does_not_pay(codec: Codec) -> None:
    assert filters(codec.compress(CAT.crop((0, 0, 64, 64)), 1)) == []
    assert filters(codec.compress(CAT, 90, effort="fast")) == []
    assert filters(codec.compress(CAT.convert("L"), 90)) == []
    assert filters(Codec("cpu").compress(CAT, 90)) == []


def test_a_part_is_that_of_the_whole(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecodec.codec.tiling.TILE", 32)
    wide = ASTRONAUT.resize((640, 520))
    for one in (codec, Codec("cpu")):
        extremes = np.random.default_rng(1).integers(-40, 40, (4, 3, 3)).astype(np.int8)
        data = with_filters(one.compress(wide, 60), wiener.pack(extremes))
        whole = one.decompress(data)
        for box in ((500, 500, 530, 520), (0, 0, 33, 7), (100, 505, 640, 515), (511, 0, 513, 520)):
            assert one.decompress(data, box=box).tobytes() == whole.crop(box).tobytes()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
def test_whole_numbers_whatever_the_weights(seed: int, rings: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.choice([-128, 127, 0, 3], (rings, 3, 3)).astype(np.int8)
    x = rng.choice([0.0, 1.0, 0.3, 1.7, -2.0], (3, height, width)).astype(np.float32)
    found = wiener.apply(x, weights) * np.float32(255)
    y = np.rint(np.clip(x, 0, 1) * np.float32(2040)).astype(int)
    for row in range(height):
        for column in range(width):
            for colour in range(3):
                total = 256 * y[colour, row, column]
                for ring, of_ring in zip(wiener.RINGS, weights.tolist(), strict=False):
                    for down, right in ring:
                        at = (
                            np.clip(row + down, 0, height - 1),
                            np.clip(column + right, 0, width - 1),
                        )
                        for seen in range(3):
                            difference = y[(seen, *at)] - y[seen, row, column]
                            total += of_ring[colour][seen] * difference
                level = np.clip(np.rint(total / 2048), 0, 255)
                assert np.rint(found[colour, row, column]) == level


def test_a_fit_finds_a_blur() -> None:
    rng = np.random.default_rng(0)
    blurred = 0.25 + 0.5 * rng.random((3, 60, 80), np.float32)  # nothing clipped
    true = np.zeros((1, 3, 3), np.int8)
    true[0] = np.diag([-20, 10, -5])
    original = wiener.apply(blurred, true)
    everything = (slice(0, 60), slice(0, 80))
    fit = wiener.Fit()
    fit.add(blurred, original, everything)
    found = fit.best(1.0)
    assert found is not None
    assert np.abs(found[0].astype(int) - true[0]).max() <= 1
    assert np.abs(found[1:].astype(int)).max(initial=0) <= 1
    assert fit.best(1e-9) is None


def test_what_is_malformed(codec: Codec) -> None:
    data = codec.compress(CAT.crop((0, 0, 96, 64)), 80)
    for payload in (b"", bytes(8), bytes(10), bytes(45)):
        with pytest.raises(CorruptFileError, match=f"filter: {len(payload)} bytes"):
            codec.decompress(with_filters(data, payload))
    with pytest.raises(CorruptFileError, match="filter: there twice"):
        codec.decompress(with_filters(data, bytes(9), bytes(9)))
    grey = codec.compress(CAT.convert("L").crop((0, 0, 96, 64)), 80)
    with pytest.raises(CorruptFileError, match="mode L"):
        codec.decompress(with_filters(grey, bytes(9)))
