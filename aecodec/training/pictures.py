"""Pictures to train a hash with, all kept in memory as small squares."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from aecodec.errors import RecipeError
from aecodec.hashing.calibration import Calibration
from aecodec.hashing.model import HashModel
from aecodec.images import IMAGE_SUFFIXES, open_image, to_8_bits
from aecodec.storage.folders import find_files
from aecodec.training.data import split_photos
from aecodec.training.hash_calibration import calibrate, recalibrate_batchnorm
from aecodec.training.mixing import mix
from aecodec.training.recipe import HashRecipe
from aecodec.training.task import TrainingModule

_HELD_OUT_EACH = 50  # of packed images every so many is held out
_SETTLING_STEPS = 50


@dataclass(frozen=True)
class Bank:
    """Squares in groups: those of one photo show parts of the same.

    Attributes:
        squares: uint8 (N, 3, S, S).
        starts: (groups + 1,) where each group begins, and the end.
        photos: the first so many groups are photos, the others single packed images.
    """

    squares: Tensor
    starts: np.ndarray[Any, np.dtype[np.int64]]
    photos: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def group_numbers(self) -> Tensor:
        """The group of each square, (N,)."""
        return torch.from_numpy(np.repeat(np.arange(len(self)), np.diff(self.starts)))


def build_bank(photos: Sequence[Sequence[Tensor]], packed: Sequence[Tensor]) -> Bank:
    """Of the squares of each photo, and of packed images."""
    groups = [*photos, *([square] for square in packed)]
    sizes = [len(group) for group in groups]
    squares = torch.stack([square for group in groups for square in group])
    return Bank(squares, np.concatenate([[0], np.cumsum(sizes)]), len(photos))


def photo_squares(path: Path, side: int, regions: int) -> list[Tensor]:
    """A photo squashed to a square, and random pieces of it likewise: uint8 (3, side, side)."""
    image = to_8_bits(open_image(path)).convert("RGB")
    # Pieces depend on the name alone, so that a resumed run has the same.
    seed = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4], "big")
    rng = np.random.default_rng(seed)
    squares = [_square(image, (0, 0, image.width, image.height), side)]
    for _ in range(regions):
        scale = rng.uniform(0.2, 0.9)
        width, height = (max(1, int(scale * n)) for n in image.size)
        left = int(rng.integers(image.width - width + 1))
        top = int(rng.integers(image.height - height + 1))
        squares.append(_square(image, (left, top, left + width, top + height), side))
    return squares


def _square(image: Image.Image, box: tuple[int, int, int, int], side: int) -> Tensor:
    shrink = image.resize((side, side), Image.Resampling.BOX, box=box, reducing_gap=3.0)
    return torch.from_numpy(np.array(shrink)).permute(2, 0, 1)


def packed_images(path: Path) -> Iterator[Image.Image]:
    """The images of an .npz file: files in `jpeg` or `webp`, one after another, by `offsets`.

    Raises:
        RecipeError: it is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            kind = next((name for name in ("jpeg", "webp") if name in arrays), None)
            if kind is None or "offsets" not in arrays:
                raise RecipeError(
                    f"{path}: no packed images (arrays 'jpeg' or 'webp', and 'offsets')"
                )
            data, offsets = arrays[kind].tobytes(), arrays["offsets"].tolist()
    except (EOFError, ValueError, zipfile.BadZipFile) as error:
        raise RecipeError(f"{path}: not a readable NumPy file ({error})") from None
    for start, stop in pairwise(offsets):
        yield Image.open(io.BytesIO(data[start:stop])).convert("RGB")


def packed_squares(path: Path, side: int) -> list[Tensor]:
    """The same as tensors uint8 (3, side, side)."""
    squares = []
    for image in packed_images(path):
        if image.size != (side, side):
            image = image.resize((side, side), Image.Resampling.BICUBIC)
        squares.append(torch.from_numpy(np.array(image)).permute(2, 0, 1))
    return squares


class Batches(IterableDataset[Tensor]):
    """An endless stream of uint8 batches (B, 3, S, S), a pure function of the step.

    No two pictures of a batch are of one photo: the loss tells them all apart.
    """

    def __init__(self, bank: Bank, recipe: HashRecipe, *, rank: int = 0, start: int = 0) -> None:
        self.bank, self.recipe, self.rank, self.start = bank, recipe, rank, start
        singles = len(bank) - bank.photos
        share = recipe.photo_share if singles else 1.0
        self.photos = min(bank.photos, round(share * recipe.batch))
        self.singles = min(singles, recipe.batch - self.photos)
        # What is mixed into others is of groups that are not in the batch themselves.
        spare = len(bank) - self.photos - self.singles
        self.mixed = min(spare, round(recipe.mixup * (self.photos + self.singles)))
        if self.photos + self.singles < 2:
            raise RecipeError("fewer than two pictures to train with")

    def __iter__(self) -> Iterator[Tensor]:
        step = self.start
        while True:
            yield self.at(step)
            step += 1

    def at(self, step: int) -> Tensor:
        """The batch of one step."""
        rng = np.random.default_rng([self.recipe.seed, self.rank, step])
        singles = len(self.bank) - self.bank.photos
        # choice refuses to draw nothing from nothing.
        photos = rng.choice(max(1, self.bank.photos), self.photos, replace=False)
        others = rng.choice(max(1, singles), self.singles, replace=False) + self.bank.photos
        groups = np.concatenate([photos, others])
        batch = self._draw(groups, rng)
        if self.mixed:
            absent = np.setdiff1d(np.arange(len(self.bank)), groups)
            partners = self._draw(rng.choice(absent, self.mixed, replace=False), rng)
            chosen = torch.from_numpy(rng.choice(len(batch), self.mixed, replace=False))
            batch[chosen] = mix(batch[chosen], partners, int(rng.integers(1 << 31)))
        return batch

    def _draw(self, groups: np.ndarray[Any, Any], rng: np.random.Generator) -> Tensor:
        """One square of each group."""
        first, after = self.bank.starts[groups], self.bank.starts[groups + 1]
        return self.bank.squares[torch.from_numpy(rng.integers(first, after))]


class Pictures(L.LightningDataModule):
    """Training and validation pictures of one run: photos and packed images.

    Of each folder: all photos below it, and packed images in files named train*.npz.
    """

    def __init__(self, recipe: HashRecipe, data: Sequence[Path]) -> None:
        super().__init__()
        self.recipe, self.data = recipe, data
        self.description = ""

    def setup(self, stage: str) -> None:
        side, regions = self.recipe.crop, self.recipe.regions
        wanted = {*IMAGE_SUFFIXES, ".npz"}
        files = sorted(map(Path, find_files(self.data, wanted)))
        photos = [p for p in files if p.suffix.lower() in IMAGE_SUFFIXES]
        training, validation = split_photos(photos, min(self.recipe.held_out, len(photos) // 2))
        packed = [
            square
            for path in files
            if path.name.startswith("train") and path.suffix == ".npz"
            for square in packed_squares(path, side)
        ]
        held_out = packed[::_HELD_OUT_EACH]
        kept = [square for i, square in enumerate(packed) if i % _HELD_OUT_EACH]
        if len(training) + len(kept) < 2 or len(validation) + len(held_out) < 2:
            raise RecipeError("too few pictures; look for photos and train*.npz in --data")
        self.bank = build_bank([photo_squares(p, side, regions) for p in training], kept)
        # Photos if there are any: what the hash is for.
        self.validation = build_bank(
            [photo_squares(p, side, regions) for p in validation], [] if validation else held_out
        )
        self.description = (
            f"{len(training)} photos and {len(kept)} packed images,"
            f" {len(validation)} and {len(held_out)} held out"
        )

    def train_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, TrainingModule)
        batches = Batches(
            self.bank, self.recipe, rank=module.global_rank, start=module.batches_seen
        )
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader([self.validation.squares], batch_size=None)  # type: ignore[arg-type]

    def settling(self, count: int) -> Iterator[Tensor]:
        """Batches to measure statistics on, drawn as no step's are."""
        batches = Batches(self.bank, replace(self.recipe, mixup=0), rank=1 << 20)
        return (batches.at(step) for step in range(count))

    def finish(self, model: HashModel) -> Calibration:
        """Put the statistics of averaged weights right, and measure distances."""
        recalibrate_batchnorm(model, self.settling(_SETTLING_STEPS), self.recipe)
        groups = self.validation.group_numbers()
        calibration = calibrate(model, self.validation.squares, groups, self.recipe)
        kind = "photos and pieces of them" if self.validation.photos else "packed images"
        return Calibration(
            calibration.different,
            calibration.same,
            f"{len(self.validation)} held-out {kind}; copies altered as in training",
        )
