"""From the chunks of an .aec file to pixels: of a whole picture, of a part, or reduced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from aecodec.codec import tiling, wiener
from aecodec.codec.container import (
    EXACT_TYPES,
    LATENT_STRIDE,
    MODES,
    NO_WEIGHTS,
    Box,
    Chunk,
    ChunkType,
    Header,
    tile_boxes,
    unpack_levels,
)
from aecodec.codec.exact import ExactPart, put_cells, unpack_exact
from aecodec.codec.inference import InferenceModel
from aecodec.codec.varint import unpack_varint
from aecodec.errors import CorruptFileError
from aecodec.images.cells import CELL, pixels_of
from aecodec.nn.arrays import FloatArray
from aecodec.nn.pixels import Levels, to_pillow

MIN_TILE = 32
"""Side in latents of the tiles of a picture of several: it bounds the time that margins take."""


class Learned(NamedTuple):
    """What the network codes of a picture.

    Attributes:
        payloads: of the tiles, row by row.
        mode: of the pixels: "RGB", "L" or "I;16".
        size: width and height in pixels.
        quality: 1 to 100.
        tile: side of a tile in latents.
        levels: as for `aecodec.nn.pixels.read_area`.
        filter: of the pixels, if there is one.
    """

    payloads: Sequence[bytes]
    mode: str
    size: tuple[int, int]
    quality: int
    tile: int
    levels: Levels | None = None
    filter: wiener.Weights | None = None


def latent_size(width: int, height: int) -> tuple[int, int]:
    """(rows, columns) of the latents of an image."""
    return -(-height // LATENT_STRIDE), -(-width // LATENT_STRIDE)


def decode_pixels(
    header: Header,
    chunks: Sequence[Chunk],
    model: Callable[[], InferenceModel],
    box: Box | None = None,
) -> Image.Image:
    """Pixels of mode "RGB", "L" or "I;16".

    Args:
        header, chunks: of the file.
        model: gives the one that the file was written with, if it is needed.
        box: decode this part only, and what it takes.

    Raises:
        CorruptFileError: damaged.
    """
    learned = _learned(header, chunks)
    box = box or (0, 0, *learned.size)
    if header.weights == NO_WEIGHTS:
        image = Image.new(learned.mode, (box[2] - box[0], box[3] - box[1]))
    else:
        image = decode_tiles(model(), learned, box)
    for part, (left, top) in _exact_parts(header, chunks, box):
        put_cells(image, part, (left - box[0], top - box[1]))
    return image


def decode_reduced(
    header: Header,
    chunks: Sequence[Chunk],
    model: Callable[[], InferenceModel],
    scale: int,
) -> Image.Image:
    """As `decode_pixels`, an eighth or a sixteenth of each side.

    Without the synthesis, where the model has a map for previews.

    Args:
        scale: 8 or 16.
    """
    learned = _learned(header, chunks)
    width, height = learned.size
    image = Image.new(learned.mode, (-(-width // scale), -(-height // scale)))
    if header.weights != NO_WEIGHTS:
        network = model()
        if network.preview is None:
            return reduce_image(decode_pixels(header, chunks, model), scale)
        rows, columns = latent_size(*learned.size)
        windows = tiling.windows(rows, columns, learned.tile, 0)
        times = LATENT_STRIDE // scale
        for window, payload in zip(windows, learned.payloads, strict=True):
            latents = network.decode_latents(payload, window.height, window.width, header.quality)
            x = network.preview.pixels(network.unscaled(latents, header.quality), scale)
            tile = to_pillow(x + 0.5, learned.mode, learned.levels)
            image.paste(tile, (window.left * times, window.top * times))
    for part, (left, top) in _exact_parts(header, chunks, (0, 0, width, height)):
        small = np.array(reduce_image(part.pixels, scale))
        there = (left // scale, top // scale)
        below = np.asarray(image)[there[1] :, there[0] :][: small.shape[0], : small.shape[1]]
        other = ~pixels_of(part.cells, small.shape, CELL // scale)
        small[other] = below[other]
        image.paste(Image.fromarray(small), there)
    return image


def reduce_image(image: Image.Image, scale: int) -> Image.Image:
    """Means of squares; those on the border may be smaller."""
    if image.mode != "I;16":
        return image.reduce(scale)
    small = Image.fromarray(np.asarray(image, dtype=np.float32)).reduce(scale)
    return Image.fromarray(np.asarray(small).round().astype("<u2"))


def decode_tiles(model: InferenceModel, learned: Learned, box: Box | None = None) -> Image.Image:
    """The pixels of a box, or all, from the payloads of the tiles."""
    left, top, right, bottom = box or (0, 0, *learned.size)
    image = Image.new(learned.mode, (right - left, bottom - top))
    for window, x in outer_pixels(model, learned, (left, top, right, bottom)):
        if learned.filter is not None:
            x = wiener.apply(x, learned.filter)
        rows, columns = inner_pixels(window)
        tile = to_pillow(x[:, rows, columns], learned.mode, learned.levels)
        image.paste(tile, (window.left * LATENT_STRIDE - left, window.top * LATENT_STRIDE - top))
    return image


def outer_pixels(
    model: InferenceModel, learned: Learned, box: Box
) -> Iterator[tuple[tiling.Window, FloatArray]]:
    """Each tile that a box touches, with the pixels (3, H, W) of its outer window, about [0, 1]."""
    for window, latents in _outer_latents(model, learned, box):
        yield window, model.synthesise(latents, learned.quality)[0] + np.float32(0.5)


def inner_pixels(window: tiling.Window) -> tuple[slice, slice]:
    """Rows and columns of a tile among the pixels of its outer window."""
    rows, columns = (slice(s.start * LATENT_STRIDE, s.stop * LATENT_STRIDE) for s in window.inside)
    return rows, columns


def _outer_latents(
    model: InferenceModel, learned: Learned, box: Box
) -> Iterator[tuple[tiling.Window, FloatArray]]:
    """Each tile that a box touches, with the latents (1, M, h, w) of its outer window.

    A tile is decoded once, and only where a pixel of the box sees it: elsewhere, latents are
    zero. Three rows of tiles are in memory at a time, not the whole image's latents. Where the
    synthesis is in whole numbers, whose sums have no order, a window is no larger than the box
    sees; in real numbers, another window would change last bits.
    """
    rows, columns = latent_size(*learned.size)
    tile, across = learned.tile, -(-columns // learned.tile)
    windows = list(tiling.windows(rows, columns, tile, model.margin))
    left, top, right, bottom = box
    touched = tiling.Area(
        slice(top // LATENT_STRIDE, -(-bottom // LATENT_STRIDE)),
        slice(left // LATENT_STRIDE, -(-right // LATENT_STRIDE)),
    )
    seen = tiling.Area(*(slice(s.start - model.margin, s.stop + model.margin) for s in touched))
    decoded: dict[int, FloatArray] = {}
    for whole in windows:
        window = whole
        if _common(window.inner, touched) is None:
            continue
        if model.in_whole_numbers:
            window = _narrowed(window, touched, seen)
        shape = (1, window.outer_height, window.outer_width, model.config.latent_channels)
        latents = np.zeros(shape, np.float32).transpose(0, 3, 1, 2)
        wanted = _common(window.outer, seen)
        assert wanted is not None
        for row in range(wanted.rows.start // tile, -(-wanted.rows.stop // tile)):
            for column in range(wanted.columns.start // tile, -(-wanted.columns.stop // tile)):
                number = row * across + column
                other = windows[number]
                if number not in decoded:
                    decoded[number] = model.decode_latents(
                        learned.payloads[number], other.height, other.width, learned.quality
                    )
                both = _common(window.outer, other.inner)
                assert both is not None
                part = _within(both, other.inner).of(decoded[number])
                _within(both, window.outer).of(latents)[...] = part
        yield window, latents
        above = (whole.top - model.margin) // tile  # the first row of tiles that is seen again
        decoded = {n: y for n, y in decoded.items() if n // across >= above}


def _narrowed(window: tiling.Window, touched: tiling.Area, seen: tiling.Area) -> tiling.Window:
    """What of a window is touched, with what that sees."""
    inner, outer = _common(window.inner, touched), _common(window.outer, seen)
    assert inner is not None
    assert outer is not None
    height, width = (s.stop - s.start for s in inner)
    outer_height, outer_width = (s.stop - s.start for s in outer)
    top, left = inner.rows.start, inner.columns.start
    above, before = top - outer.rows.start, left - outer.columns.start
    return tiling.Window(top, left, height, width, above, before, outer_height, outer_width)


def _common(a: tiling.Area, b: tiling.Area) -> tiling.Area | None:
    """Where two areas overlap, if they do."""
    both = [slice(max(p.start, q.start), min(p.stop, q.stop)) for p, q in zip(a, b, strict=True)]
    return tiling.Area(*both) if all(s.start < s.stop for s in both) else None


def _within(area: tiling.Area, whole: tiling.Area) -> tiling.Area:
    """An area in the coordinates of one that contains it."""
    return tiling.Area(
        *(slice(p.start - q.start, p.stop - q.start) for p, q in zip(area, whole, strict=True))
    )


def _exact_parts(
    header: Header, chunks: Sequence[Chunk], box: Box
) -> Iterator[tuple[ExactPart, tuple[int, int]]]:
    """The exact parts of the tiles that a box touches, and the upper left corners of these.

    Where the network codes nothing, these must be whole tiles, and all.
    """
    bare = header.weights == NO_WEIGHTS
    mode = MODES[header.mode].removesuffix("A")
    boxes = tile_boxes(header.width, header.height, header.tile)
    sizes = [(right - left, bottom - top) for left, top, right, bottom in boxes]
    missing = {number for number, other in enumerate(boxes) if bare and _meet(box, other)}
    seen: set[int] = set()
    for chunk in chunks:
        if chunk.type not in EXACT_TYPES:
            continue
        number, _ = unpack_varint(chunk.payload, 0, "exact")
        if number in seen:
            raise CorruptFileError(f"exact: tile {number} is there twice")
        seen.add(number)
        if number < len(boxes) and not _meet(box, boxes[number]):
            continue
        part = unpack_exact(chunk.payload, mode, sizes)
        if part.cells.all():
            missing.discard(part.tile)
        yield part, boxes[part.tile][:2]
    if missing:
        raise CorruptFileError(f"exact: tile {min(missing)} is missing")


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _learned(header: Header, chunks: Sequence[Chunk]) -> Learned:
    mode, size = MODES[header.mode].removesuffix("A"), (header.width, header.height)
    payloads = [c.payload for c in chunks if c.type == ChunkType.TILE]
    if header.tile < min(MIN_TILE, tiling.TILE) and max(size) > header.tile * LATENT_STRIDE:
        side = header.tile * LATENT_STRIDE
        raise CorruptFileError(
            f"header: tiles of {side} pixels are too small for {size[0]}x{size[1]}"
        )
    count = len(tile_boxes(*size, header.tile))
    if len(payloads) != count:
        raise CorruptFileError(f"tile: {len(payloads)} of {count} tiles are there")
    levels = unpack_levels(chunks, mode)
    weights = wiener.unpack((c.payload for c in chunks if c.type == ChunkType.FILTER), mode)
    return Learned(payloads, mode, size, header.quality, header.tile, levels, weights)
