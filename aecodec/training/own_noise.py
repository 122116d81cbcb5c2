"""How noisy a photo is by itself: what a denoiser may not take for the truth."""

from __future__ import annotations

import numpy as np
from torch import Tensor

_SIDE = 16
_QUIETEST = 0.02  # share of the blocks
_LUMA = 0.299, 0.587, 0.114
_DARK, _BRIGHT = 25, 230  # beyond, values are clipped, and noise with them


def own_noise(photo: Tensor) -> float:
    """Standard deviation in its quietest blocks, on the scale of 0..255.

    Noise is everywhere, so the smoothest places have it, too: of 16x16 pixels that are neither
    dark nor bright, what a quadratic surface leaves of luma.

    Args:
        photo: uint8 (H, W, 3), H and W at least 16.
    """
    luma = photo.numpy() @ np.array(_LUMA, np.float32)
    rows, columns = luma.shape[0] // _SIDE, luma.shape[1] // _SIDE
    blocks = luma[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE)
    blocks = blocks.swapaxes(1, 2).reshape(-1, _SIDE**2)
    mean = blocks.mean(1)
    grey = (mean > _DARK) & (mean < _BRIGHT)
    if grey.any():
        blocks = blocks[grey]
    y, x = np.mgrid[:_SIDE, :_SIDE].reshape(2, -1) / _SIDE - 0.5
    surface = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], 1))[0]
    surface = surface.astype(np.float32)
    rest = blocks - (blocks @ surface) @ surface.T
    deviations = np.sqrt((rest**2).sum(1) / (_SIDE**2 - surface.shape[1]))
    return float(np.quantile(deviations, _QUIETEST))
