"""Parts and previews of a picture, without the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aecodec.codec import container, preview, tiling
from aecodec.codec.codec import Codec
from aecodec.codec.container import Chunk, ChunkType, Header
from aecodec.codec.exact import pack_exact
from aecodec.codec.inference import InferenceModel
from aecodec.codec.weights import load
from aecodec.errors import CorruptFileError
from aecodec.training.preview import fit_preview
from aecodec.weights import weight_file
from tests.conftest import psnr
from tests.pictures import photograph, to_tensor


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "TILE", 8)  # 128 pixels, under the margin of 9 latents


@pytest.fixture
def half_drawn(cat: Image.Image) -> Image.Image:
    """A photo with a drawing in its lower half, 300x210."""
    image = cat.crop((100, 40, 400, 250))
    image.paste((250, 250, 240), (0, 110, 300, 210))
    for x in range(0, 300, 5):
        image.paste((20, 30, 200), (x, 120, x + 2, 200))
    return image


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16"])
def test_a_part_is_what_the_whole_has_there(
    codec: Codec, half_drawn: Image.Image, mode: str
) -> None:
    image = half_drawn.convert("L") if mode in ("L", "I;16") else half_drawn
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype("<u2") * 40)
    data = codec.compress(image, 60, effort="fast")
    whole = codec.decompress(data)
    for box in ((0, 0, 300, 210), (130, 10, 140, 20), (110, 90, 160, 140), (299, 209, 300, 210)):
        part = codec.decompress(data, box=box)
        assert part.tobytes() == whole.crop(box).tobytes()


@pytest.mark.usefixtures("small_tiles")
def test_only_the_tiles_that_are_seen_are_decoded(
    codec: Codec, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, decoded = codec.compress(cat, 60, effort="fast"), []
    original = InferenceModel.decode_latents

    def counting(self: InferenceModel, payload: bytes, *size: int) -> np.ndarray:
        decoded.append(payload)
        return original(self, payload, *size)

    monkeypatch.setattr(InferenceModel, "decode_latents", counting)
    codec.decompress(data)
    assert len(decoded) == len(set(decoded)) == 12
    decoded.clear()
    codec.decompress(data, box=(0, 0, 20, 20))  # sees 9 latents further, to the next tiles
    assert len(decoded) == 4


def test_only_the_latents_that_are_seen_are_synthesised(
    codec: Codec, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, shapes = codec.compress(cat, 60, effort="fast"), []
    original = InferenceModel.synthesise

    def noting(self: InferenceModel, latents: np.ndarray, quality: int) -> np.ndarray:
        shapes.append(latents.shape[2:])
        return original(self, latents, quality)

    whole = codec.decompress(data)
    monkeypatch.setattr(InferenceModel, "synthesise", noting)
    assert codec.model.in_whole_numbers
    margin = codec.model.margin
    part = codec.decompress(data, box=(440, 3, 451, 5))  # the last two columns of latents
    assert part.tobytes() == whole.crop((440, 3, 451, 5)).tobytes()
    codec.decompress(data, box=(200, 290, 201, 291))
    assert shapes == [(1 + margin, 2 + margin), (1 + margin, 1 + 2 * margin)]


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (-1, 0, 5, 5), (0, 0, 101, 5), (5, 5, 4, 9)])
def test_a_box_is_within_the_picture(codec: Codec, small: Image.Image, box: Any) -> None:
    with pytest.raises(ValueError, match="not within 100x70"):
        codec.decompress(codec.compress(small), box=box)


@pytest.mark.parametrize("scale", [8, 16])
def test_previews_look_like_the_picture(codec: Codec, cat: Image.Image, scale: int) -> None:
    data = codec.compress(cat, 60)
    small = codec.preview(data, scale)
    assert psnr(small, codec.decompress(data).reduce(scale)) > 33
    with pytest.raises(ValueError, match="8 or 16"):
        codec.preview(data, 4)


def test_previews_do_without_the_synthesis(
    codec: Codec, half_drawn: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = codec.compress(half_drawn, 60)
    exact = codec.compress(half_drawn, lossless=True)
    whole = codec.decompress(data)
    monkeypatch.setattr(InferenceModel, "synthesise", None)
    assert codec.model.preview is not None
    assert psnr(codec.preview(data), whole.reduce(8)) > 30
    assert codec.preview(exact).tobytes() == half_drawn.reduce(8).tobytes()


@pytest.mark.usefixtures("small_tiles")
def test_previews_of_grey_alpha_and_tiles(codec: Codec, cat: Image.Image) -> None:
    deep = Image.fromarray(np.asarray(cat.convert("L")).astype("<u2") * 9 + 700)
    small = np.asarray(codec.preview(codec.compress(deep, 70))).astype(float)
    wanted = np.asarray(cat.convert("L").reduce(8)).astype(float) * 9 + 700
    assert np.abs(small - wanted).mean() < 9 * 4
    image = cat.convert("LA")
    alpha = Image.linear_gradient("L").resize(image.size)
    image.putalpha(alpha)
    small_image = codec.preview(codec.compress(image, 70))
    assert small_image.mode == "LA"
    assert small_image.getchannel("A").tobytes() == alpha.reduce(8).tobytes()


def test_weights_without_a_map_decode_and_reduce(tmp_path: Path, small: Image.Image) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(weight_file("codec-psnr").read_bytes())
    codec = Codec("cpu", path)
    assert codec.model.preview is None
    data = codec.compress(small, 60)
    assert codec.preview(data).tobytes() == codec.decompress(data).reduce(8).tobytes()


def test_a_map_is_fitted_saved_and_told_from_that_of_other_weights(
    codec: Codec, tmp_path: Path
) -> None:
    pictures = [photograph(name).crop((0, 0, 256, 256)) for name in ("astronaut", "coffee")]
    crops = [(255 * to_tensor(picture)).round().byte() for picture in pictures]
    start, fitted = fit_preview(codec.model, []), fit_preview(codec.model, crops)
    x = crops[0].float() / 255 - 0.5
    y = codec.model.analyse(x.numpy(), 70)
    coded = codec.model.quantise(y, 70, lambda s, i: None, rdoq=True)
    wanted = torch.nn.functional.avg_pool2d(x, 8)[0].numpy()
    errors = [
        float(np.square(m.pixels(codec.model.unscaled(coded, 70), 8) - wanted).mean())
        for m in (start, fitted)
    ]
    assert errors[1] < 0.5 * errors[0]
    path = tmp_path / "w.safetensors"
    path.write_bytes(weight_file("codec-balanced").read_bytes())
    fitted.save(path, codec.digest)
    loaded = load(path, codec.runtime)[0].preview
    assert loaded is not None
    assert np.array_equal(loaded.weight, fitted.weight)
    fitted.save(path, b"12345678")
    assert preview.load(path, codec.digest) is None


def test_hostile_tiles_are_refused_at_once(codec: Codec, small: Image.Image) -> None:
    """By hand, with right checksums: 16 megapixels in tiles of 4 latents, and tiles given twice."""
    payload = container.read_file(codec.compress(small, 1))[1][0].payload
    width = height = 4096
    for tile in (4, 8, 28):
        count = (-(-width // (16 * tile))) ** 2
        header = Header(width, height, 0, 50, tile, count, codec.digest)
        data = container.write_file(header, [Chunk(ChunkType.TILE, payload)] * count)
        with pytest.raises(CorruptFileError, match="too small"):
            codec.decompress(data)
    exact = pack_exact(0, Image.new("RGB", (64, 64)), np.ones((2, 2), dtype=bool))
    chunks = [Chunk(ChunkType.TILE, b""), *[Chunk(ChunkType.EXACT, exact)] * 1000]
    header = Header(64, 64, 0, 50, 96, len(chunks), container.NO_WEIGHTS)
    with pytest.raises(CorruptFileError, match="tile 0 is there twice"):
        codec.decompress(container.write_file(header, chunks))


@pytest.mark.parametrize(("low", "high"), [(200, 965), (0, 255), (40_000, 40_001), (7, 7)])
def test_grey_of_few_levels_keeps_them(codec: Codec, low: int, high: int) -> None:
    photo = np.asarray(photograph("camera"), float)[100:228, 200:328]
    photo = (photo - photo.min()) / (photo.max() - photo.min())
    levels = (low + photo * (high - low)).round().astype(np.uint16)
    restored = codec.decompress(codec.compress(levels, 90), as_array=True)
    assert low <= restored.min() <= restored.max() <= high
    error = np.square(restored.astype(float) - levels).mean()
    assert error <= max(0.5, (high - low) ** 2 / 10**3.3)


def test_tiny_pictures_keep_their_colours(codec: Codec) -> None:
    for colour in ((0, 255, 255), (1, 2, 3), (0, 255, 0)):
        for size in ((1, 1), (16, 16), (31, 9)):
            image = Image.new("RGB", size, colour)
            assert codec.decompress(codec.compress(image, 10)).tobytes() == image.tobytes()
