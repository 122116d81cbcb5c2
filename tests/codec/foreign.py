"""Files that were written on other machines, to be decoded on this one.

    python -m tests.codec.foreign NAME

writes this machine's, by its NAME, into `tests/codec/foreign`. They need the weights that wrote
them: with new weights all are to be written anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.codec.entropy import SymbolDecoder
from aecodec.evaluation import machine
from tests.conftest import psnr

FOLDER = Path(__file__).with_suffix("")
_WRITTEN = [
    ("codec-psnr", 10),
    ("codec-psnr", 60),
    ("codec-psnr", 95),
    ("codec-balanced", 50),
]


@contextmanager
def recorded_symbols() -> Iterator[list[np.ndarray]]:
    """Everything the entropy decoder yields while the context is open."""
    taken: list[np.ndarray] = []
    original = SymbolDecoder.take

    def take(self: SymbolDecoder, indices: np.ndarray) -> np.ndarray:
        symbols = original(self, indices)
        taken.append(symbols.copy())
        return symbols

    SymbolDecoder.take = take  # type: ignore[method-assign]
    try:
        yield taken
    finally:
        SymbolDecoder.take = original  # type: ignore[method-assign]


def decode(codec: Codec, data: bytes) -> tuple[list[np.ndarray], np.ndarray]:
    with recorded_symbols() as symbols:
        image = codec.decompress(data)
    return symbols, np.asarray(image).astype(int)


def digest(symbols: list[np.ndarray]) -> str:
    whole = np.concatenate([np.zeros(0), *symbols])  # of a lossless file there are none
    return sha256(whole.astype("<i4").tobytes()).hexdigest()


def main(name: str) -> None:
    cat, files = Image.fromarray(skimage.data.chelsea()), {}
    FOLDER.mkdir(exist_ok=True)
    for weights, quality in _WRITTEN:
        codec = Codec("cpu", weights)
        data = codec.compress(cat, quality)
        file = FOLDER / f"{name}-{weights}-{quality}.aec"
        file.write_bytes(data)
        symbols, pixels = decode(codec, data)
        files[file.name] = {
            "weights": weights,
            "symbols": digest(symbols),
            "psnr": round(psnr(Image.fromarray(pixels.astype(np.uint8)), cat), 4),
        }
    about = machine.describe()
    report = {"cpu": about["cpu"], "torch": about["versions"]["torch"], "files": files}
    (FOLDER / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
