"""Training photos: decoded once into memory, cropped at random, held out by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset

from aecodec.errors import RecipeError
from aecodec.images import open_image, to_8_bits

_LEAST_FLAT = 0.75  # share of crops of drawn pictures that are chosen from several
_CANDIDATES = 3


def split_photos(photos: Sequence[Path], held_out: int) -> tuple[list[Path], list[Path]]:
    """(training, validation) photos. The choice depends on the file names alone."""
    ranked = sorted(photos, key=lambda p: hashlib.sha256(p.name.encode()).digest())
    validation = set(ranked[:held_out])
    return [p for p in photos if p not in validation], [p for p in photos if p in validation]


def _load(path: Path, scales: Sequence[float], least: int) -> list[Tensor]:
    """One photo at each scale as uint8 (H, W, 3), scales that leave less than a crop left out."""
    rgb = to_8_bits(open_image(path)).convert("RGB")
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


@dataclass(frozen=True)
class Phase:
    """Part of a run with crops of one size.

    Attributes:
        start: first step of the phase.
        batch, crop: size of a batch and side of a crop in pixels.
    """

    start: int
    batch: int
    crop: int


class RandomCrops(IterableDataset[Tensor]):
    """An endless stream of uint8 batches (B, 3, crop, crop), a pure function of the step.

    Batch k depends on (seed, k) alone, so a resumed run sees the data it would have seen.
    Of several processes, each has its part of a batch that is so many times as large.
    Photos may live on the CPU or on a GPU; a photo is drawn in proportion to the square
    root of its area. A share of the crops is of drawn pictures instead; the others are what
    they would be without.

    Args:
        photos: uint8 (H, W, 3) tensors.
        phases: in order of their starts, the first at step 0. A photo or drawn picture too
            small for a phase's crops takes no part in it.
        seed: of the whole run.
        drawn: drawn pictures, uint8 (H, W, 3) tensors where the photos are.
        share: probability that a crop is of one of them, 0 to 1.
        rank, processes: which of how many processes this is.
        start: the first step to yield.

    Raises:
        RecipeError: no photo is large enough for a phase.
    """

    def __init__(
        self,
        photos: Sequence[Tensor],
        phases: Sequence[Phase],
        *,
        seed: int,
        drawn: Sequence[Tensor] = (),
        share: float = 0.0,
        rank: int = 0,
        processes: int = 1,
        start: int = 0,
    ) -> None:
        self.photos, self.phases = photos, phases
        self.share = share
        self.drawn = [[d for d in drawn if min(d.shape[:2]) >= p.crop] for p in phases]
        self.seed, self.rank, self.processes, self.start = seed, rank, processes, start
        for phase in phases:
            if not any(min(p.shape[:2]) >= phase.crop for p in photos):
                raise RecipeError(
                    f"no photo to train with has {phase.crop} pixels on each side, which the"
                    " recipe's crops have"
                )
        sides = np.array([p.shape[:2] for p in photos])
        roots = np.sqrt(sides.prod(axis=1))
        fitting = [roots * (sides.min(axis=1) >= phase.crop) for phase in phases]
        self.weights = [f / f.sum() for f in fitting]

    def __iter__(self) -> Iterator[Tensor]:
        step = self.start
        while True:
            yield self.at(step)
            step += 1

    def at(self, step: int) -> Tensor:
        """The batch of one step."""
        number = max(i for i, phase in enumerate(self.phases) if phase.start <= step)
        phase = self.phases[number]
        rng = np.random.default_rng([self.seed, 0, step])
        size = phase.batch * self.processes
        chosen = rng.choice(len(self.photos), size=size, p=self.weights[number])
        crops = [_random_crop(self.photos[i], phase.crop, rng) for i in chosen]
        first = self.rank * phase.batch
        for i in range(first, first + phase.batch) if self.drawn[number] else ():
            own = np.random.default_rng([self.seed, 1, step, i])
            if own.random() < self.share:
                picture = self.drawn[number][int(own.integers(len(self.drawn[number])))]
                crops[i] = _drawn_crop(picture, phase.crop, own)
        return torch.stack(crops[first : first + phase.batch]).permute(0, 3, 1, 2)


def _square(photo: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    top = int(rng.integers(photo.shape[0] - side + 1))
    left = int(rng.integers(photo.shape[1] - side + 1))
    return photo[top : top + side, left : left + side]


def _drawn_crop(picture: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    """Mostly the least flat of several: much of a drawn picture is empty. Text is not mirrored."""
    number = _CANDIDATES if rng.random() < _LEAST_FLAT else 1
    crops = [_square(picture, side, rng) for _ in range(number)]
    return crops[0] if number == 1 else max(crops, key=_changes)


def _changes(crop: Tensor) -> int:
    """How many pixels differ from the one beside or the one above."""
    across = (crop[:, 1:] != crop[:, :-1]).any(2).sum()
    return int(across + (crop[1:] != crop[:-1]).any(2).sum())


def _random_crop(photo: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    crop = _square(photo, side, rng)
    if rng.random() < 0.5:
        crop = crop.flip(1)
    return crop.transpose(0, 1) if rng.random() < 0.25 else crop


def centre_crops(photos: Sequence[Tensor], side: int) -> list[Tensor]:
    """Centre crops (1, 3, h, w), h and w at most `side` and multiples of 64."""
    crops = []
    for photo in photos:
        height, width = (min(side, n // 64 * 64) for n in photo.shape[:2])
        top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
        crops.append(photo[top : top + height, left : left + width].permute(2, 0, 1)[None])
    return crops
