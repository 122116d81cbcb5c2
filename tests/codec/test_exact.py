from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from aecodec.codec import container, tiling
from aecodec.codec.choice import choose
from aecodec.codec.codec import Codec
from aecodec.codec.container import Box, Chunk, ChunkType
from aecodec.codec.exact import (
    fill_cells,
    lossless_size,
    pack_exact,
    repacked,
    unpack_exact,
)
from aecodec.codec.plain_files import check_grey_png
from aecodec.codec.varint import pack_varint
from aecodec.errors import CorruptFileError
from aecodec.images.cells import CELL, cell_grid
from aecodec.images.drawn_cells import find_drawn
from aecodec.training.drawn import draw
from benchmarks import drawn
from tests.conftest import psnr
from tests.images.files import saved
from tests.pictures import photograph


def kinds(data: bytes) -> list[int]:
    return [chunk.type for chunk in container.read_file(data)[1]]


@pytest.mark.parametrize(
    "kind",
    [
        "chart",
        "page",
        "interface",
        "flag",
        "pixel_art",
        "dithering",
        "colour_bars",
        "gradient",
        "line_art",
        "noise",
    ],
)
def test_no_drawn_picture_is_destroyed(codec: Codec, kind: str) -> None:
    # The thousands of colours of noise take seconds to be made fewer.
    image = draw(100, kind, (140, 110) if kind == "noise" else (333, 270))
    picture = drawn.Picture(kind, "seed 100", image)
    rows = drawn.measure(codec, picture, in_full=False, with_avif=False)
    assert [row["failures"] for row in rows] == [[], [], []]


@pytest.mark.parametrize(("seed", "kind"), [(2144, "chart"), (2102, "noise"), (5282, "noise")])
@pytest.mark.parametrize("quality", [20, 50])
def test_a_picture_without_one_bad_cell_keeps_its_promise(
    codec: Codec, seed: int, kind: str, quality: int
) -> None:
    # A heat map of 405x76 pixels; noise of 69x594; impulses on a gradient of 67x342.
    image = draw(seed, kind)
    decoded = codec.decompress(codec.compress(image, quality))
    assert psnr(image, decoded) >= drawn.LEAST_PSNR[quality]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16", "1", "P"])
@pytest.mark.parametrize("size", [(1, 1), (33, 70), (200, 130)])
def test_lossless_keeps_every_pixel(codec: Codec, mode: str, size: tuple[int, int]) -> None:
    photo = photograph("chelsea").resize(size)
    if mode == "I;16":
        levels = np.asarray(photo.convert("L"), dtype=np.uint16) * 200 + 77
        image = Image.fromarray(levels)
    elif mode.endswith("A"):
        image = photo.convert(mode)
        image.putalpha(photo.convert("L"))
    else:
        image = photo.convert(mode)
    decoded = codec.decompress(codec.compress(image, lossless=True))
    expected = image.convert("RGB") if mode == "P" else image
    expected = image.convert("L") if mode == "1" else expected
    assert decoded.mode == expected.mode
    np.testing.assert_array_equal(np.asarray(decoded), np.asarray(expected))


def test_a_lossless_file_needs_no_weights_and_keeps_metadata(codec: Codec) -> None:
    image = photograph("chelsea").crop((0, 0, 64, 64))
    image.info["xmp"] = b"<x/>"
    data = codec.compress(image, lossless=True)
    header, _ = container.read_file(data)
    assert header.weights == container.NO_WEIGHTS
    other = Codec("cpu", weights="codec-psnr")
    assert other.decompress(data).tobytes() == image.tobytes()
    assert other.decompress(data).info["xmp"] == b"<x/>"


@pytest.mark.parametrize("kind", ["chart", "interface", "line_art"])
def test_some_cells_tell_how_many_bytes_all_take(kind: str) -> None:
    image = draw(7, kind, (800, 600)).convert("RGB")
    cells = find_drawn(image).drawn
    assert cells.sum() > 64
    payload = len(pack_exact(0, image, cells))
    assert 0.8 * payload < lossless_size(image, cells) < 1.25 * payload
    assert lossless_size(image, np.zeros_like(cells)) == 0


def test_lossless_tiles(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "TILE", 8)
    image = photograph("chelsea")
    data = codec.compress(image, lossless=True)
    assert kinds(data).count(ChunkType.EXACT) == 4 * 3
    assert codec.decompress(data).tobytes() == image.tobytes()


def test_a_page_with_a_photo_has_both(codec: Codec) -> None:
    page = Image.new("RGB", (640, 640), "white")
    photo = photograph("coffee").crop((100, 50, 484, 306))
    page.paste(photo, (64, 320))
    pen = ImageDraw.Draw(page)
    for line in range(14):
        text = "the quick brown fox jumps over the lazy dog 0123456789 " * 2
        pen.text((20, 10 + 21 * line), text, font=ImageFont.load_default(15), fill="black")
    data = codec.compress(page, 50)
    assert set(kinds(data)) == {ChunkType.TILE, ChunkType.FEW_COLOURS}
    assert len(data) < 0.2 * drawn.lossless_webp(page)
    decoded = codec.decompress(data)
    written = (0, 0, 640, 288)
    assert psnr(page.crop(written), decoded.crop(written)) > 40
    shown = (64, 320, 448, 576)
    assert psnr(photo, decoded.crop(shown)) > 27


@pytest.mark.parametrize("quality", [20, 50, 90])
def test_a_photo_on_a_page_takes_about_what_it_takes_alone(codec: Codec, quality: int) -> None:
    page, photo = Image.new("RGB", (1200, 900), "white"), photograph("coffee")
    pen = ImageDraw.Draw(page)
    for line in range(14):
        text = "the quick brown fox jumps over the lazy dog 0123456789"
        pen.text((700, 10 + 21 * line), text, font=ImageFont.load_default(15), fill="black")
    text_alone = len(codec.compress(page, quality))
    page.paste(photo, (64, 320))
    taken = len(codec.compress(page, quality)) - text_alone
    assert taken < 3 * len(codec.compress(photo, quality))


@pytest.mark.parametrize("noise", [0, 25])
@pytest.mark.parametrize("size", [(722, 480), (902, 600)])
def test_text_beside_a_large_photo_stays_legible(
    codec: Codec, size: tuple[int, int], noise: int
) -> None:
    """And noise, which no quality keeps, is not kept exactly for that."""
    photo = np.asarray(photograph("chelsea").resize(size), dtype=np.float32)
    photo = photo + np.random.default_rng(0).normal(0, noise, photo.shape)
    photo = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
    page = Image.new("RGB", (1200, 800), "white")
    page.paste(photo, (280, 150))
    pen = ImageDraw.Draw(page)
    for line in range(6):
        text = "the quick brown fox jumps over the lazy dog 0123456789"
        pen.text((40, 10 + 21 * line), text, font=ImageFont.load_default(15), fill="#444")
    written = (0, 0, 500, 140)
    for quality in (5, 20, 50):
        data = codec.compress(page, quality)
        assert psnr(page.crop(written), codec.decompress(data).crop(written)) > 30
        assert len(data) < 5 * len(codec.compress(photo, quality)) + 4000


def test_photographs_are_left_to_the_network(codec: Codec) -> None:
    for name in ("chelsea", "coffee", "astronaut"):
        for quality in (10, 50, 80):
            assert kinds(codec.compress(photograph(name), quality)) == [ChunkType.TILE]


def test_a_photograph_of_hard_contrast_takes_no_more_bytes_at_lower_quality(codec: Codec) -> None:
    """Black and white in many of its cells look drawn, and take far more bits than drawings do."""
    stones = Image.fromarray(skimage.data.gravel()).point(lambda level: 4 * level - 384)
    assert find_drawn(stones).busy > 0.3
    sizes = [len(codec.compress(stones, quality)) for quality in (5, 20, 35, 50, 90)]
    assert sizes == sorted(sizes)
    assert psnr(stones, codec.decompress(codec.compress(stones, 20))) > 14


def blurred() -> Image.Image:
    """A photograph in which every pixel is told by its neighbours."""
    small = Image.fromarray(skimage.data.chelsea()).resize((13, 9))
    large = small.resize((900, 600), Image.Resampling.BICUBIC).point(lambda level: level // 3)
    assert not find_drawn(large).natural.any()
    return large


@pytest.mark.parametrize("photo", [Image.fromarray(skimage.data.chelsea()), blurred()])
def test_a_photograph_costs_one_encoding_and_no_decoding(photo: Image.Image) -> None:
    calls = []

    def encode(pixels: Image.Image) -> list[bytes]:
        calls.append(pixels)
        return [bytes(3000)]

    def decode(payloads: list[bytes], box: Box) -> Image.Image:
        raise AssertionError("decoded")

    coded = choose(photo, 50, [(0, 0, *photo.size)], encode, decode)
    assert len(calls) == 1
    assert coded.exact == []


def test_what_the_network_fails_at_becomes_exact() -> None:
    """A decoder that paints over one corner of what costs too much for a photograph."""
    photo = photograph("chelsea").crop((0, 0, 256, 256))
    bounds = (0, 0, 256, 256)

    def decode(payloads: list[bytes], box: Box) -> Image.Image:
        damaged = photo.copy()
        damaged.paste((255, 0, 255), (0, 0, 40, 30))
        return damaged.crop(box)

    coded = choose(photo, 50, [bounds], lambda pixels: [bytes(20_000)], decode)
    part = unpack_exact(coded.exact[0], "RGB", [(256, 256)])
    assert part.cells[0, :2].all()
    assert part.cells.sum() == 2
    assert part.pixels.crop((0, 0, 64, 32)).tobytes() == photo.crop((0, 0, 64, 32)).tobytes()


def test_only_what_looks_drawn_is_decoded() -> None:
    """Of four tiles the lower right one is a chart, which the decoder paints over."""
    picture = photograph("astronaut").copy()
    picture.paste(draw(7, "chart", (256, 256)).convert("RGB"), (256, 256))
    boxes = [(x, y, x + 256, y + 256) for y in (0, 256) for x in (0, 256)]
    seen = []

    def decode(payloads: list[bytes], box: Box) -> Image.Image:
        seen.append(box)
        damaged = picture.copy()
        damaged.paste((255, 0, 255), boxes[3])
        return damaged.crop(box)

    coded = choose(picture, 50, boxes, lambda pixels: [bytes(3000)] * 4, decode)
    assert set(seen) == {boxes[3]}
    part = unpack_exact(coded.exact[0], "RGB", [(256, 256)] * 4)
    assert part.tile == 3
    assert part.cells.all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 140), st.integers(1, 140), st.integers(0, 2**32 - 1))
def test_exact_cells_come_back(width: int, height: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    cells = rng.random(cell_grid(width, height)) < 0.5
    cells[0, 0] = True
    payload = pack_exact(1, pixels, cells)
    part = unpack_exact(payload, "RGB", [(5, 5), (width, height)])
    assert part.tile == 1
    np.testing.assert_array_equal(part.cells, cells)
    mask = cells.repeat(CELL, 0).repeat(CELL, 1)[:height, :width]
    np.testing.assert_array_equal(np.asarray(part.pixels)[mask], np.asarray(pixels)[mask])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_filled_cells_leave_the_others_and_their_range(width: int, height: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(40, 200, (height, width, 3), dtype=np.uint8)
    cells = rng.random(cell_grid(width, height)) < 0.6
    filled = np.asarray(fill_cells(Image.fromarray(values), cells))
    mask = cells.repeat(CELL, 0).repeat(CELL, 1)[:height, :width]
    np.testing.assert_array_equal(filled[~mask], values[~mask])
    if not cells.all():
        assert filled.min() >= 39
        assert filled.max() <= 200


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        pack_varint(9) + b"\x00",
        pack_varint(0) + pack_varint(0),
        pack_varint(0) + pack_varint(0) + b"RIFF????WEBP",
        pack_varint(0) + pack_varint(3) + b"abc",
        pack_exact(0, Image.new("RGB", (40, 41)), np.ones((2, 2), dtype=np.bool_)),
    ],
)
def test_malformed_exact_chunks_are_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptFileError, match="exact"):
        unpack_exact(payload, "RGB", [(40, 40)])


def webp(colour: str, **options: Any) -> bytes:
    return saved(Image.new("RGB", (40, 40), colour), "WEBP", **options)


@pytest.mark.parametrize(
    ("file", "mode", "message"),
    [
        (webp("red", lossless=True), "L", "exact: colours in a grey picture"),
        (webp("grey"), "RGB", "exact: not a lossless WebP"),
        (webp("grey", lossless=True, exif=b"II*"), "RGB", "exact: not a lossless WebP"),
        (webp("grey", lossless=True)[:40], "RGB", "exact: its picture cannot be decoded"),
        (webp("grey", lossless=True), "I;16", "exact: not a PNG"),
    ],
)
def test_pictures_that_readers_read_differently_are_refused(
    file: bytes, mode: str, message: str
) -> None:
    with pytest.raises(CorruptFileError) as error:
        unpack_exact(pack_varint(0) + pack_varint(0) + file, mode, [(40, 40)])
    assert str(error.value) == message


def test_only_plain_grey_png_is_alpha() -> None:
    grey = saved(Image.new("L", (40, 40)), "PNG")
    header = grey[16:29]

    def with_header(changed: bytes) -> bytes:
        kind = b"IHDR" + changed
        return grey[:12] + kind + struct.pack(">I", zlib.crc32(kind)) + grey[33:]

    check_grey_png(with_header(header), (40, 40), 8, "alpha")
    for changed in (header[:12] + b"\1", header[:8] + b"\x10" + header[9:]):
        with pytest.raises(CorruptFileError, match="alpha: not a plain 8-bit grey PNG"):
            check_grey_png(with_header(changed), (40, 40), 8, "alpha")
    for height in (39, 41):
        size = struct.pack(">II", 40, height)
        with pytest.raises(CorruptFileError, match="alpha: more or fewer rows"):
            check_grey_png(with_header(size + header[8:]), (40, height), 8, "alpha")
    with pytest.raises(CorruptFileError, match="alpha: the deflated data are damaged"):
        check_grey_png(grey[:45] + b"?" + grey[46:], (40, 40), 8, "alpha")
    with pytest.raises(CorruptFileError, match="alpha: not of the right size"):
        check_grey_png(grey, (41, 40), 8, "alpha")


def test_a_file_without_weights_whose_tiles_are_missing_is_corrupt(codec: Codec) -> None:
    data = codec.compress(Image.new("RGB", (40, 40)), lossless=True)
    header, chunks = container.read_file(data)
    kept: list[Chunk] = [chunk for chunk in chunks if chunk.type != ChunkType.EXACT]
    header = container.Header(**{**vars(header), "chunks": len(kept)})
    with pytest.raises(CorruptFileError, match="tile 0 is missing"):
        codec.decompress(container.write_file(header, kept))


def test_drawn_cells_of_a_page_are_those_with_text() -> None:
    page = Image.new("RGB", (256, 128), "white")
    page.paste(photograph("coffee").crop((200, 100, 328, 228)), (128, 0))
    pen = ImageDraw.Draw(page)
    for line in range(4):
        pen.text((4, 2 + 16 * line), "lorem ipsum dolor", font=ImageFont.load_default(14), fill=0)
    found = find_drawn(page)
    assert found.drawn[:2, :3].all()
    assert found.flat[2:, :4].all()
    assert not found.exact[:, 4:].any()


@pytest.mark.parametrize("latents", ["huge", "random"])
def test_any_latents_decode_to_finite_pixels(codec: Codec, latents: Any) -> None:
    """As those of a file made by hand may be."""
    generator = np.random.default_rng(0)
    y = generator.standard_normal((1, codec.model.config.latent_channels, 6, 6), dtype=np.float32)
    y *= 1e8 if latents == "huge" else 300
    for quality in (1, 50, 100):
        x = codec.model.synthesise(y, quality)
        assert np.isfinite(x).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_care_changes_bytes_alone(mode: str) -> None:
    image = draw(100, "line_art", (320, 200)).convert("RGB" if mode == "RGB" else "L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype("<u2") * 200)
    cells = np.arange(cell_grid(320, 200)[0] * 10).reshape(-1, 10) % 3 > 0
    sizes = [(9, 9), image.size]
    payload = pack_exact(1, image, cells)
    careful = {effort: repacked(payload, sizes, effort) for effort in ("fast", "default", "max")}
    assert careful["fast"] == payload
    if mode == "I;16":
        assert careful["max"] == payload
    else:
        assert len(careful["max"]) < len(careful["default"]) <= len(payload)
    for one in careful.values():
        part = unpack_exact(one, mode, sizes)
        assert (part.tile, part.pixels.mode) == (1, mode)
        assert np.array_equal(part.cells, cells)
        assert part.pixels.tobytes() == unpack_exact(payload, mode, sizes).pixels.tobytes()


def test_care_leaves_what_looks_like_a_photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    payload = pack_exact(0, noise, np.ones((2, 2), dtype=np.bool_))
    monkeypatch.setattr("aecodec.codec.exact.lossless", lambda *_, **__: b"RIFF")
    assert repacked(payload, [(64, 64)], "default") == payload
    assert repacked(payload, [(64, 64)], "max") != payload
