"""The hash model's Lightning module: contrast of codes, bits worth having, a picture from them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.hashing.model import HashModel
from aecodec.nn.binarisation import off_diagonal_covariance, sign_ste, squared_mean
from aecodec.training.hash_calibration import recalibrate_batchnorm
from aecodec.training.neighbours import NeighbourQueue
from aecodec.training.recipe import HashRecipe
from aecodec.training.task import TrainingModule
from aecodec.training.views import two_views

_PROJECTION_TEMPERATURE = 0.2
_VALIDATION_SEED = 12345
_VALIDATION_BATCHES = 10


class HashTraining(TrainingModule):
    """Codes of two views of a picture agree, and differ from those of all others.

    NT-Xent (Chen et al., 2020) on the codes of each length and on a projection of the
    features, decorrelation and balance of the bits, and an autoencoder's squared error: the
    thumbnail that the decoder makes of the bits is the view before its colours were altered.
    What a bit is the sign of has variance 1; that its size is 1 rather than near 0 makes it
    tip less easily (Liu et al., 2016).
    Where the recipe has neighbours, codes also agree with those of the nearest other picture.
    """

    recipe: HashRecipe
    model: HashModel

    def __init__(self, recipe: HashRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = HashModel(recipe.model)
        features = self.model.encoder.features
        self.projection = nn.Sequential(
            nn.Linear(features, features, bias=False),
            nn.BatchNorm1d(features),
            nn.ReLU(),
            nn.Linear(features, recipe.model.projection),
        )
        self.queue: NeighbourQueue | None = None
        if recipe.neighbours:
            sizes = recipe.neighbours, recipe.model.projection, recipe.model.bits
            self.queue = NeighbourQueue(*sizes)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.model.encoder(x.contiguous(memory_format=torch.channels_last))
        return features

    def loss(self, batch: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        recipe = self.recipe
        first, second = two_views(batch, recipe, seed)
        features = self(torch.cat([first.x, second.x]))
        generator = torch.Generator(batch.device).manual_seed(seed + 1)
        logits = self.model.logits_of(features)
        codes = sign_ste(logits, self._temperature(), generator)
        projection, drawn = self.projection(features).float(), self.model.decoder(codes).float()
        mse = F.mse_loss(drawn, self._thumbnails(torch.cat([first.target, second.target])))
        with torch.autocast(batch.device.type, enabled=False):  # sums of products of codes
            contrast, projected = self._contrast(codes, projection)
            covariance = self._mean_of_lengths(
                lambda bits: off_diagonal_covariance(codes[:, :bits])
            )
            mean = squared_mean(codes)
        undecided = self._mean_of_lengths(lambda bits: 1 - logits[:, :bits].abs().mean())
        loss = (
            contrast
            + recipe.projection * projected
            + recipe.covariance * covariance
            + mean
            + recipe.reconstruction * mse
            + recipe.quantisation_weight * undecided
        )
        figures = {"contrast": contrast, "projected": projected, "covariance": covariance}
        return loss, {**figures, "mean": mean, "mse": mse, "undecided": undecided}

    def _contrast(self, codes: Tensor, projection: Tensor) -> tuple[Tensor, Tensor]:
        """NT-Xent of codes (2N, bits) and of projections (2N, D): of two views, N of each."""
        count = len(codes) // 2
        contrasts, projected = [self._code_contrast(codes)], [_projected(projection)]
        if self.queue is not None:
            started = self.batches_seen >= self.recipe.neighbours_from * self.recipe.steps
            if started and self.queue.full:
                near, near_codes = self.queue.nearest(projection[:count])
                contrasts.append(self._code_contrast(torch.cat([near_codes, codes[count:]])))
                projected.append(_projected(torch.cat([near, projection[count:]])))
            self.queue.add(projection[:count], codes[:count])
        return torch.stack(contrasts).mean(), torch.stack(projected).mean()

    def _code_contrast(self, codes: Tensor) -> Tensor:
        temperature = self.recipe.temperature
        return self._mean_of_lengths(lambda bits: nt_xent(codes[:, :bits], temperature))

    def _mean_of_lengths(self, loss: Callable[[int], Tensor]) -> Tensor:
        return torch.stack([loss(bits) for bits in self.recipe.model.lengths]).mean()

    def _temperature(self) -> float:
        """Of the stochastic bits: 1 at the start, 0 from `stochastic` of the steps on."""
        drawn = self.recipe.stochastic * self.recipe.steps
        return max(0.0, 1 - self.batches_seen / drawn) if drawn > 0 else 0.0

    def _thumbnails(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.recipe.model.thumbnail, mode="area")

    def on_validation_epoch_start(self) -> None:
        """Averaged weights are validated, and their batch statistics are nobody's yet."""
        pictures = self.trainer.datamodule  # type: ignore[attr-defined]
        recalibrate_batchnorm(self.model, pictures.settling(_VALIDATION_BATCHES), self.recipe)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Of altered copies, how many find their original first; and how well bits draw it."""
        plain = F.interpolate(batch.float() / 255, self.recipe.model.side, mode="area")
        altered = two_views(batch, self.recipe, _VALIDATION_SEED)[1]
        logits = [self.model.logits_of(self(x)) for x in (plain, altered.x)]
        codes, copies = (torch.where(part >= 0, 1.0, -1.0) for part in logits)
        figures = {"mse": F.mse_loss(self.model.decoder(codes).float(), self._thumbnails(plain))}
        for bits in self.recipe.model.lengths:
            similarity = copies[:, :bits] @ codes[:, :bits].T
            own = similarity.diagonal()[:, None]
            # The only nearest, or one of n that are equally near: 1 / n.
            best = (similarity > own).sum(1) == 0
            figures[f"recall_{bits}"] = (best / (similarity == own).sum(1)).mean()
        figures["imbalance"] = codes.mean(0).abs().mean()
        for name, value in figures.items():
            self.log(f"val/{name}", value, batch_size=len(batch), sync_dist=True)


def _projected(x: Tensor) -> Tensor:
    return nt_xent(x, _PROJECTION_TEMPERATURE)


def nt_xent(x: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross entropy (Chen et al., 2020).

    Args:
        x: (2N, D); rows i and i + N are of the same picture.
        temperature: of the softmax over cosines.
    """
    x = F.normalize(x, dim=1)
    similarity = x @ x.T / temperature
    similarity.fill_diagonal_(-math.inf)
    count = len(x)
    partner = torch.arange(count, device=x.device).roll(count // 2)
    return F.cross_entropy(similarity, partner)
