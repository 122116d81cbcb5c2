"""The codec's Lightning module: rate-distortion loss and validation."""

from __future__ import annotations

import logging
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
    Noise and qualities of a step depend on the seed and the step alone; a GPU draws other noise
    than a CPU.
    """

    recipe: CodecRecipe
    model: CodecModel

    def __init__(self, recipe: CodecRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = CodecModel(recipe.model)

    def forward(self, x: Tensor, quality: Tensor, generator: torch.Generator | None = None) -> Any:
        return self.model(x, quality, generator)

    def on_fit_start(self) -> None:
        if self.device.type == "cuda":  # on a CPU it takes a minute and gains nothing
            compile_networks(self.model)

    def on_validation_start(self) -> None:
        if self.device.type == "cuda":  # photos have many sizes, each to be compiled anew
            torch.compiler.set_stance("force_eager")

    def on_validation_end(self) -> None:
        if self.device.type == "cuda":
            torch.compiler.set_stance("default")

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        quality = (1 + 99 * torch.rand(len(batch), generator=generator)).to(self.device)
        if self.device.type != "cpu":
            generator = torch.Generator(self.device).manual_seed(seed)
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
        error = distortion(self.recipe.model, x, out.reconstruction, quality)
        mse = (out.reconstruction.detach() - x).square().mean((1, 2, 3))
        return rate, error, -10 * torch.log10(mse).mean()

    def _lambda(self, quality: Tensor) -> Tensor:
        low, high = self.recipe.model.lambda_min, self.recipe.model.lambda_max
        return low * (high / low) ** ((quality - 1) / 99)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return Soap(self.parameters(), lr=self.recipe.learning_rate)


def compile_networks(model: CodecModel) -> None:
    """Compile the networks of a model in place, for training on a GPU; its parameters keep their names.

    Not what lies between them: that draws from a generator, which `torch.compile` cannot trace.
    Without a compiler on the machine they run as they are.
    """
    torch._dynamo.config.suppress_errors = True
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)  # not thousands of lines about it
    prior = model.prior
    networks = [model.analysis, model.synthesis, model.hyper_analysis, prior.hyper_synthesis]
    for network in (*networks, *prior.scales, *prior.means):
        network.compile(dynamic=False)  # crops have two sizes in a run
