"""What a codec keeps small beside the bits: squared error, what lacks in MS-SSIM, or a balance."""

from __future__ import annotations

import torch
from torch import Tensor

from aecodec.codec.config import CodecConfig
from aecodec.nn import ssimulacra2
from aecodec.nn.ms_ssim import MIN_SIDE as MS_SSIM_MIN_SIDE
from aecodec.nn.ms_ssim import ms_ssim

# They bring the parts of "balanced" to the size of the squared error: in the geometric mean over
# three photos at five qualities, coded with weights trained for squared error alone.
MS_SSIM_SCALE = 2000.0
SSIMULACRA2_SCALE = 6.0


def is_defined(kind: str, x: Tensor) -> bool:
    """Whether pictures (B, 3, H, W) are large enough for it."""
    return kind == "mse" or min(x.shape[2:]) >= MS_SSIM_MIN_SIDE


def distortion(config: CodecConfig, x: Tensor, other: Tensor, quality: Tensor) -> Tensor:
    """D of `bpp + lambda * D` for pictures (B, 3, H, W) in about [-0.5, 0.5]: (B,), float32.

    By `config.distortion`:
    - "mse": the squared error of samples on the scale of 0 to 255.
    - "ms-ssim": 1 - MS-SSIM of RGB (H and W at least 161).
    - "balanced": a sum of the squared error, 1 - MS-SSIM of RGB and the weighted sum of
      SSIMULACRA 2, brought to one scale, that of "mse", and weighted by
      `config.distortion_weights`, the second by quality (H and W at least 161).

    Args:
        x: the originals.
        other: what became of them.
        quality: (B,) in [1, 100]; matters to "balanced" only.
    """
    with torch.autocast(x.device.type, enabled=False):
        x, other = x.float(), other.float()
        if config.distortion == "mse":
            return squared_error(x, other)
        if config.distortion == "ms-ssim":
            return 1 - ms_ssim(x + 0.5, other + 0.5)
        squared, similarity_low, similarity_high, perceptual = config.distortion_weights
        similarity = similarity_low + (similarity_high - similarity_low) * (quality - 1) / 99
        parts = balanced_parts(x, other)
        return squared * parts[0] + similarity * parts[1] + perceptual * parts[2]


def balanced_parts(x: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Squared error, MS-SSIM's part and SSIMULACRA 2's for "balanced", on one scale, each (B,)."""
    a, b = _in_range(x + 0.5), _in_range(other + 0.5)
    return (
        squared_error(x, other),
        MS_SSIM_SCALE * (1 - ms_ssim(a, b)),
        SSIMULACRA2_SCALE * ssimulacra2.weighted_sum(a, b),
    )


def squared_error(x: Tensor, other: Tensor) -> Tensor:
    """On the scale of 0 to 255, (B,)."""
    return 255**2 * (other - x).square().mean((1, 2, 3))


def _in_range(x: Tensor) -> Tensor:
    """Clamped to [0, 1], as decoded pixels are; the gradient passes as if it were not."""
    return x + (x.clamp(0, 1) - x).detach()
