"""The kinds of model that can be trained: each its recipe, module, data and export in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L

from aecodec.training.codec import CodecTraining
from aecodec.training.decoder import DecoderTraining
from aecodec.training.denoise import DenoiserTraining
from aecodec.training.export import export_codec, export_decoder, export_denoiser, export_hash
from aecodec.training.hashing import HashTraining
from aecodec.training.photos import Photos
from aecodec.training.pictures import Pictures
from aecodec.training.recipe import CodecRecipe, DecoderRecipe, DenoiserRecipe, HashRecipe, Recipe
from aecodec.training.task import TrainingModule


@dataclass(frozen=True)
class Kind:
    """All that training has to know of a kind of model.

    Attributes:
        recipe: class of its recipes.
        default: name of the recipe that is used if none is named.
        module: from a recipe to the module that is trained.
        data: from a recipe and folders to the data module.
        file: name of the weight file beside the checkpoint, without its suffix.
        export: writes it, with its card, from (recipe, checkpoint, target, data module).
    """

    recipe: type[Any]
    default: str
    module: Callable[[Any], TrainingModule]
    data: Callable[[Any, Sequence[Path]], L.LightningDataModule]
    file: str
    export: Callable[[Any, Path, Path, Any], None]


def _with_crops(export: Callable[..., None]) -> Callable[[Any, Path, Path, Any], None]:
    def of_photos(recipe: Recipe, checkpoint: Path, target: Path, data: Photos) -> None:
        card = {"data": data.description}
        export(recipe, checkpoint, target, card, data.calibration_crops())

    return of_photos


def _export_codec(recipe: CodecRecipe, checkpoint: Path, target: Path, data: Photos) -> None:
    card = {"data": data.description}
    crops, more = data.calibration_crops(), data.all_crops()
    export_codec(recipe, checkpoint, target, card, crops, more)


def _export_hash(recipe: HashRecipe, checkpoint: Path, target: Path, data: Pictures) -> None:
    export_hash(recipe, checkpoint, target, {"data": data.description}, data.finish)


KINDS = {
    "codec": Kind(CodecRecipe, "codec-psnr", CodecTraining, Photos, "codec", _export_codec),
    "decoder": Kind(
        DecoderRecipe,
        "decoder-balanced",
        DecoderTraining,
        Photos,
        "codec",
        _with_crops(export_decoder),
    ),
    "denoise": Kind(
        DenoiserRecipe,
        "denoise-cpu",
        DenoiserTraining,
        Photos,
        "denoiser",
        _with_crops(export_denoiser),
    ),
    "hash": Kind(HashRecipe, "hash-photo", HashTraining, Pictures, "hash", _export_hash),
}
"""By the names that `aecodec train` gives them."""


def kind_of(recipe: Recipe) -> Kind:
    """The kind of model that a recipe is of."""
    return next(kind for kind in KINDS.values() if isinstance(recipe, kind.recipe))
