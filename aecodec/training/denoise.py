"""The denoiser's Lightning module: loss over a mixture of noise, and validation."""

from __future__ import annotations

import torch
from torch import Tensor

from aecodec.denoising.impulses import missing_values
from aecodec.denoising.mixture import random_mixture
from aecodec.denoising.model import DenoiserModel
from aecodec.nn import noise
from aecodec.training.recipe import DenoiserRecipe
from aecodec.training.task import TrainingModule

VALIDATION_SIGMAS = (15, 25, 50)


class DenoiserTraining(TrainingModule):
    """Maximises the PSNR of each sample, each corrupted in a way of its own.

    The mean of log MSE (Chen et al., "Simple baselines for image restoration", 2022)
    weighs faint and strong noise alike; errors below two levels of 8 bits count little: the
    log alone has steep gradients where there is hardly any noise.
    """

    recipe: DenoiserRecipe
    model: DenoiserModel

    def __init__(self, recipe: DenoiserRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = DenoiserModel(recipe.model)

    def forward(self, x: Tensor, level: Tensor, missing: Tensor | None = None) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        denoised: Tensor = self.model(x, level, missing)
        return denoised

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        noisy = random_mixture(batch.float() / 255, seed)
        mse = _mse(self(noisy.x, noisy.level, noisy.missing), noisy.clean)
        return torch.log10(mse + (self.recipe.invisible / 255) ** 2).mean(), {"psnr": _psnr(mse)}

    def validation_step(self, batch: Tensor, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Of photographs (dataloader 0) or of drawn pictures, under names of their own."""
        clean = batch.float() / 255
        figures = {}
        for sigma in VALIDATION_SIGMAS:
            x = noise.gaussian(clean, sigma, self._generator(batch_idx))
            level = torch.full((len(x), 1, 1, 1), sigma / 255, device=x.device)
            figures[f"psnr_{sigma}"] = _psnr(_mse(self(x, level), clean))
        figures["loss"] = -torch.stack(list(figures.values())).mean()
        x = noise.salt_and_pepper(clean, 0.3, self._generator(batch_idx))
        denoised = self(x, clean.new_zeros(1, 1, 1, 1), missing_values(x, "salt-and-pepper"))
        figures["psnr_salt_and_pepper"] = _psnr(_mse(denoised, clean))
        self.log_validation("val/drawn_" if dataloader_idx else "val/", figures, len(batch))

    def _generator(self, seed: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(seed)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.recipe.soap.optimizer(self.parameters(), self.recipe.learning_rate)


def _mse(x: Tensor, clean: Tensor) -> Tensor:
    """Of each image, (B,)."""
    return (x - clean).square().mean((1, 2, 3))


def _psnr(mse: Tensor) -> Tensor:
    return -10 * torch.log10(mse.detach().clamp_min(1e-10)).mean()
