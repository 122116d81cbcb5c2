"""The drawn pictures of a run: a bank that crops are taken from, and others to validate on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from aecodec.training.drawn import KINDS, draw, draw_over

TRAINED_FROM = 1 << 20  # no run trains on a picture of a smaller seed
_RANGE = 1.5  # of sides, from the smallest to the largest


def drawn_bank(number: int, photos: Sequence[Tensor], *, seed: int, least: int) -> list[Tensor]:
    """Pictures to train on; a quarter are drawn over parts of photos, if any photo is large enough.

    Args:
        number: how many, at most `TRAINED_FROM`.
        photos: uint8 (H, W, 3) tensors.
        seed: of the run; runs of other seeds have other pictures.
        least: smallest side in pixels.

    Returns:
        uint8 (H, W, 3) tensors, their sides between `least` and 1.5 times that.
    """
    first = TRAINED_FROM * (seed + 1)
    rng = np.random.default_rng([seed, 2])
    large = [photo for photo in photos if min(photo.shape[:2]) >= least]
    over = number // 4 if large else 0
    bank = []
    for i in range(number):
        width, height = (round(least * _RANGE ** float(u)) for u in rng.random(2))
        if i < over:
            photo = large[int(rng.integers(len(large)))]
            height, width = min(height, photo.shape[0]), min(width, photo.shape[1])
            top = int(rng.integers(photo.shape[0] - height + 1))
            left = int(rng.integers(photo.shape[1] - width + 1))
            part = photo[top : top + height, left : left + width].numpy()
            bank.append(_tensor(draw_over(Image.fromarray(part), first + i)))
        else:
            bank.append(_tensor(draw(first + i, size=(width, height))))
    return bank


def drawn_validation() -> list[Tensor]:
    """One picture of each kind, uint8 (1, 3, 256, 256): the same in all runs, in none's bank."""
    drawn = [_tensor(draw(i, kind, (256, 256))) for i, kind in enumerate(KINDS)]
    return [picture.permute(2, 0, 1)[None] for picture in drawn]


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image))
