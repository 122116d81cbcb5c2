"""The codec's Lightning module: rate-distortion loss and validation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from aecodec.codec.distortion import distortion
from aecodec.codec.model import CodecModel
from aecodec.training.recipe import CodecRecipe
from aecodec.training.soap import Soap
from aecodec.training.task import Task

VALIDATION_QUALITIES = (10, 30, 50, 70, 90)


class CodecTraining(Task):
    """Minimises the logarithm of `bpp + lambda * D`, each sample at a quality of its own.

    Of the logarithm, so that all qualities and pictures weigh alike, as they do in validation.
    Noise and qualities of a step depend on the seed and the step alone.
    """

    recipe: CodecRecipe
    model: CodecModel

    def __init__(self, recipe: CodecRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = CodecModel(recipe.model)

    def forward(self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None) -> Any:
        return self.model(x, quality, generator)

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        generator = torch.Generator(self.device)
        generator.manual_seed(seed)
        quality = 1 + 99 * torch.rand(len(batch), generator=generator, device=self.device)
        rate, error, psnr = self._measure(batch, quality, generator)
        loss = (rate + self._lambda(quality) * error).log().mean()
        return loss, {"bpp": rate.mean(), "psnr": psnr}

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        losses = []
        for q in VALIDATION_QUALITIES:
            quality = torch.full((len(batch),), float(q), device=self.device)
            rate, error, psnr = self._measure(batch, quality, None)
            losses.append((rate + self._lambda(quality) * error).mean())
            self.log(f"val/bpp_{q}", rate.mean(), batch_size=len(batch), sync_dist=True)
            self.log(f"val/psnr_{q}", psnr, batch_size=len(batch), sync_dist=True)
        # The geometric mean weighs every quality alike.
        mean = torch.stack(losses).log().mean().exp()
        self.log("val/loss", mean, batch_size=len(batch), sync_dist=True)

    def _measure(
        self, batch: Tensor, quality: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Bits per pixel and D, each (B,), and the mean PSNR."""
        x = (batch.float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
        out = self(x, quality, generator)
        rate = (out.latent_bits + out.hyper_bits) / (x.shape[2] * x.shape[3])
        error = distortion(self.recipe.model.distortion, x, out.reconstruction)
        mse = (out.reconstruction.detach() - x).square().mean((1, 2, 3))
        return rate, error, -10 * torch.log10(mse).mean()

    def _lambda(self, quality: Tensor) -> Tensor:
        low, high = self.recipe.model.lambda_min, self.recipe.model.lambda_max
        return low * (high / low) ** ((quality - 1) / 99)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return Soap(self.parameters(), lr=self.recipe.learning_rate)
