"""What a codec keeps small beside the bits: squared error, or what a picture lacks in MS-SSIM."""

from __future__ import annotations

import torch
from torch import Tensor

MS_SSIM_MIN_SIDE = 161  # its five scales halve a picture four times under an 11-pixel window


def is_defined(kind: str, x: Tensor) -> bool:
    """Whether pictures (B, 3, H, W) are large enough for it."""
    return kind == "mse" or min(x.shape[2:]) >= MS_SSIM_MIN_SIDE


def distortion(kind: str, x: Tensor, other: Tensor) -> Tensor:
    """D of `bpp + lambda * D` for pictures (B, 3, H, W) in about [-0.5, 0.5]: (B,), float32.

    Args:
        kind: "mse" (of samples on the scale of 0 to 255) or "ms-ssim" (1 - MS-SSIM, Wang et
            al., 2003; H and W at least 161).
    """
    if kind == "mse":
        return 255**2 * (other - x).square().mean((1, 2, 3))
    from pytorch_msssim import ms_ssim

    with torch.autocast(x.device.type, enabled=False):
        similarity = ms_ssim(x.float() + 0.5, other.float() + 0.5, data_range=1, size_average=False)
    return 1 - similarity
