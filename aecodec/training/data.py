"""Training photos: decoded once into memory, cropped at random, held out by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset

from aecodec.errors import UnsupportedImageError
from aecodec.images import IMAGE_SUFFIXES


def find_photos(folders: Sequence[Path]) -> list[Path]:
    """All image files below the folders, sorted by file name.

    Raises:
        UnsupportedImageError: when there are none.
    """
    files = {p for folder in folders for p in Path(folder).rglob("*")}
    photos = sorted((p for p in files if p.suffix.lower() in IMAGE_SUFFIXES), key=lambda p: p.name)
    if not photos:
        raise UnsupportedImageError(f"no photos in {', '.join(map(str, folders))}")
    return photos


def split_photos(photos: Sequence[Path], held_out: int) -> tuple[list[Path], list[Path]]:
    """(training, validation) photos. The choice depends on the file names alone."""
    ranked = sorted(photos, key=lambda p: hashlib.sha256(p.name.encode()).digest())
    validation = set(ranked[:held_out])
    return [p for p in photos if p not in validation], [p for p in photos if p in validation]


def _load(path: Path, scales: Sequence[float], least: int) -> list[Tensor]:
    """One photo at each scale as uint8 (H, W, 3); scales that leave less than a crop are left out."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    versions = []
    for scale in scales:
        size = (round(rgb.width * scale), round(rgb.height * scale))
        if min(size) >= least:
            scaled = rgb if scale == 1 else rgb.resize(size, Image.Resampling.LANCZOS)
            versions.append(torch.from_numpy(np.array(scaled)))
    return versions


def load_photos(
    paths: Sequence[Path], *, scales: Sequence[float] = (1.0,), least: int = 1
) -> list[Tensor]:
    """Decode photos to uint8 tensors (H, W, 3), each at every scale that fits."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        loaded = pool.map(lambda path: _load(path, scales, least), paths)
        return [version for versions in loaded for version in versions]


class RandomCrops(IterableDataset[Tensor]):
    """An endless stream of uint8 batches (B, 3, crop, crop), a pure function of the step.

    Batch k depends on (seed, rank, k) alone, so a resumed run sees the data it would
    have seen. Photos may live on the CPU or on a GPU; a photo is drawn in proportion
    to the square root of its area.

    Args:
        photos: uint8 (H, W, 3) tensors, each at least `crop` on both sides.
        batch, crop: size of a batch and side of a crop in pixels.
        seed: of the whole run.
        rank: of this process in a distributed run.
        start: the first step to yield.
    """

    def __init__(
        self,
        photos: Sequence[Tensor],
        *,
        batch: int,
        crop: int,
        seed: int,
        rank: int = 0,
        start: int = 0,
    ) -> None:
        self.photos, self.batch, self.crop = photos, batch, crop
        self.seed, self.rank, self.start = seed, rank, start
        areas = np.array([p.shape[0] * p.shape[1] for p in photos], dtype=np.float64)
        self.weights = np.sqrt(areas) / np.sqrt(areas).sum()

    def __iter__(self) -> Iterator[Tensor]:
        step = self.start
        while True:
            yield self.at(step)
            step += 1

    def at(self, step: int) -> Tensor:
        """The batch of one step."""
        rng = np.random.default_rng([self.seed, self.rank, step])
        chosen = rng.choice(len(self.photos), size=self.batch, p=self.weights)
        crops = [self._crop(self.photos[i], rng) for i in chosen]
        return torch.stack(crops).permute(0, 3, 1, 2)

    def _crop(self, photo: Tensor, rng: np.random.Generator) -> Tensor:
        top = int(rng.integers(photo.shape[0] - self.crop + 1))
        left = int(rng.integers(photo.shape[1] - self.crop + 1))
        crop = photo[top : top + self.crop, left : left + self.crop]
        if rng.random() < 0.5:
            crop = crop.flip(1)
        return crop.transpose(0, 1) if rng.random() < 0.25 else crop


def centre_crops(photos: Sequence[Tensor], side: int, multiple: int = 64) -> list[Tensor]:
    """Centre crops (1, 3, h, w), h and w at most `side` and multiples of `multiple`."""
    crops = []
    for photo in photos:
        height, width = (min(side, n // multiple * multiple) for n in photo.shape[:2])
        top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
        crops.append(photo[top : top + height, left : left + width].permute(2, 0, 1)[None])
    return crops
