"""The codec's Lightning module: rate-distortion loss and validation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aecodec.codec.distortion import distortion
from aecodec.codec.fast import with_fast_analysis
from aecodec.codec.model import CodecModel
from aecodec.errors import RecipeError
from aecodec.nn.bounded import forget_ranges
from aecodec.training.codec_calibration import calibrate_ranges
from aecodec.training.recipe import CodecRecipe
from aecodec.training.revival import bend, revive
from aecodec.training.task import TrainingModule

VALIDATION_QUALITIES = (10, 30, 50, 70, 90)


class CodecTraining(TrainingModule):
    """Minimises the logarithm of `bpp + lambda * D`, each sample at a quality of its own.

    Of the logarithm, so that all qualities and pictures weigh alike, as they do in validation;
    a little is added first, as a plain colour costs hardly a bit and its logarithm has no bound.
    Noise and qualities of a step depend on the seed and the step alone; a GPU draws other noise
    than a CPU.
    """

    recipe: CodecRecipe
    model: CodecModel

    def __init__(self, recipe: CodecRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        config = with_fast_analysis(recipe.model) if recipe.fast else recipe.model
        self.model = CodecModel(config, recipe.noisy_slope)
        if recipe.fast:
            self.model.requires_grad_(False).analysis.requires_grad_(True)
        self.revived: dict[str, Tensor] = {}  # hidden channels, by the names of their blocks

    def begin_with(self, path: Path) -> None:
        if not self.recipe.fast:
            super().begin_with(path)
            return
        lean, self.model = self.model, CodecModel(self.recipe.model)
        super().begin_with(path)
        weights, self.model = self.model.state_dict(), lean
        lean.load_state_dict({name: weights[name] for name in lean.state_dict()})

    def forward(self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None) -> Any:
        return self.model(x, quality, generator)

    def on_fit_start(self) -> None:
        if self.device.type == "cuda":  # on a CPU it takes a minute and gains nothing
            compile_networks(self.model)

    def on_train_start(self) -> None:
        """Weights to begin with get the ranges of photographs, before a step can be far out.

        Raises:
            RecipeError: a leaner analysis has no weights to begin with.
        """
        if self.recipe.fast and not self.start:
            raise RecipeError("a leaner analysis is trained for a codec's weights; pass --start")
        if self.start and self.batches_seen == 0:
            photos: Any = self.trainer.datamodule  # type: ignore[attr-defined]
            forget_ranges(self.model)
            if self.recipe.revive:
                self.revived = revive(self.model, photos.photo_crops())
                self._bend()
            calibrate_ranges(self.model, photos.photo_crops(), self.recipe.range_margin)
        self._bend()

    def on_validation_start(self) -> None:
        if self.device.type == "cuda":  # photos have many sizes, each to be compiled anew
            torch.compiler.set_stance("force_eager")

    def on_validation_end(self) -> None:
        if self.device.type == "cuda":
            torch.compiler.set_stance("default")

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        self._bend()
        generator = torch.Generator().manual_seed(seed)
        quality = (1 + 99 * torch.rand(len(batch), generator=generator)).to(self.device)
        if self.device.type != "cpu":
            generator = torch.Generator(self.device).manual_seed(seed)
        rate, error, psnr = self._measure(batch, quality, generator)
        loss = (rate + self._lambda(quality) * error + self.recipe.log_offset).log().mean()
        return loss, {"bpp": rate.mean(), "psnr": psnr}

    def _bend(self) -> None:
        straight = 1 - self.batches_seen / self.recipe.revive if self.recipe.revive else 0.0
        bend(self.model, self.revived, max(straight, 0.0))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["revived"] = self.revived

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.revived = checkpoint.get("revived", {})

    def validation_step(self, batch: Tensor, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Of photographs (dataloader 0) or of drawn pictures, under names of their own.

        The loss of drawn pictures is the mean logarithm, as noise costs a thousand times what a
        plain colour does.
        """
        drawn = dataloader_idx == 1
        prefix = "val/drawn_" if drawn else "val/"
        figures: dict[str, Tensor] = {}
        losses = []
        for q in VALIDATION_QUALITIES:
            quality = torch.full((len(batch),), float(q), device=self.device)
            rate, error, psnr = self._measure(batch, quality, None)
            losses.append((rate + self._lambda(quality) * error).mean())
            figures |= {f"bpp_{q}": rate.mean(), f"psnr_{q}": psnr}
        if drawn:
            figures["loss"] = (torch.stack(losses) + self.recipe.log_offset).log().mean()
        else:  # the geometric mean weighs every quality alike
            figures["loss"] = torch.stack(losses).log().mean().exp()
        self.log_validation(prefix, figures, len(batch))

    def _measure(
        self, batch: Tensor, quality: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Bits per pixel and D, each (B,), and the mean PSNR."""
        x = (batch.float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
        out = self(x, quality, generator)
        rate = (out.latent_bits + out.hyper_bits) / (x.shape[2] * x.shape[3])
        error = distortion(self.recipe.model, x, out.reconstruction, quality)
        mse = (out.reconstruction.detach() - x).square().mean((1, 2, 3))
        return rate, error, -10 * torch.log10(mse.clamp_min(1e-10)).mean()

    def _lambda(self, quality: Tensor) -> Tensor:
        low, high = self.recipe.model.lambda_min, self.recipe.model.lambda_max
        return low * (high / low) ** ((quality - 1) / 99)


def compile_networks(model: CodecModel) -> None:
    """Compile a model's networks in place, to train on a GPU; parameters keep their names.

    Not what lies between them: that draws from a generator, which `torch.compile` cannot trace.
    Without a compiler on the machine they run as they are.
    """
    torch._dynamo.config.suppress_errors = True
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)  # not thousands of lines about it
    prior = model.prior
    networks = [model.analysis, model.synthesis, model.hyper_analysis, prior.hyper_synthesis]
    for network in (*networks, *prior.scales, *prior.means):
        network.compile(dynamic=False)  # crops have two sizes in a run
