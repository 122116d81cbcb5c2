"""Filters that are fitted to samples of large photographs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from aecodec.codec.codec import Codec
from aecodec.codec.container import Chunk, ChunkType, read_file, write_file
from aecodec.codec.fitting import Samples, _sampled
from aecodec.codec.inference import InferenceModel
from aecodec.evaluation.metrics import ms_ssim, psnr
from aecodec.nn.arrays import FloatArray

CAT = Image.fromarray(skimage.data.chelsea())
LARGE = Image.fromarray(skimage.data.astronaut()).resize((768, 768), Image.Resampling.LANCZOS)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec("cpu", "codec-balanced")


def filters(data: bytes) -> list[Chunk]:
    return [chunk for chunk in read_file(data)[1] if chunk.type == ChunkType.FILTER]


def without_filter(data: bytes) -> bytes:
    header, chunks = read_file(data)
    others = [chunk for chunk in chunks if chunk.type != ChunkType.FILTER]
    return write_file(replace(header, chunks=len(others)), others)


@pytest.mark.parametrize("quality", [40, 80])
def test_a_large_photo_comes_nearer_for_few_bytes(codec: Codec, quality: int) -> None:
    data = codec.compress(LARGE, quality)
    bare = without_filter(data)
    assert 0 < len(data) - len(bare) <= 43
    filtered, plain = codec.decompress(data), codec.decompress(bare)
    assert psnr(LARGE, filtered) > psnr(LARGE, plain) + 0.02
    assert ms_ssim(LARGE, filtered) > ms_ssim(LARGE, plain) - 1e-5


def test_what_has_none(codec: Codec) -> None:
    assert not filters(codec.compress(CAT, 80))  # too small
    assert not filters(codec.compress(LARGE.convert("L"), 80))
    assert not filters(codec.compress(LARGE, 80, effort="fast"))
    assert not filters(codec.compress(LARGE, lossless=True))
    page = Image.new("RGB", (1000, 900), "white")
    page.paste(CAT, (100, 100))
    for row in range(450, 880, 14):
        ImageDraw.Draw(page).text((60, row), f"{row} lines of text " * 8, fill="black")
    data = codec.compress(page, 60)
    kept = {ChunkType.EXACT, ChunkType.FEW_COLOURS}
    assert any(chunk.type in kept for chunk in read_file(data)[1])
    assert not filters(data)


def test_every_tile_has_a_say(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aecodec.codec.tiling.TILE", 32)
    seen = []
    add = Samples.add
    monkeypatch.setattr(Samples, "add", lambda *args: (seen.append(args[1]), add(*args)))
    data = codec.compress(LARGE, 60)
    tiles = [chunk.payload for chunk in read_file(data)[1] if chunk.type == ChunkType.TILE]
    assert len(tiles) == 4
    assert set(tiles) <= set(seen)  # it may be coded more than once
    assert psnr(LARGE, codec.decompress(data)) > psnr(LARGE, codec.decompress(without_filter(data)))


@given(height=st.integers(1, 96), width=st.integers(1, 96))
def test_samples_lie_apart_within_their_tile(height: int, width: int) -> None:
    count = np.zeros((height, width), dtype=int)
    for rows, columns in _sampled(height, width):
        assert rows.start >= 2
        assert columns.start >= 2
        assert rows.stop <= height - 2
        assert columns.stop <= width - 2
        count[rows, columns] += 1
    assert count.max() <= 1
    assert count.mean() < 0.12
    assert (count.sum() == 0) == (round(0.14 * height) < 4 or round(0.14 * width) < 4)


def test_none_for_what_is_unlike_its_samples() -> None:
    # Whatever is sampled is a texture, of which decoding blurs some.
    rng = np.random.default_rng(0)
    texture = rng.integers(100, 140, (16, 16, 3)).astype(np.float32) / 255
    blurred = texture / 2 + (np.roll(texture, 1, 0) + np.roll(texture, -1, 0)) / 4

    def tiled(one: FloatArray, rows: int, columns: int) -> FloatArray:
        return np.tile(one, (rows, columns, 1)).transpose(2, 0, 1)[None] - np.float32(0.5)

    model = SimpleNamespace(
        synthesise=lambda y, quality: tiled(blurred, *y.shape[2:]),
        config=SimpleNamespace(rd_lambda=lambda quality: 0.01),
    )
    samples = Samples(cast(InferenceModel, model), 50)
    samples.add(b"tile", np.zeros((1, 1, 48, 64), np.float32), tiled(texture, 48, 64))
    picture = np.tile(np.rint(255 * texture), (48, 64, 1))
    for contrast, there in ((1.0, True), (1.7, True), (6.0, False)):
        other = (120 + contrast * (picture - 120)).clip(0, 255).astype(np.uint8)
        assert (samples.best([b"tile"], Image.fromarray(other)) is not None) == there
