"""The Lightning module of a codec's decoder in 8 bits: encoder and prior stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import EIGHT_BITS
from aecodec.codec.model import CodecModel
from aecodec.errors import RecipeError
from aecodec.training.data import Phase, RandomCrops
from aecodec.training.eight_bits.means import byte_means
from aecodec.training.eight_bits.start import byte_tensors, qualities
from aecodec.training.eight_bits.twin import ByteSynthesis
from aecodec.training.recipe import DecoderRecipe
from aecodec.training.task import TrainingModule

VALIDATION_QUALITIES = (20, 50, 80, 100)
_LEAST_ERROR = (0.5 / 255) ** 2  # squared, that is added to the float decoder's


class DecoderTraining(TrainingModule):
    """Minimises the squared error that bytes add, as a share of the float decoder's.

    Each sample is at a quality of its own. The error is that against the float decoder's pixels
    and, for the rest of `recipe.pull`, that against the original.
    """

    recipe: DecoderRecipe
    model: CodecModel

    def __init__(self, recipe: DecoderRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = CodecModel(recipe.model).requires_grad_(False)
        self.synthesis = ByteSynthesis(recipe.model)
        # The weight file that it begins with: its tensors, and its architecture as JSON.
        self.codec: dict[str, Tensor] = {}
        self.config = ""
        self.means: dict[str, Tensor] = {}  # in 8 bits: fitted, not trained

    def begin_with(self, path: Path) -> None:
        super().begin_with(path)
        self.codec = {n: t for n, t in load_file(path).items() if not n.startswith(EIGHT_BITS)}
        with safe_open(path, framework="pt") as file:
            self.config = (file.metadata() or {}).get("config", self.recipe.model.to_json())
        configs = self.recipe.model, CodecConfig.from_json(self.config)
        ranges = [(c.lambda_min, c.lambda_max) for c in configs]
        if ranges[0] != ranges[1]:
            raise RecipeError(
                f"{path}: its range of lambda is {ranges[1]}, the recipe's {ranges[0]}"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint |= {"codec": self.codec, "config": self.config, "means": self.means}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.codec, self.config = checkpoint["codec"], checkpoint["config"]
        self.means = checkpoint.get("means", {})

    def on_train_start(self) -> None:
        """Round the float decoder's weights, in units that fit photographs."""
        if self.batches_seen and self.means:
            return
        if not self.codec:
            raise RecipeError("a decoder is trained for a codec's weights; pass --start")
        recipe, photos = self.recipe, self.trainer.datamodule.photos  # type: ignore[attr-defined]
        crops = RandomCrops(
            photos, [Phase(0, recipe.batch, recipe.crop)], seed=recipe.seed + 1_000_003
        )
        batches = [crops.at(step) for step in range(-(-recipe.samples // recipe.batch))]
        if not self.batches_seen:
            self.synthesis.load(byte_tensors(self.model, batches))
        seen = [
            (crop[None].numpy(), quality)
            for number, batch in enumerate(batches)
            for crop, quality in zip(batch, qualities(len(batch), number), strict=True)
        ]
        tensors = {name: tensor.cpu().numpy() for name, tensor in self.codec.items()}
        means, _ = byte_means(recipe.model, tensors, seen)
        self.means = {name: torch.from_numpy(tensor) for name, tensor in means.items()}

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        quality = torch.randint(1, 101, (len(batch),), generator=generator).to(self.device)
        original, errors, own = self._measure(batch, quality)
        pull = self.recipe.pull
        shares = (pull * errors + (1 - pull) * (own - original)) / (original + _LEAST_ERROR)
        return shares.mean(), {"lost": decibels(own, original).mean()}

    def validation_step(self, batch: Tensor, batch_idx: int, dataloader_idx: int = 0) -> None:
        """What PSNR lacks, in dB, of photographs (dataloader 0) or drawn pictures."""
        prefix = "val/drawn_" if dataloader_idx == 1 else "val/"
        figures = {}
        for q in VALIDATION_QUALITIES:
            quality = torch.full((len(batch),), q, device=self.device)
            original, _, own = self._measure(batch, quality)
            figures[f"lost_{q}"] = decibels(own, original).mean()
        figures["loss"] = torch.stack(list(figures.values())).mean()
        self.log_validation(prefix, figures, len(batch))

    def _measure(self, batch: Tensor, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Squared errors (B,): of the float decoder, of bytes against it, and of bytes."""
        x = (batch.float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
        self.model.eval()  # Lightning has all of a module in training mode
        with torch.no_grad():
            latents, _, _ = self.model.code(x, quality)
            inverse = self.model.gain(quality)[1]
            wanted = self.model.synthesis(latents * inverse, quality)
        found = self.synthesis(latents, quality)
        pairs = ((wanted, x), (found, wanted), (found, x))
        original, errors, own = ((a - b).square().mean((1, 2, 3)) for a, b in pairs)
        return original, errors, own


def decibels(error: Tensor, other: Tensor) -> Tensor:
    """By how much one squared error is above another."""
    return 10 * (error.clamp_min(1e-10) / other.clamp_min(1e-10)).log10()
