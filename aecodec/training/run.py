"""One slice of a training run: start or resume, stop cleanly after some minutes."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader

from aecodec.errors import RecipeError
from aecodec.images import find_photos
from aecodec.nn.device import choose_device, training_dtype
from aecodec.training.bank import drawn_bank, drawn_validation
from aecodec.training.codec import CodecTraining
from aecodec.training.data import (
    RandomCrops,
    centre_crops,
    load_photos,
    split_photos,
)
from aecodec.training.denoise import DenoiserTraining
from aecodec.training.export import export_codec, export_denoiser, export_hash
from aecodec.training.hashing import HashTraining
from aecodec.training.pictures import Pictures
from aecodec.training.recipe import CodecRecipe, DenoiserRecipe, HashRecipe, Recipe
from aecodec.training.start import start_from
from aecodec.training.task import LOG_EVERY, TrainingModule

CHECKPOINT = "last.ckpt"


def _loggers(folder: Path, start: int) -> list[Logger]:
    """CSV, and TensorBoard where it is installed; a folder for each slice."""
    version = f"from-{start:07d}"
    loggers: list[Logger] = [CSVLogger(folder, "logs", version, flush_logs_every_n_steps=1)]
    if find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(folder, "logs", version))
    return loggers


def keep_freed_memory() -> None:
    """Have glibc keep the memory it frees: on a CPU, faulting pages in again takes a quarter of a step."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, the largest it takes
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


class TimedCheckpoint(Callback):
    """Saves a resumable checkpoint now and then, and ends the slice in time."""

    def __init__(self, path: Path, *, save_every: int, steps: int, max_minutes: float | None):
        self.path, self.save_every, self.steps = path, save_every, steps
        self.last = time.monotonic()
        self.deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        self.last = time.monotonic()

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        now = time.monotonic()
        module.seconds += now - self.last
        self.last = now
        late = self.deadline is not None and now > self.deadline
        # Ranks' clocks differ, but all must stop at the same step.
        late = trainer.strategy.reduce_boolean_decision(late, all=False)
        done = late or module.batches_seen >= self.steps
        if done or module.batches_seen % self.save_every == 0:
            self._save(trainer)
        trainer.should_stop = trainer.should_stop or done

    def _save(self, trainer: L.Trainer) -> None:
        partial = self.path.with_suffix(".partial")
        trainer.save_checkpoint(partial)  # on every rank: it gathers
        if trainer.is_global_zero:
            os.replace(partial, self.path)


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


def train(
    recipe: Recipe,
    data: Sequence[Path],
    folder: Path,
    *,
    start: Path | None = None,
    resume: bool = False,
    max_minutes: float | None = None,
    device: str = "auto",
    devices: int | None = None,
    nodes: int = 1,
) -> Path:
    """Train, or go on training, until the recipe's steps or the minutes are spent.

    Args:
        recipe: what to train: a codec, a denoiser or a hash model, by its type.
        data: folders of photos; for a hash model they may hold packed images too.
        folder: where checkpoint and logs go.
        start: exported weights of the recipe's model to begin with; None: random ones.
        resume: go on from the folder's checkpoint (optimizer, average, schedule, data).
        max_minutes: stop cleanly after this time.
        device: "auto", "cpu" or "cuda".
        devices: processes on this machine, one for each GPU; None: all GPUs, or one process.
        nodes: machines; start the same command on each with torchrun. Each process takes the
            recipe's batch, so that the whole is so many times as large.

    Returns:
        The checkpoint's path. Beside it are the averaged weights as they would ship,
        "codec.safetensors", "denoiser.safetensors" or "hash.safetensors", with their card.

    Raises:
        RecipeError: there is a checkpoint and `resume` is false, or the reverse, or it is of
            another model, as the weights to begin with may be; or no photo is large enough.
        UnsupportedImageError: a photo cannot be read.
        AecodecError: no such device.
    """
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists() and not resume:
        raise RecipeError(f"{checkpoint} exists; pass --resume to go on, or another folder")
    if resume and start is not None:
        raise RecipeError("a run that is resumed has its weights; leave out --start")
    if resume and not checkpoint.exists():
        raise RecipeError(f"{checkpoint} does not exist; nothing to resume")
    chosen = choose_device(device)
    keep_freed_memory()
    torch.set_flush_denormal(True)  # tiny gradients would take several times as long
    torch.manual_seed(recipe.seed)
    module = _task(recipe)
    if start is not None:
        start_from(module.model, start)
        module.start = f"{start.name}, sha256 {sha256(start.read_bytes()).hexdigest()}"
    module = module.to(memory_format=torch.channels_last)
    if resume:
        _prepare_to_resume(module, checkpoint)
    photos = Pictures(recipe, data) if isinstance(recipe, HashRecipe) else Photos(recipe, data)
    folder.mkdir(parents=True, exist_ok=True)  # now that all that is quickly found has been
    trainer = L.Trainer(
        default_root_dir=folder,
        accelerator={"cuda": "gpu"}.get(device, device),
        devices=devices or "auto",
        num_nodes=nodes,
        precision="bf16-mixed" if training_dtype(chosen) == torch.bfloat16 else "32-true",
        max_steps=-1,
        max_epochs=-1,
        val_check_interval=recipe.validate_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=_loggers(folder, module.batches_seen),
        log_every_n_steps=LOG_EVERY,
        enable_checkpointing=False,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        callbacks=[
            EMAWeightAveraging(
                use_buffers=False, decay=recipe.ema, update_every_n_steps=recipe.ema_every
            ),
            TimedCheckpoint(
                checkpoint,
                save_every=recipe.save_every,
                steps=recipe.steps,
                max_minutes=max_minutes,
            ),
        ],
    )
    trainer.fit(module, photos, ckpt_path=checkpoint if resume else None, weights_only=False)
    if trainer.is_global_zero:
        _export(recipe, checkpoint, folder, photos)
    return checkpoint


def print_once(*values: object) -> None:
    """As `print`, of several processes in the first only."""
    rank_zero_only(print)(*values)


def _prepare_to_resume(module: TrainingModule, checkpoint: Path) -> None:
    """Check that the checkpoint fits, and take from it what is needed before Lightning restores it."""
    saved = torch.load(checkpoint, map_location="cpu", mmap=True)
    shapes = {name: value.shape for name, value in saved["state_dict"].items()}
    if shapes != {name: value.shape for name, value in module.state_dict().items()}:
        raise RecipeError(f"{checkpoint}: of another model than the recipe's; use its own recipe")
    module.batches_seen = saved["batches_seen"]


def _task(recipe: Recipe) -> TrainingModule:
    if isinstance(recipe, CodecRecipe):
        return CodecTraining(recipe)
    if isinstance(recipe, DenoiserRecipe):
        return DenoiserTraining(recipe)
    assert isinstance(recipe, HashRecipe)
    return HashTraining(recipe)


def _export(recipe: Recipe, checkpoint: Path, folder: Path, photos: Photos | Pictures) -> None:
    card = {"data": photos.description}
    if isinstance(recipe, CodecRecipe):
        assert isinstance(photos, Photos)
        target = folder / "codec.safetensors"
        export_codec(recipe, checkpoint, target, card, photos.calibration_crops())
    elif isinstance(recipe, DenoiserRecipe):
        export_denoiser(recipe, checkpoint, folder / "denoiser.safetensors", card)
    elif isinstance(recipe, HashRecipe):
        assert isinstance(photos, Pictures)
        export_hash(recipe, checkpoint, folder / "hash.safetensors", card, photos.finish)
