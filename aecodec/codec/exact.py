"""Exact cells: parts of a tile that a file keeps bit for bit, beside what the network codes.

An exact chunk holds, for one tile: its number, which of its cells are exact, and a lossless WebP
(a PNG for 16-bit grey) of the tile's size in which the other cells are black.
"""

from __future__ import annotations

import io
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.codec.plain_files import check_grey_png, check_webp
from aecodec.codec.varint import pack_varint, unpack_varint
from aecodec.errors import CorruptFileError
from aecodec.images.cells import CELL, Cells, cell_grid, combine, pixels_of

_SOME, _ABREAST = 64, 8  # cells that tell about how many bytes all take, in rows
_WEBP_EFFORTS: dict[str, dict[str, int]] = {
    "fast": {},
    "default": {"method": 4, "quality": 100},
    "max": {"method": 6, "quality": 100},
}


class ExactPart(NamedTuple):
    """What an exact chunk says of a tile: all its pixels, and which of its cells count."""

    tile: int
    cells: Cells
    pixels: Image.Image


def put_cells(image: Image.Image, part: ExactPart, corner: tuple[int, int]) -> None:
    """Paste the exact cells of a tile whose upper left corner is there, in place."""
    left, top = corner
    width, height = part.pixels.size
    below = image.crop((left, top, left + width, top + height))
    image.paste(combine(part.pixels, below, part.cells), corner)


def pack_exact(tile: int, pixels: Image.Image, cells: Cells) -> bytes:
    """The payload of an exact chunk.

    Args:
        tile: its number, row by row.
        pixels: the tile, of mode "RGB", "L" or "I;16".
        cells: which of its cells to keep.
    """
    mask = b""
    if not cells.all():
        mask = zlib.compress(np.packbits(cells).tobytes(), 9)
        pixels = combine(pixels, Image.new(pixels.mode, pixels.size), cells)
    return pack_varint(tile) + pack_varint(len(mask)) + mask + lossless(pixels)


def lossless(pixels: Image.Image, **options: int) -> bytes:
    """A lossless WebP, with these options of Pillow, or a PNG for 16-bit grey."""
    buffer = io.BytesIO()
    if pixels.mode == "I;16":
        pixels.save(buffer, "PNG", optimize=True)
    else:
        pixels.save(buffer, "WEBP", lossless=True, exif=b"", xmp=b"", icc_profile=b"", **options)
    return buffer.getvalue()


def repacked(payload: bytes, sizes: list[tuple[int, int]], effort: str) -> bytes:
    """A payload of `pack_exact` with a smaller WebP, of the same pixels, if one is found.

    Args:
        sizes: as for `unpack_exact`.
        effort: "default" takes a fraction of a second, "max" up to a minute; only "max" has a look
            at what seems to be photographs.
    """
    tile, _, rest = read_cells(payload, sizes)
    width, height = sizes[tile]
    options = _WEBP_EFFORTS[effort]
    if not options or rest[:4] != b"RIFF" or (effort != "max" and len(rest) > width * height / 4):
        return payload
    again = lossless(Image.open(io.BytesIO(rest), formats=["WEBP"]).convert("RGB"), **options)
    return payload[: len(payload) - len(rest)] + min(again, rest, key=len)


def lossless_size(pixels: Image.Image, cells: Cells) -> float:
    """About how many bytes these cells take in a lossless file, from at most 64 of them."""
    places = np.argwhere(cells)
    some = places[:: -(-len(places) // _SOME) or 1]
    sheet = Image.new(pixels.mode, (_ABREAST * CELL, -(-len(some) // _ABREAST) * CELL))
    for number, (row, column) in enumerate(some.tolist()):
        left, top = column * CELL, row * CELL
        cell = pixels.crop((left, top, left + CELL, top + CELL))
        sheet.paste(cell, (number % _ABREAST * CELL, number // _ABREAST * CELL))
    return len(lossless(sheet)) * len(places) / len(some) if len(some) else 0.0


def unpack_exact(payload: bytes, mode: str, sizes: list[tuple[int, int]]) -> ExactPart:
    """The inverse of `pack_exact`.

    Args:
        payload: of the chunk.
        mode: of the pixels: "RGB", "L" or "I;16".
        sizes: (width, height) of each tile in pixels; nothing larger is decoded.

    Raises:
        CorruptFileError: malformed, or not of the tile's size.
    """
    tile, cells, rest = read_cells(payload, sizes)
    if mode == "I;16":
        check_grey_png(rest, sizes[tile], 16, "exact")
    else:
        check_webp(rest, sizes[tile], "exact")
    try:
        pixels = Image.open(io.BytesIO(rest), formats=["PNG" if mode == "I;16" else "WEBP"])
        pixels.load()
    except Exception:  # Pillow raises many kinds, whose messages name objects of Python
        raise CorruptFileError("exact: its picture cannot be decoded") from None
    if mode == "I;16":
        return ExactPart(tile, cells, Image.fromarray(np.asarray(pixels).astype("<u2")))
    if mode == "L":
        red, *others = (np.asarray(band) for band in pixels.convert("RGB").split())
        if any((red != band).any() for band in others):
            raise CorruptFileError("exact: colours in a grey picture")
        return ExactPart(tile, cells, Image.fromarray(red))
    return ExactPart(tile, cells, pixels.convert(mode))


def read_cells(payload: bytes, sizes: list[tuple[int, int]]) -> tuple[int, Cells, bytes]:
    """Number of the tile, its exact cells, and the picture of them, which is not decoded.

    Raises:
        CorruptFileError: malformed.
    """
    tile, position = unpack_varint(payload, 0, "exact")
    length, position = unpack_varint(payload, position, "exact")
    if tile >= len(sizes):
        raise CorruptFileError(f"exact: there is no tile {tile}")
    end = position + length
    cells = _unpack_cells(payload[position:end], cell_grid(*sizes[tile]))
    return tile, cells, payload[end:]


def _unpack_cells(mask: bytes, grid: tuple[int, int]) -> Cells:
    count = grid[0] * grid[1]
    if not mask:
        return np.ones(grid, dtype=np.bool_)
    try:
        inflate = zlib.decompressobj()
        bits = inflate.decompress(mask, -(-count // 8) + 1)
    except zlib.error as error:
        raise CorruptFileError(f"exact: {error}") from None
    if len(bits) != -(-count // 8):
        raise CorruptFileError("exact: the list of cells is of another tile's size")
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=count).reshape(grid).astype(np.bool_)


def fill_cells(pixels: Image.Image, cells: Cells) -> Image.Image:
    """The picture with smooth colours in some cells, as their surroundings suggest.

    They cost the network next to nothing, and leave what is around them alone. By pull and push
    on a pyramid (Gortler et al., "The lumigraph", 1996).
    """
    if not cells.any():
        return pixels
    values = np.asarray(pixels, dtype=np.float32)
    values = values.reshape(*values.shape[:2], -1)
    rows, columns = cells.shape
    padding = ((0, rows * CELL - len(values)), (0, columns * CELL - values.shape[1]), (0, 0))
    padded = np.pad(values, padding, mode="edge")
    means = padded.reshape(rows, CELL, columns, CELL, -1).mean((1, 3))
    smooth = _pull_push(means, (~cells).astype(np.float32))
    levels = [
        Image.fromarray(band).resize((columns * CELL, rows * CELL), Image.Resampling.BILINEAR)
        for band in np.moveaxis(smooth, 2, 0)
    ]
    filled = np.stack([np.asarray(level) for level in levels], axis=2).round()
    mask = pixels_of(cells, values.shape)[..., None]
    mixed = np.where(mask, filled[: values.shape[0], : values.shape[1]], values)
    if pixels.mode == "RGB":
        return Image.fromarray(mixed.astype(np.uint8))
    return Image.fromarray(mixed[..., 0].astype("<u2" if pixels.mode == "I;16" else np.uint8))


def _pull_push(
    means: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Colours (h, w, C) where the weight (h, w) is one; elsewhere those of coarser levels."""
    if min(weight.shape) < 1 or weight.all() or weight.size == 1:
        return means
    even = [(0, side % 2) for side in weight.shape]
    total = np.pad(means * weight[..., None], [*even, (0, 0)])
    share = np.pad(weight, even)
    blocks = (len(share) // 2, 2, share.shape[1] // 2, 2)
    total = total.reshape(*blocks, -1).sum((1, 3))
    share = share.reshape(blocks).sum((1, 3))
    coarse = total / np.maximum(share, 1)[..., None]
    coarse = _pull_push(coarse.astype(np.float32), (share > 0).astype(np.float32))
    up = coarse.repeat(2, 0).repeat(2, 1)[: len(weight), : weight.shape[1]]
    return np.where(weight[..., None] > 0, means, up).astype(np.float32)
