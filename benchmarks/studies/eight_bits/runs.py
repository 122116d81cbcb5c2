"""A codec's pixels of crops of photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aecodec.codec.networks import Networks
from aecodec.nn.arrays import AnyArray
from aecodec.training.data import centre_crops, load_photos
from aecodec.training.eight_bits.samples import Coded

SIDE = 256


class Crop(NamedTuple):
    """A held-out crop, uint8 (1, 3, SIDE, SIDE), and its latents at some qualities."""

    pixels: AnyArray
    coded: list[Coded]


def crops(photos: Sequence[Path], number: int, scale: float = 1.0) -> list[AnyArray]:
    """The middle of some of them, at a scale, uint8 (1, 3, SIDE, SIDE)."""
    chosen = list(photos)[:: max(1, len(photos) // number)][:number]
    loaded = load_photos(chosen, scales=(scale,), least=SIDE)
    return [crop.numpy() for crop in centre_crops(loaded, SIDE)]


def psnr(networks: Networks, one: Coded, crop: AnyArray) -> float:
    """Of a crop's pixels, as they are written."""
    pixels = networks.synthesise(one.latents.transpose(0, 3, 1, 2), one.quality)
    levels = np.clip(np.round((pixels + np.float32(0.5)) * 255), 0, 255)
    return float(10 * np.log10(255**2 / np.square(levels - crop).mean()))
