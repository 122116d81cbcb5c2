"""MS-SSIM as a loss: fast on CPUs, with finite gradients everywhere.

Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment"
(2003). The values are those of pytorch-msssim, whose backward pass on single-channel
pictures takes many times as long on a CPU, and whose gradient is not a number where
pictures do not correlate.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from aecodec.nn.gaussian import moments

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MIN_SIDE = 161  # the scales halve a picture four times under an 11-pixel window

_C1, _C2 = 0.01**2, 0.03**2
_UNNORMALISED = [math.exp(-(d**2) / (2 * 1.5**2)) for d in range(-5, 6)]
_TAPS = [value / sum(_UNNORMALISED) for value in _UNNORMALISED]
_LEAST = 1e-4  # of a scale's similarity: the slope of a power is unbounded at 0


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """MS-SSIM of pictures (B, C, H, W) in [0, 1], float32, the mean over channels: (B,).

    Raises:
        ValueError: a side is under 161 pixels.
    """
    if min(x.shape[2:]) < MIN_SIDE:
        raise ValueError(f"MS-SSIM needs sides of at least {MIN_SIDE} pixels, not {x.shape[2:]}")
    logarithm = x.new_zeros(x.shape[:2])
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            odd = [side % 2 for side in x.shape[2:]]
            x, y = (F.avg_pool2d(picture, 2, padding=odd) for picture in (x, y))
        mean_x, mean_y, squares, error = moments(x, y, _TAPS, padding=0)
        luminance = mean_x.square() + mean_y.square()
        shift = (mean_x - mean_y).square()
        # 1 - cs, where cs = (2 cov(x, y) + C2) / (var(x) + var(y) + C2)
        similarity = 1 - (error - shift) / (squares - luminance + _C2)
        if scale == len(SCALE_WEIGHTS) - 1:
            similarity = similarity * (1 - shift / (luminance + _C1))
        logarithm = logarithm + weight * similarity.mean((2, 3)).clamp_min(_LEAST).log()
    return torch.exp(logarithm).mean(1)
