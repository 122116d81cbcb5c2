"""What training any of the models has in common: steps that can be repeated to the bit."""

from __future__ import annotations

import math
from abc import abstractmethod
from hashlib import sha256
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from aecodec.training.recipe import Recipe
from aecodec.training.start import start_from

LOG_EVERY = 50  # steps
_MOST_IMAGES = 1 << 16  # in a batch of all processes


class TrainingModule(L.LightningModule):
    """Minimises the loss of a subclass, skipping steps whose gradient is not finite.

    What a step draws at random depends on the recipe's seed and the step alone, so that a
    resumed run is the run. Batches are uint8 (B, 3, H, W). Of several processes, each has its
    part of a batch that is so many times as large, and the gradients' mean.
    """

    recipe: Recipe
    model: nn.Module

    def __init__(self) -> None:
        super().__init__()
        # Manual, because a step whose gradient is not finite must be skipped.
        self.automatic_optimization = False
        self.batches_seen = 0
        self.skipped = 0
        self.seconds = 0.0  # of training, earlier slices included
        self.start = ""  # weights that the run began with, for the card

    @abstractmethod
    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch, and figures to log; `seed` + i is of its image i alone."""

    def begin_with(self, path: Path) -> None:
        """Take the weights of an exported file.

        Raises:
            RecipeError: not a weight file, or of another model.
        """
        start_from(self.model, path)
        self.start = f"{path.name}, sha256 {sha256(path.read_bytes()).hexdigest()}"

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.recipe.soap.optimizer(self.parameters(), self.recipe.learning_rate)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        optimizer: Any = self.optimizers()
        step = self.recipe.seed * 1_000_003 + self.batches_seen
        seed = step * _MOST_IMAGES + self.global_rank * len(batch)
        loss, figures = self.loss(batch, seed)
        for group in optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self._schedule(self.batches_seen)
        optimizer.zero_grad()
        self.manual_backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), self.recipe.clip)
        if torch.isfinite(norm):
            optimizer.step()
        else:
            self.skipped += 1
        self.batches_seen += 1
        if self.batches_seen % LOG_EVERY == 0:
            figures = {"loss": loss, **figures, "gradient_norm": norm}
            self.log_dict({f"train/{name}": value.detach() for name, value in figures.items()})
            self.log("train/skipped", float(self.skipped))

    def log_validation(self, prefix: str, figures: dict[str, Tensor], number: int) -> None:
        """Log figures of a batch of so many pictures, to be averaged over all of a dataloader."""
        for name, value in figures.items():
            self.log(
                f"{prefix}{name}",
                value,
                batch_size=number,
                sync_dist=True,
                add_dataloader_idx=False,
            )

    def _schedule(self, step: int) -> float:
        """Warm-up, plateau, cosine to zero: a plateau lets a run be cut or lengthened."""
        recipe = self.recipe
        start = recipe.steps * (1 - recipe.decay)
        progress = min(max((step - start) / max(recipe.steps - start, 1), 0), 1)
        return min(1, (step + 1) / max(recipe.warmup, 1)) * 0.5 * (1 + math.cos(math.pi * progress))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["batches_seen"] = self.batches_seen
        checkpoint["skipped"] = self.skipped
        checkpoint["seconds"] = self.seconds
        checkpoint["start"] = self.start

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.batches_seen = checkpoint["batches_seen"]
        self.skipped = checkpoint["skipped"]
        self.seconds = checkpoint.get("seconds", 0.0)
        self.start = checkpoint.get("start", "")
