"""The Lightning module of a codec's decoder in 8 bits: encoder and prior stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from aecodec.codec.config import CodecConfig
from aecodec.codec.distortion import distortion, squared_error
from aecodec.codec.eight_bits.layers import EIGHT_BITS, SYNTHESIS
from aecodec.codec.fast import fast_config
from aecodec.codec.model import CodecModel
from aecodec.errors import RecipeError
from aecodec.nn.arrays import AnyArray
from aecodec.training.data import Phase, RandomCrops
from aecodec.training.eight_bits.means import byte_means
from aecodec.training.eight_bits.start import byte_tensors, qualities
from aecodec.training.eight_bits.twin import ByteSynthesis
from aecodec.training.recipe import DecoderRecipe
from aecodec.training.task import TrainingModule

VALIDATION_QUALITIES = (20, 50, 80, 100)
_LEAST_ERROR = 0.5**2  # that is added to the float decoder's


class DecoderTraining(TrainingModule):
    """Minimises what bytes add to the float decoder's error, as a share of that.

    Of `--decoder fast` (`recipe.fast`), what that lacks to the float decoder.

    Each sample is at a quality of its own. Errors are the squared one against the float decoder's
    pixels and, for the rest of `recipe.pull`, the codec's own distortion against the original.
    """

    recipe: DecoderRecipe
    model: CodecModel

    def __init__(self, recipe: DecoderRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = CodecModel(recipe.model).requires_grad_(False)
        self.synthesis = ByteSynthesis(fast_config(recipe.model) if recipe.fast else recipe.model)
        # The weight file that it begins with: its tensors, and its architecture as JSON.
        self.codec: dict[str, Tensor] = {}
        self.config = ""
        self.means: dict[str, Tensor] = {}  # in 8 bits: fitted, not trained
        self.trained: dict[str, AnyArray] = {}  # the synthesis in 8 bits that it begins with

    def begin_with(self, path: Path) -> None:
        super().begin_with(path)
        tensors = load_file(path)
        self.codec = {n: t for n, t in tensors.items() if not n.startswith(EIGHT_BITS)}
        self.trained = {
            n.removeprefix(SYNTHESIS): t.numpy()
            for n, t in tensors.items()
            if n.startswith(SYNTHESIS)
        }
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
        """Round the float decoder's weights, in units that fit photographs.

        Where the file has such a decoder in 8 bits, that is gone on with. Its linear part, which is
        not trained, is rounded anew.
        """
        if self.batches_seen and self.means:
            return
        if not self.codec:
            raise RecipeError("a decoder is trained for a codec's weights; pass --start")
        if self.recipe.fast:
            if not self.batches_seen:
                self.synthesis.load(self._fast_tensors())
            return
        recipe, photos = self.recipe, self.trainer.datamodule.photos  # type: ignore[attr-defined]
        crops = RandomCrops(
            photos, [Phase(0, recipe.batch, recipe.crop)], seed=recipe.seed + 1_000_003
        )
        batches = [crops.at(step) for step in range(-(-recipe.samples // recipe.batch))]
        if not self.batches_seen:
            shapes = {name: tensor.shape for name, tensor in self.synthesis.tensors().items()}
            goes_on = shapes == {name: tensor.shape for name, tensor in self.trained.items()}
            rounded = byte_tensors(self.model, batches, fitted=not goes_on)
            kept = {n: t for n, t in self.trained.items() if not n.startswith("linear.")}
            self.synthesis.load(rounded | kept if goes_on else rounded)
        seen = [
            (crop[None].numpy(), quality)
            for number, batch in enumerate(batches)
            for crop, quality in zip(batch, qualities(len(batch), number), strict=True)
        ]
        tensors = {name: tensor.cpu().numpy() for name, tensor in self.codec.items()}
        means, _ = byte_means(recipe.model, tensors, seen)
        self.means = {name: torch.from_numpy(tensor) for name, tensor in means.items()}

    def _fast_tensors(self) -> dict[str, AnyArray]:
        """What the leaner decoder begins with: the parts of the other that it has."""
        if not self.trained:
            raise RecipeError("a fast decoder begins with weights that have a decoder in 8 bits")
        tensors = dict(self.trained)
        for name, pixels in (("fine.conv1", 48), ("finest.conv1", 12)):
            if not self.recipe.model.low_bytes:
                break
            weight = tensors[f"{name}.weight"]
            high, features = weight[:, :pixels], weight[:, 2 * pixels :]
            tensors[f"{name}.weight"] = np.concatenate([high, features], 1)
        return tensors

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        quality = torch.randint(1, 101, (len(batch),), generator=generator).to(self.device)
        x, wanted, found = self._pictures(batch, quality)
        config, pull = self.recipe.model, self.recipe.pull
        original, own = (distortion(config, x, picture, quality) for picture in (wanted, found))
        squared = squared_error(wanted, x)
        near = squared_error(found, wanted) / (squared + _LEAST_ERROR)
        shares = pull * near + (1 - pull) * (own - original) / (original + _LEAST_ERROR)
        lost = decibels(squared_error(found, x), squared)
        return shares.mean(), {"lost": lost.mean()}

    def validation_step(self, batch: Tensor, batch_idx: int, dataloader_idx: int = 0) -> None:
        """What PSNR lacks, in dB, of photographs (dataloader 0) or drawn pictures."""
        prefix = "val/drawn_" if dataloader_idx == 1 else "val/"
        figures = {}
        for q in VALIDATION_QUALITIES:
            quality = torch.full((len(batch),), q, device=self.device)
            x, wanted, found = self._pictures(batch, quality)
            lost = decibels(squared_error(found, x), squared_error(wanted, x))
            figures[f"lost_{q}"] = lost.mean()
        figures["loss"] = torch.stack(list(figures.values())).mean()
        self.log_validation(prefix, figures, len(batch))

    def _pictures(self, batch: Tensor, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The originals, about [-0.5, 0.5], and what floats and bytes make of them."""
        x = (batch.float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
        self.model.eval()  # Lightning has all of a module in training mode
        with torch.no_grad():
            latents, _, _ = self.model.code(x, quality)
            inverse = self.model.gain(quality)[1]
            wanted = self.model.synthesis(latents * inverse, quality)
        return x, wanted, self.synthesis(latents, quality)


def decibels(error: Tensor, other: Tensor) -> Tensor:
    """By how much one squared error is above another."""
    return 10 * (error.clamp_min(1e-5) / other.clamp_min(1e-5)).log10()
