"""What the search for drawn parts costs photographs; `benchmarks.drawn --data` measures it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest import mock

from PIL import Image

from aecodec.codec import codec as codec_module
from aecodec.codec.choice import Coded, choose
from aecodec.codec.codec import Codec
from aecodec.codec.container import EXACT_TYPES, NO_WEIGHTS, ChunkType, read_file
from aecodec.evaluation.photos import load_photo
from aecodec.evaluation.results import markdown_table


def exactness(data: bytes) -> str:
    """Of a file, "wholly" if all its pixels are exact, "partly" if some cells are, "few colours" if
    some have fewer colours than they had, or "".
    """
    header, chunks = read_file(data)
    if any(chunk.type == ChunkType.FEW_COLOURS for chunk in chunks):
        return "few colours"
    if header.weights == NO_WEIGHTS:
        return "wholly"
    return "partly" if any(chunk.type in EXACT_TYPES for chunk in chunks) else ""


def suspicion(codec: Codec, photos: Sequence[Path], qualities: Sequence[int]) -> dict[str, Any]:
    """Of photographs: how many are suspected of being drawn, and how much longer encoding takes.

    The longer time is the ratio of compressing as it is to compressing without a choice, each
    photo both ways in turn.
    """
    found: dict[str, Any] = {"photos": len(photos)}
    suspected = False

    def without(pixels: Image.Image, quality: int, boxes: Any, encode: Any, decode: Any) -> Coded:
        return Coded(encode(pixels), [], [], pixels)

    def watched(pixels: Image.Image, quality: int, boxes: Any, encode: Any, decode: Any) -> Coded:
        nonlocal suspected
        encoded = mock.Mock(side_effect=encode)
        decoded = mock.Mock(side_effect=decode)
        coded = choose(pixels, quality, boxes, encoded, decoded)
        # A photograph is encoded once and never decoded; a suspect is looked at again.
        suspected = encoded.call_count > 1 or decoded.called or bool(coded.exact)
        return coded

    def seconds(way: Callable[..., Coded], image: Image.Image, quality: int) -> tuple[float, bytes]:
        with mock.patch.object(codec_module, "choose", way):
            start = perf_counter()
            data = codec.compress(image, quality)
            return perf_counter() - start, data

    codec.compress(load_photo(photos[0]).crop((0, 0, 256, 256)))  # to warm up
    for quality in qualities:
        ratios, total, suspects, exact = [], [0.0, 0.0], 0, 0
        for path in photos:
            image = load_photo(path)
            plain, _ = seconds(without, image, quality)
            chosen, data = seconds(watched, image, quality)
            ratios.append(chosen / plain)
            total = [total[0] + chosen, total[1] + plain]
            suspects += suspected
            exact += exactness(data) != ""
        found[str(quality)] = {
            "suspected": suspects,
            "exact": exact,
            "time_ratio": total[0] / total[1],
            "median_ratio": median(ratios),
        }
    return found


def photo_table(found: dict[str, Any]) -> str:
    header = ["quality", "suspected", "with exact cells", "time to that without", "median"]
    rows = [
        [
            quality,
            f"{cell['suspected']} of {found['photos']}",
            str(cell["exact"]),
            f"{cell['time_ratio']:.3f}",
            f"{cell['median_ratio']:.3f}",
        ]
        for quality, cell in found.items()
        if quality != "photos"
    ]
    text = "Encoding as it is, and without the choice of what to keep exactly."
    return f"## Photographs\n\n{text}\n\n{markdown_table(header, rows)}"
