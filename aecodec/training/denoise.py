"""The denoiser's Lightning module: loss over a mixture of noise, and validation."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from aecodec.denoising.camera import photograph, plain_camera
from aecodec.denoising.config import PARTS
from aecodec.denoising.impulses import missing_values
from aecodec.denoising.mixture import Noisy, random_mixture
from aecodec.denoising.model import DenoiserModel
from aecodec.nn import noise
from aecodec.nn.bounded import forget_ranges, measured_ranges
from aecodec.training.recipe import DenoiserRecipe
from aecodec.training.task import TrainingModule

VALIDATION_SIGMAS = (15, 25, 50)
VALIDATION_ISOS = (800, 3200, 12800)
_VALIDATION_JPEG = 95
_ONE_LEVEL = 1 / 255


class DenoiserTraining(TrainingModule):
    """Maximises the PSNR of each sample, each corrupted in a way of its own.

    The mean of log MSE (Chen et al., "Simple baselines for image restoration", 2022)
    weighs faint and strong noise alike; errors below some levels of 8 bits count little: the
    log alone has steep gradients where there is hardly any noise. The estimator of levels learns
    from what its map leads to where a sample's level is not told, and from the true map; the one
    of whiteness from the truth.
    """

    recipe: DenoiserRecipe
    model: DenoiserModel

    def __init__(self, recipe: DenoiserRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = DenoiserModel(recipe.model)
        for part in set(PARTS) - set(recipe.parts):
            self.model.get_submodule(part).requires_grad_(False)

    def forward(self, x: Tensor, level: Tensor, missing: Tensor | None, white: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        denoised: Tensor = self.model(x, level, missing, white)
        return denoised

    def on_fit_start(self) -> None:
        forget_ranges(self.model)  # weights to begin with have them; an export measures new ones

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        noisy = random_mixture(batch.float() / 255, seed, self.recipe.mixture)
        logit = self.model.whiteness_logit(noisy.x, noisy.missing)
        kind_error = F.binary_cross_entropy_with_logits(logit, noisy.white.float())
        estimated = self.model.estimate(noisy.x, noisy.missing)
        ratio = (estimated + _ONE_LEVEL) / (noisy.level + _ONE_LEVEL)
        level_error = ratio.log().abs().mean()
        if not set(self.recipe.parts) & {"white", "camera"}:  # they learn from the truth alone
            figures = {"level_error": level_error, "kind_error": kind_error}
            return level_error + kind_error, figures
        found = torch.where(noisy.white, estimated, estimated * self._factors(noisy, seed))
        level = torch.where(noisy.told, noisy.told_level(), found)
        mse = _mse(self(noisy.x, level, noisy.missing, noisy.white), noisy.clean)
        loss = torch.log10(mse + (self.recipe.invisible / 255) ** 2).mean()
        figures = {"psnr": _psnr(mse), "level_error": level_error, "kind_error": kind_error}
        loss = loss + self.recipe.level_weight * (level_error + kind_error)
        # Processes wait for each other's gradients, of a network that no sample needed, too.
        learning = (p for p in self.model.parameters() if p.requires_grad)
        return loss + 0 * torch.stack([p.sum() for p in learning]).sum(), figures

    def _factors(self, noisy: Noisy, seed: int) -> Tensor:
        """Of the levels found, (B, 1, 1, 1), evenly on a logarithmic scale."""
        low, high = (math.log(x) for x in self.recipe.level_factor)
        numbers = range(seed, seed + len(noisy.x))
        exponents = [random.Random(number ^ 1 << 60).uniform(low, high) for number in numbers]
        return torch.tensor(exponents, device=noisy.x.device).exp()[:, None, None, None]

    def validation_step(self, batch: Tensor, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Of photographs (dataloader 0) or of drawn pictures, under names of their own.

        No level is told.
        """
        clean = batch.float() / 255
        figures = {}
        for sigma in VALIDATION_SIGMAS:
            x = noise.gaussian(clean, sigma, self._generator(batch_idx))
            figures[f"psnr_{sigma}"] = self._blind_psnr(x, clean)
        noisy = {}
        for iso in VALIDATION_ISOS:
            camera = plain_camera(iso, _VALIDATION_JPEG)
            x, target = photograph(clean, camera, self._generator(batch_idx))
            figures[f"psnr_iso_{iso}"] = self._blind_psnr(x, target)
            noisy[f"noisy_iso_{iso}"] = _psnr(_mse(x, target))
        figures["loss"] = -torch.stack(list(figures.values())).mean()
        figures |= noisy
        figures["psnr_clean"] = self._blind_psnr(clean, clean)
        x = noise.salt_and_pepper(clean, 0.3, self._generator(batch_idx))
        missing = missing_values(x, "salt-and-pepper")
        figures["psnr_salt_and_pepper"] = self._blind_psnr(x, clean, missing)
        self.log_validation("val/drawn_" if dataloader_idx else "val/", figures, len(batch))

    def _blind_psnr(self, x: Tensor, clean: Tensor, missing: Tensor | None = None) -> Tensor:
        level, white = self.model.estimate(x, missing), self.model.whiteness_logit(x, missing) > 0
        return _psnr(_mse(self(x, level, missing, white), clean))

    def _generator(self, seed: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(seed)


@torch.no_grad()
def calibrate_denoiser(
    model: DenoiserModel, crops: Sequence[Tensor], mixture: Mapping[str, float]
) -> None:
    """Set the ranges of the convolutions to what they reach on some crops with noise.

    Args:
        model: on whatever device.
        crops: uint8 (1, 3, H, W), H and W multiples of 8.
        mixture: shares of the kinds of noise.
    """
    device = next(model.parameters()).device
    forget_ranges(model)
    samples = [mixture] * (2 * len(crops))
    samples += [{kind: 1.0} for kind, share in mixture.items() if share]  # however rare
    with measured_ranges(model):
        for number, shares in enumerate(samples):
            clean = crops[number // 2 % len(crops)].to(device).float() / 255
            noisy = random_mixture(clean, (1 << 62) + number, shares)  # seeds of no step
            level = model.estimate(noisy.x, noisy.missing)
            told = torch.where(noisy.told, noisy.told_level(), level)
            model.whiteness_logit(noisy.x, noisy.missing)
            model(noisy.x, told, noisy.missing, noisy.white)


def _mse(x: Tensor, clean: Tensor) -> Tensor:
    """Of each image, (B,)."""
    return (x - clean).square().mean((1, 2, 3))


def _psnr(mse: Tensor) -> Tensor:
    """The mean in dB, none over 60: of clean images it would be anything."""
    return -10 * torch.log10(mse.detach().clamp_min(1e-6)).mean()
