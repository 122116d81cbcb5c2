"""Pairs with a camera's noise and without, by a pipeline that training knows nothing of.

    python benchmarks/studies/camera_pairs.py --data train_photos --out pairs
    aecodec bench denoise --pairs --data pairs --out results --without BM3D

Made as those of Nam et al. (CVPR 2016) are: the clean picture is the mean of many shots through
the whole camera. Noise of photons and of reading, demosaicing, curves, noise reduction, sharpening
and JPEG are OpenCV's or written here, so that the levels a denoiser finds in noise like none in
`aecodec.denoising.camera` can be judged. From 384x384 crops of the 20 photos held out of training;
the names say which noise reduction was used.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.images import find_photos
from aecodec.training.data import centre_crops, load_photos, split_photos

Array = npt.NDArray[Any]
SHOTS = 16
_BLACK, _WHITE = 1000, 15000  # of the values that a sensor gives


@dataclass(frozen=True)
class Pipeline:
    """A sensor and what follows; `photons` is how many white stands for."""

    photons: float
    read: float
    balance: Array
    matrix: Array
    directed: bool
    contrast: float
    reduction: str
    sharpening: float
    radius: float
    scale: float
    quality: int


def any_pipeline(choices: Random, reduction: str) -> Pipeline:
    shot = 10 ** choices.uniform(-3.1, -2.0)
    mixing = choices.uniform(0.2, 0.6) * np.array([[0, 0.8, 0.2], [0.4, 0.2, 0.4], [0.1, 0.9, 0]])
    matrix = (1 + mixing.sum(1).max()) * np.eye(3) - mixing
    return Pipeline(
        photons=1 / shot,
        read=shot**1.1 * choices.uniform(0.5, 1.5),
        balance=np.array([choices.uniform(1.6, 2.3), 1, choices.uniform(1.3, 2.0)]),
        matrix=matrix / matrix.sum(1, keepdims=True),
        directed=choices.random() < 0.8,
        contrast=choices.uniform(0, 0.8),
        reduction=reduction,
        sharpening=choices.uniform(0, 1) if choices.random() < 0.7 else 0.0,
        radius=choices.uniform(0.6, 1.5),
        scale=choices.uniform(0.5, 0.9) if choices.random() < 0.25 else 1.0,
        quality=choices.randint(88, 97),
    )


def shoot(scene: Array, pipeline: Pipeline, draws: np.random.Generator) -> Array:
    """Linear values of a sensor (H, W, 3), H and W even, to a picture in 8 bits."""
    mosaic = scene[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = scene[::2, ::2, 0], scene[1::2, 1::2, 2]
    mosaic = draws.poisson(mosaic * pipeline.photons) / pipeline.photons
    mosaic += draws.normal(0, pipeline.read, mosaic.shape)
    raw = np.clip(np.round(mosaic * (_WHITE - _BLACK) + _BLACK), 0, _WHITE).astype(np.uint16)
    way = cv2.COLOR_BayerBG2RGB_EA if pipeline.directed else cv2.COLOR_BayerBG2RGB
    x = (cv2.demosaicing(raw, way).astype(np.float32) - _BLACK) / (_WHITE - _BLACK)
    x = np.clip(np.clip(x * pipeline.balance, 0, 1) @ pipeline.matrix.T, 0, 1)
    x = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    x = x + pipeline.contrast * ((3 - 2 * x) * x * x - x)
    luma, colour = split(x)
    luma, colour = REDUCTIONS[pipeline.reduction](luma, colour, (0.3 / pipeline.photons) ** 0.5)
    luma = luma + pipeline.sharpening * (luma - cv2.GaussianBlur(luma, (0, 0), pipeline.radius))
    x = cv2.cvtColor(np.dstack([luma, colour]).astype(np.float32), cv2.COLOR_YCrCb2RGB)
    if pipeline.scale < 1:
        x = cv2.resize(x, None, fx=pipeline.scale, fy=pipeline.scale, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, pipeline.quality]
    file = cv2.imencode(".jpg", to_8_bit(x)[..., ::-1], quality)[1]
    return cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]


def to_8_bit(x: Array) -> Array:
    return np.clip(np.round(255 * x), 0, 255).astype(np.uint8)


def split(x: Array) -> tuple[Array, Array]:
    """(H, W, 3) to luma (H, W) and two differences of colours (H, W, 2)."""
    parts = cv2.cvtColor(x.astype(np.float32), cv2.COLOR_RGB2YCrCb)
    return parts[..., 0], parts[..., 1:]


def _bilateral(luma: Array, colour: Array, sigma: float) -> tuple[Array, Array]:
    colours = [cv2.bilateralFilter(x, 9, 5 * sigma, 4) for x in map(np.array, cv2.split(colour))]
    return cv2.bilateralFilter(luma, 5, 2.5 * sigma, 1.5), np.dstack(colours)


def _non_local_means(luma: Array, colour: Array, sigma: float) -> tuple[Array, Array]:
    x = cv2.cvtColor(np.dstack([luma, colour]), cv2.COLOR_YCrCb2RGB)
    found = cv2.fastNlMeansDenoisingColored(
        to_8_bit(x), None, 0.5 * sigma * 255, 1.2 * sigma * 255, 5, 11
    )
    return split(found / np.float32(255))


def _shrinkage(luma: Array, colour: Array, sigma: float) -> tuple[Array, Array]:
    colours = [_shrunk(x, 3 * sigma) for x in map(np.array, cv2.split(colour))]
    return _shrunk(luma, 0.8 * sigma), np.dstack(colours)


def _shrunk(x: Array, threshold: float) -> Array:
    found = np.zeros_like(x)
    for band in range(3):
        coarse = cv2.GaussianBlur(x, (0, 0), 0.8 * 2**band)
        size = np.abs(x - coarse)
        found += np.sign(x - coarse) * np.maximum(size - threshold / 2**band, 0.15 * size)
        x = coarse
    return found + x


def _small_colours(luma: Array, colour: Array, sigma: float) -> tuple[Array, Array]:
    height, width = luma.shape
    small = cv2.resize(colour, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    return luma, cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


REDUCTIONS: dict[str, Callable[[Array, Array, float], tuple[Array, Array]]] = {
    "none": lambda luma, colour, sigma: (luma, colour),
    "bilateral": _bilateral,
    "nlm": _non_local_means,
    "shrinkage": _shrinkage,
    "colours": _small_colours,
}


def to_scene(picture: Array, pipeline: Pipeline, lens: float) -> Array:
    """sRGB in 8 bits to the linear values of a sensor without noise."""
    x = picture / 255
    x = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    x = cv2.GaussianBlur(x, (0, 0), lens) @ np.linalg.inv(pipeline.matrix).T
    return np.clip(x, 0, 1) / pipeline.balance


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True)
    held_out = split_photos(find_photos(args.data), 20)[1]
    names = list(REDUCTIONS)
    for number, crop in enumerate(centre_crops(load_photos(held_out, least=64), 384)):
        choices, name = Random(1000 + number), names[number % len(names)]
        pipeline = any_pipeline(choices, name)
        picture = crop[0].permute(1, 2, 0).numpy()
        scene = to_scene(picture, pipeline, choices.uniform(0.5, 1.1))
        draws = np.random.default_rng(number)
        noisy, *others = (shoot(scene, pipeline, draws) for _ in range(1 + SHOTS))
        clean = np.round(np.mean(others, 0)).astype(np.uint8)
        for of, x in (("noisy", noisy), ("clean", clean)):
            Image.fromarray(x).save(args.out / f"{number:02d}_{name}_{of}.png")


if __name__ == "__main__":
    main()
