"""The codec's Lightning module: rate-distortion loss, schedule, validation."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import torch
from torch import Tensor

from aecodec.codec.model import CodecModel
from aecodec.training.recipe import CodecRecipe

VALIDATION_QUALITIES = (10, 30, 50, 70, 90)
LOG_EVERY = 50  # steps


class CodecTraining(L.LightningModule):
    """Minimises `bpp + lambda * 255**2 * MSE`, each sample at a quality of its own.

    Batches are uint8 (B, 3, H, W). Noise and qualities of a step depend on the seed
    and the step alone, so that a resumed run is the run.
    """

    def __init__(self, recipe: CodecRecipe) -> None:
        super().__init__()
        # Manual, because a step whose gradient is not finite must be skipped.
        self.automatic_optimization = False
        self.recipe = recipe
        self.model = CodecModel(recipe.model)
        self.batches_seen = 0
        self.skipped = 0
        self.seconds = 0.0  # of training, earlier slices included

    def forward(self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None) -> Any:
        return self.model(x, quality, generator)

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        optimizer: Any = self.optimizers()
        generator = torch.Generator(self.device)
        generator.manual_seed(
            (self.recipe.seed * 1_000_003 + self.batches_seen) * 64 + self.global_rank
        )
        quality = 1 + 99 * torch.rand(len(batch), generator=generator, device=self.device)
        rate, mse = self._rate_and_mse(batch, quality, generator)
        loss = (rate + self._weight(quality) * mse).mean()

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
            self.log_dict(
                {
                    "train/loss": loss.detach(),
                    "train/bpp": rate.mean().detach(),
                    "train/psnr": -10 * torch.log10(mse.detach()).mean(),
                    "train/gradient_norm": norm,
                    "train/skipped": float(self.skipped),
                }
            )

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        losses = []
        for q in VALIDATION_QUALITIES:
            quality = torch.full((len(batch),), float(q), device=self.device)
            rate, mse = self._rate_and_mse(batch, quality, None)
            losses.append((rate + self._weight(quality) * mse).mean())
            psnr = -10 * torch.log10(mse).mean()
            self.log(f"val/bpp_{q}", rate.mean(), batch_size=len(batch), sync_dist=True)
            self.log(f"val/psnr_{q}", psnr, batch_size=len(batch), sync_dist=True)
        # The geometric mean weighs every quality alike.
        mean = torch.stack(losses).log().mean().exp()
        self.log("val/loss", mean, batch_size=len(batch), sync_dist=True)

    def _rate_and_mse(
        self, batch: Tensor, quality: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Bits per pixel and MSE on [0, 1], each (B,)."""
        x = (batch.float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
        out = self(x, quality, generator)
        rate = (out.latent_bits + out.hyper_bits) / (x.shape[2] * x.shape[3])
        return rate, (out.reconstruction - x).square().mean((1, 2, 3))

    def _weight(self, quality: Tensor) -> Tensor:
        low, high = self.recipe.model.lambda_min, self.recipe.model.lambda_max
        return low * (high / low) ** ((quality - 1) / 99) * 255**2

    def _schedule(self, step: int) -> float:
        """Warm-up, plateau, cosine to zero: a plateau lets a run be cut or lengthened."""
        recipe = self.recipe
        start = recipe.steps * (1 - recipe.decay)
        progress = min(max((step - start) / (recipe.steps - start), 0), 1)
        return min(1, (step + 1) / recipe.warmup) * 0.5 * (1 + math.cos(math.pi * progress))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.recipe.learning_rate)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["batches_seen"] = self.batches_seen
        checkpoint["skipped"] = self.skipped
        checkpoint["seconds"] = self.seconds

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.batches_seen = checkpoint["batches_seen"]
        self.skipped = checkpoint["skipped"]
        self.seconds = checkpoint.get("seconds", 0.0)
