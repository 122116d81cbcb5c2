"""After training: statistics of averaged weights, and what their distances mean."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.hashing.calibration import Calibration
from aecodec.hashing.model import HashModel
from aecodec.training.recipe import HashRecipe
from aecodec.training.views import two_views

_COPIES = 8  # altered copies of each validation picture
_BATCH = 256


@torch.no_grad()
def recalibrate_batchnorm(model: HashModel, batches: Iterable[Tensor], recipe: HashRecipe) -> None:
    """Measure each batch normalisation's statistics anew, on views as in training.

    The running ones belong to the weights of the last steps, not to their average; and those
    of the last layer are where a bit tips.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over the batches
    model.train()
    for number, batch in enumerate(batches):
        for view in two_views(batch, recipe, number):
            model(view.x)
    model.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@torch.no_grad()
def calibrate(model: HashModel, squares: Tensor, groups: Tensor, recipe: HashRecipe) -> Calibration:
    """Distances between pictures of different groups, and to altered copies.

    Args:
        model: in evaluation mode.
        squares: uint8 (N, 3, S, S).
        groups: (N,); pictures of one group may show the same and are not compared.
        recipe: says how copies are altered.
    """
    plain, copies = [], []
    for start in range(0, len(squares), _BATCH):
        batch = squares[start : start + _BATCH]
        plain.append(model(F.interpolate(batch.float() / 255, recipe.model.side, mode="area")))
        views = (two_views(batch, recipe, 64 * start + n)[1].x for n in range(_COPIES))
        copies.append(torch.stack([model(view) for view in views], 1))
    codes, altered = torch.cat(plain), torch.cat(copies)
    different, same = {}, {}
    apart = (groups[:, None] < groups[None, :]).cpu()  # each pair once
    for bits in recipe.model.lengths:
        signs = torch.where(codes[:, :bits], 1.0, -1.0)
        distances = ((bits - signs @ signs.T) / 2).round().long()
        different[bits] = _histogram(distances[apart], bits)
        same[bits] = _histogram((altered[..., :bits] != codes[:, None, :bits]).sum(-1), bits)
    return Calibration(different, same)


def _histogram(distances: Tensor, bits: int) -> tuple[int, ...]:
    return tuple(torch.bincount(distances.flatten(), minlength=bits + 1).tolist())
