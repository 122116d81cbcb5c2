"""The format's conformance set: small files of every kind, for both decoders and for others.

    python -m tests.codec.conformance

writes them into `tests/codec/conformance`, each with its picture as PNG, and `files.json`: the
SHA-256 of the picture's levels (rows of uint8 or little-endian uint16, as Pillow has them) and of
all symbols (little-endian int32, by row, column and channel within z and within each step), and by
how many levels a decoder's floating point may differ. They need the weights that wrote them: with
new weights all are to be written anew.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import numpy as np
import skimage.data
from PIL import Image, ImageDraw

from aecodec.codec import tiling, wiener
from aecodec.codec.codec import Codec
from aecodec.codec.container import Chunk, ChunkType, Header, write_file
from tests.codec.foreign import digest, recorded_symbols

FOLDER = Path(__file__).with_suffix("")
OF_FLOATS = (
    "rgb-lowest",
    "rgb-highest-escapes",
    "rgb-fitted-filter",
    "grey-alpha",
)  # codec-psnr decodes with them


def levels_digest(image: Image.Image) -> str:
    return sha256(np.asarray(image).tobytes()).hexdigest()


def decode(name: str) -> tuple[Image.Image, str]:
    """A file's picture, and the digest of its symbols."""
    with recorded_symbols() as symbols:
        image = Codec("cpu", runtime="onnx").decompress(FOLDER / f"{name}.aec")
    return image, digest(symbols)


def photo_and_drawing(cat: Image.Image) -> Image.Image:
    """A photo with a drawing beside it."""
    image = Image.new("RGB", (192, 96), "white")
    image.paste(cat.resize((96, 96)), (0, 0))
    draw = ImageDraw.Draw(image)
    for k in range(8):
        draw.line((100, 6 + 11 * k, 188, 90 - 11 * k), fill=(200, 20 * k, 40))
    draw.text((110, 40), "conformance", fill="black")
    return image


def _write(name: str, image: Image.Image, codec: Codec, quality: int, **how: bool) -> None:
    (FOLDER / f"{name}.aec").write_bytes(codec.compress(image, quality, **how))


def _write_learned(
    name: str, image: Image.Image, codec: Codec, quality: int, *others: Chunk
) -> None:
    """Nothing kept exactly, so that symbols may be far beyond their tables."""
    payloads = codec._tiles(image, quality, "fast", None)
    chunks = [*(Chunk(ChunkType.TILE, payload) for payload in payloads), *others]
    header = Header(*image.size, 0, quality, tiling.TILE, len(chunks), codec.digest)
    (FOLDER / f"{name}.aec").write_bytes(write_file(header, chunks))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    balanced, psnr = (Codec("cpu", name, "onnx") for name in ("codec-balanced", "codec-psnr"))
    cat = Image.fromarray(skimage.data.chelsea())
    small, grey = cat.crop((120, 80, 221, 155)), cat.convert("L").crop((100, 60, 164, 124))
    ramp = Image.linear_gradient("L").resize(small.size)
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (40, 56, 3), dtype=np.uint8))
    deep = Image.fromarray((np.asarray(grey).astype("<u2") * 37 + 1200).astype("<u2"))

    _write("rgb-odd-size", small, balanced, 50)
    _write("rgb-lowest", cat.crop((0, 0, 128, 96)), psnr, 1)
    _write_learned("rgb-highest-escapes", noise, psnr, 100)
    with patch("aecodec.codec.tiling.TILE", 32):
        _write("rgb-tiles", cat.resize((560, 80)), balanced, 37)
        _write("rgb-fitted-filter", cat.resize((560, 80)), psnr, 90)
        extremes = rng.integers(-128, 128, (4, 3, 3)).astype(np.int8)
        chunk = Chunk(ChunkType.FILTER, wiener.pack(extremes))
        _write_learned("rgb-any-filter", cat.resize((560, 80)), balanced, 60, chunk)
    _write("rgb-drawn", photo_and_drawing(cat), balanced, 60)
    _write("rgb-lossless", small, balanced, 50, lossless=True)
    _write("rgba", Image.merge("RGBA", (*small.split(), ramp)), balanced, 70)
    _write("grey", grey, balanced, 80)
    _write("grey-alpha", Image.merge("LA", (grey, Image.new("L", grey.size, 128))), psnr, 30)
    _write("grey-16", deep, balanced, 90)
    _write("grey-16-lossless", deep, balanced, 50, lossless=True)

    files = {}
    for path in sorted(FOLDER.glob("*.aec")):
        image, symbols = decode(path.stem)
        image.save(path.with_suffix(".png"))
        within = int(path.stem in OF_FLOATS)
        files[path.stem] = {"levels": levels_digest(image), "symbols": symbols, "within": within}
    (FOLDER / "files.json").write_text(json.dumps(files, indent=2) + "\n")


if __name__ == "__main__":
    main()
