"""One slice of a training run: start or resume, stop cleanly after some minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from aecodec.errors import RecipeError
from aecodec.nn.device import choose_device, training_dtype
from aecodec.nn.runtime import keep_freed_memory
from aecodec.progress import is_watched
from aecodec.training.kinds import kind_of
from aecodec.training.recipe import Recipe
from aecodec.training.task import LOG_EVERY, TrainingModule

CHECKPOINT = "last.ckpt"


def _loggers(folder: Path, start: int) -> list[Logger]:
    """CSV, and TensorBoard where it is installed; a folder for each slice."""
    version = f"from-{start:07d}"
    loggers: list[Logger] = [CSVLogger(folder, "logs", version, flush_logs_every_n_steps=1)]
    if find_spec("tensorboard"):
        loggers.append(TensorBoardLogger(folder, "logs", version))
    return loggers


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
    torch.manual_seed(recipe.seed)
    kind = kind_of(recipe)
    module = kind.module(recipe)
    if start is not None:
        module.begin_with(start)
    module = module.to(memory_format=torch.channels_last)
    if resume:
        _prepare_to_resume(module, checkpoint)
    pictures = kind.data(recipe, data)
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
        enable_progress_bar=is_watched(),
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
    torch.set_flush_denormal(True)  # tiny gradients would take several times as long
    try:
        trainer.fit(module, pictures, ckpt_path=checkpoint if resume else None, weights_only=False)
    finally:
        torch.set_flush_denormal(False)
    if trainer.is_global_zero:
        kind.export(recipe, checkpoint, folder / f"{kind.file}.safetensors", pictures)
    return checkpoint


def print_once(*values: object) -> None:
    """As `print`, of several processes in the first only."""
    rank_zero_only(print)(*values)


def _prepare_to_resume(module: TrainingModule, checkpoint: Path) -> None:
    """Check that the checkpoint fits, and take what is needed before Lightning restores it."""
    saved = torch.load(checkpoint, map_location="cpu", mmap=True)
    shapes = {name: value.shape for name, value in saved["state_dict"].items()}
    if shapes != {name: value.shape for name, value in module.state_dict().items()}:
        raise RecipeError(f"{checkpoint}: of another model than the recipe's; use its own recipe")
    module.batches_seen = saved["batches_seen"]
