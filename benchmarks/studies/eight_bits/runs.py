"""The float decoder and that in 8 bits, run on crops of photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aecodec.codec.config import CodecConfig
from aecodec.codec.networks import OnnxCodec
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.training.data import centre_crops, load_photos
from aecodec.training.eight_bits.samples import Coded
from benchmarks.studies.eight_bits.onnx_network import OnnxNetwork, synthesis_graph

SIDE = 256

Run = Callable[[Coded], FloatArray]


class Crop(NamedTuple):
    """A held-out crop, uint8 (1, 3, SIDE, SIDE), and its latents at some qualities."""

    pixels: AnyArray
    coded: list[Coded]


def crops(photos: Sequence[Path], number: int, scale: float = 1.0) -> list[AnyArray]:
    """The middle of some of them, at a scale, uint8 (1, 3, SIDE, SIDE)."""
    chosen = list(photos)[:: max(1, len(photos) // number)][:number]
    loaded = load_photos(chosen, scales=(scale,), least=SIDE)
    return [crop.numpy() for crop in centre_crops(loaded, SIDE)]


def psnr(pixels: FloatArray, crop: AnyArray) -> float:
    """Of pixels (1, H, W, 3) in -0.5 to 0.5, as they are written."""
    levels = np.clip(np.round((pixels[0] + np.float32(0.5)) * 255), 0, 255)
    error = np.square(levels - crop[0].transpose(1, 2, 0)).mean()
    return float(10 * np.log10(255**2 / error))


def float_run(networks: OnnxCodec) -> Run:
    def run(one: Coded) -> FloatArray:
        latents = one.latents.transpose(0, 3, 1, 2)
        return networks.synthesise(latents, one.quality).transpose(0, 2, 3, 1)

    return run


def byte_run(config: CodecConfig, tensors: Mapping[str, AnyArray], threads: int = 1) -> Run:
    network = OnnxNetwork(synthesis_graph(config, tensors), threads)

    def run(one: Coded) -> FloatArray:
        found: FloatArray = network(one.quality, latents=one.latents)["x"]
        return found.transpose(0, 2, 3, 1)

    return run
