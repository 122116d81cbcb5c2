"""Photographs, and drawn pictures, to train on and to validate with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from torch import Tensor
from torch.utils.data import DataLoader

from aecodec.images import find_photos
from aecodec.training.bank import drawn_bank, drawn_validation
from aecodec.training.data import RandomCrops, centre_crops, load_photos, split_photos
from aecodec.training.own_noise import own_noise
from aecodec.training.recipe import Recipe
from aecodec.training.task import TrainingModule


class Photos(L.LightningDataModule):
    """Training crops and validation pictures of one run, photographs and drawn ones."""

    def __init__(self, recipe: Recipe, data: Sequence[Path]) -> None:
        super().__init__()
        self.recipe, self.files = recipe, find_photos(data)
        self.description = ""

    def setup(self, stage: str) -> None:
        recipe, photos = self.recipe, self.files
        training, validation = split_photos(photos, min(recipe.held_out, len(photos) // 2))
        self.description = f"{len(training)} photos, {len(validation)} held out"
        self.photos = load_photos(training, scales=recipe.scales, least=recipe.crop)
        if (most := recipe.own_noise) is not None:
            self.photos = [photo for photo in self.photos if own_noise(photo) <= most]
            self.description += f", {len(self.photos)} sizes of them with little noise"
        self.drawn: list[Tensor] = []
        if recipe.drawn:
            self.drawn = drawn_bank(
                recipe.drawn_pictures,
                self.photos,
                seed=recipe.seed,
                least=max(64, recipe.crop, recipe.large_crop),
            )
            self.description += f", {len(self.drawn)} drawn pictures"
        self.validation = centre_crops(load_photos(validation, least=max(64, recipe.crop)), 512)

    def photo_crops(self) -> list[Tensor]:
        """Of some of the training photos, in all sizes."""
        return centre_crops(self.photos[:: max(1, len(self.photos) // 24)], 512)

    def calibration_crops(self) -> list[Tensor]:
        """Of some of the training photos, in all sizes, and of drawn pictures in their share."""
        chosen = self.photos[:: max(1, len(self.photos) // 64)]
        number = min(round(self.recipe.drawn * len(chosen)), len(self.drawn))
        drawn = self.drawn[:: max(1, len(self.drawn) // max(1, number))][:number]
        return centre_crops([*chosen[number:], *drawn], 512)

    def all_crops(self) -> list[Tensor]:
        """Of each training photo, in all sizes, and of drawn pictures in their share."""
        number = min(round(self.recipe.drawn * len(self.photos)), len(self.drawn))
        return centre_crops([*self.photos, *self.drawn[:number]], 512)

    def train_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        recipe, module = self.recipe, self.trainer.lightning_module
        assert isinstance(module, TrainingModule)
        photos, drawn = self.photos, self.drawn
        if module.device.type == "cuda":  # a bank on the GPU: the CPU could not keep up
            photos = [p.to(module.device) for p in photos]
            drawn = [d.to(module.device) for d in drawn]
        crops = RandomCrops(
            photos,
            recipe.phases(),
            seed=recipe.seed,
            drawn=drawn,
            share=recipe.drawn,
            rank=module.global_rank,
            processes=self.trainer.world_size,
            start=module.batches_seen,
        )
        return DataLoader(crops, batch_size=None)

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Of photographs; and of drawn pictures, if the run trains on such."""
        loaders = [self.validation, drawn_validation()] if self.recipe.drawn else [self.validation]
        return [DataLoader(one, batch_size=None) for one in loaders]  # type: ignore[arg-type]
