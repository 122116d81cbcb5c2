"""Description lengths in bits."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Any

import numpy as np

from aecodec.autoencoders import MDLAutoencoder
from benchmarks.autoencoders.data import Data, Rows

_WEIGHT_BITS = 16


def description(data: Data) -> Rows:
    """Bits per test image, lossless; general-purpose programs compress all test images as one
    file.
    """
    model = MDLAutoencoder(
        24, resolution=1 / 255, max_epochs=data.epochs, batch_size=32, random_state=0
    ).fit(data.train)
    raw = np.round(255 * data.test).astype(np.uint8).tobytes()
    rows: Rows = {"raw": {"bits an image": 8 * 784.0}}
    for name, compressed in {
        "zlib -9": zlib.compress(raw, 9),
        "bz2": bz2.compress(raw),
        "lzma -9": lzma.compress(raw, preset=9),
    }.items():
        rows[name] = {"bits an image": 8 * len(compressed) / len(data.test)}
    best = min(row["bits an image"] for row in rows.values())
    bits = float(model.description_length(data.test).mean())
    network: Any = model.network_
    sent = [*network.decoder.parameters(), network.prior]
    weights = _WEIGHT_BITS * sum(p.numel() for p in sent)
    rows["MDLAutoencoder"] = {
        "bits an image": bits,
        "of these code": float(model.code_bits(data.test).mean()),
        "decoder, once, Mbit at 16 a weight": 1e-6 * weights,
        "images that pay for it": weights / (best - bits) if bits < best else float("inf"),
    }
    return rows
