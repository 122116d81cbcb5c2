"""What an .aec file says about itself, without decoding its pixels."""

from __future__ import annotations

import zlib
from typing import Any

from aecodec.codec.container import (
    EXACT_TYPES,
    MODES,
    NO_WEIGHTS,
    VERSION,
    Chunk,
    ChunkType,
    Header,
    read_file,
    tile_boxes,
)
from aecodec.codec.exact import read_cells
from aecodec.weights import shipped_name


def describe(data: bytes) -> dict[str, Any]:
    """Everything the file says about itself, ready for JSON.

    "lossless" tells that every pixel is exact. Of each tile, "exact" is the share of its cells
    (32x32 pixels) that are kept bit for bit, "few_colours" that of those kept in fewer colours
    than they had: 1.0 all of them; the rest is learned. "model" is the name of the weights, if they
    ship.

    Raises:
        CorruptFileError: damaged or foreign; all checksums are verified.
        UnsupportedVersionError: a newer format.
    """
    header, chunks = read_file(data)
    return {
        "version": VERSION,
        "width": header.width,
        "height": header.height,
        "mode": MODES[header.mode],
        "bit_depth": 16 if MODES[header.mode] == "I;16" else 8,
        "quality": header.quality,
        "lossless": header.weights == NO_WEIGHTS
        and all(chunk.type != ChunkType.FEW_COLOURS for chunk in chunks),
        "tile": header.tile * 16,
        "weights": header.weights.hex(),
        "bytes": len(data),
        "bpp": 8 * len(data) / (header.width * header.height),
        "tiles": _tiles(header, chunks),
        "chunks": [
            {"type": c.name, "bytes": len(c.payload), "crc32": f"{zlib.crc32(c.payload):08x}"}
            for c in chunks
        ],
        "model": None if header.weights == NO_WEIGHTS else shipped_name(header.weights.hex()),
    }


def _tiles(header: Header, chunks: list[Chunk]) -> list[dict[str, Any]]:
    """Of each tile: upper left corner, size, shares of cells that are exact or in fewer colours."""
    boxes = tile_boxes(header.width, header.height, header.tile)
    sizes = [(right - left, bottom - top) for left, top, right, bottom in boxes]
    tiles: list[dict[str, Any]] = [
        {"x": box[0], "y": box[1], "width": size[0], "height": size[1], "exact": 0.0}
        | {"few_colours": 0.0}
        for box, size in zip(boxes, sizes, strict=True)
    ]
    for chunk in chunks:
        if chunk.type in EXACT_TYPES:
            tile, cells, _ = read_cells(chunk.payload, sizes)
            kind = "exact" if chunk.type == ChunkType.EXACT else "few_colours"
            tiles[tile][kind] = max(tiles[tile][kind], float(cells.mean()))
    return tiles
