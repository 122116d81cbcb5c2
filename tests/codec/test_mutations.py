"""No mutation of a file yields a wrong picture, a crash, a hang or a huge allocation."""

from __future__ import annotations

import random
import resource

import numpy as np
import pytest
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.errors import AecodecError
from benchmarks.fuzz import mutate, with_valid_checksums

MUTATIONS = 2_500


@pytest.fixture(scope="module")
def data(codec: Codec, small: Image.Image) -> bytes:
    image = small.convert("RGBA")
    noise = np.random.default_rng(0).integers(0, 256, (small.height, small.width), dtype=np.uint8)
    image.putalpha(Image.fromarray(noise))
    image.info["xmp"] = b"<x:xmpmeta/>" * 20
    return codec.compress(image, 40)


def test_mutated_files_are_refused(codec: Codec, data: bytes) -> None:
    expected = codec.decompress(data).tobytes()
    rng = random.Random(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = 0
    for _ in range(MUTATIONS):
        try:
            decoded = codec.decompress(mutate(data, rng))
        except AecodecError:
            refused += 1
        else:
            assert decoded.tobytes() == expected
    assert refused > 0.99 * MUTATIONS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_forged_checksums_cannot_crash(codec: Codec, data: bytes) -> None:
    """With checksums recomputed the damage reaches the decoders behind them."""
    rng = random.Random(1)
    survived = 0
    for _ in range(150):
        try:
            codec.decompress(with_valid_checksums(data, rng))
            survived += 1
        except AecodecError:
            pass
    assert survived > 0  # some damage is only damage to the picture
