"""Small copies of doubtful pairs, laid over each other more exactly than by a grid of guesses.

What is fine, as leaves and gravel are, correlates little where it lies a pixel off. A piece of 60 %
of the sides of such a photograph may have 0.25 where it is guessed, and 0.7 once it lies right.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from aecodec.hashing.copies import Copies
from aecodec.hashing.verify import align
from aecodec.hashing.verify.each import each
from aecodec.hashing.verify.guess import Array, whole_guesses, window_guesses
from aecodec.hashing.verify.places import LEVELS, finer, likely_places

_BATCH = 64


def fit_somewhere(copies: Copies, sizes: Array, pairs: Array) -> npt.NDArray[np.bool_]:
    """Which of the pairs correlate and explain each other in some place, as `LEVELS` asks of them.

    Args:
        copies, sizes, pairs: as `guess.likeness` takes them.
    """

    @torch.inference_mode()
    def fit(some: Array) -> npt.NDArray[np.bool_]:
        pictures = [torch.from_numpy(copies[some[:, n]])[:, None].float() / 255 for n in (0, 1)]
        first, second = (align.outlines(picture) for picture in pictures)
        shapes = sizes[some].tolist()
        found = whole_guesses(first, second, shapes), window_guesses(first, second, shapes)
        guesses, scores = (torch.cat(parts, 1) for parts in zip(*found, strict=True))
        rows, maps = likely_places(torch.arange(len(some)), guesses, scores)
        coloured = [picture.expand(-1, 3, -1, -1) for picture in pictures]
        rows, _, _ = finer(coloured, rows, maps, LEVELS[0])
        return np.isin(np.arange(len(some)), rows.numpy())

    batches = [pairs[start : start + _BATCH] for start in range(0, len(pairs), _BATCH)]
    return np.concatenate([np.empty(0, bool), *each(fit, batches)])
