"""Small pictures from latents alone: a linear map in the place of the synthesis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aecodec.codec.beside import load_tensors, save_tensors
from aecodec.codec.container import LATENT_STRIDE
from aecodec.nn.arrays import FloatArray

REDUCED = (8, 16)
"""By how much previews are smaller, a side."""

_SUFFIX = ".preview.safetensors"


def scale_for(longest: int, size: int) -> int:
    """By how much a picture may be smaller for a thumbnail: 16, 8 or 1.

    A preview's pixels are means, so that it need be no larger than the thumbnail.

    Args:
        longest: side of the picture.
        size: longest side of the thumbnail.
    """
    return max((scale for scale in REDUCED if longest >= scale * size), default=1)


@dataclass(frozen=True)
class PreviewMap:
    """Latents to 2x2 pixels, each the mean of 8x8 of the picture.

    Attributes:
        weight: float32 (12, M); rows ordered as `pixel_shuffle` orders them.
        bias: float32 (12,).
    """

    weight: FloatArray
    bias: FloatArray

    def pixels(self, latents: FloatArray, scale: int) -> FloatArray:
        """Pixels (3, H, W), about [-0.5, 0.5], an eighth or a sixteenth a side of the picture.

        Args:
            latents: not scaled (`InferenceModel.unscaled`), (1, M, h, w).
            scale: 8 or 16.
        """
        weight, bias = self.weight, self.bias
        if scale == LATENT_STRIDE:
            weight, bias = weight.reshape(3, 4, -1).mean(1), bias.reshape(3, 4).mean(1)
        x = latents[0].transpose(1, 2, 0) @ weight.T + bias
        if scale == 8:
            height, width = x.shape[:2]
            x = x.reshape(height, width, 3, 2, 2).transpose(0, 3, 1, 4, 2)
            x = x.reshape(2 * height, 2 * width, 3)
        return x.transpose(2, 0, 1)

    def save(self, weights: Path, digest: bytes) -> None:
        """Beside a weight file, of whose digest it is."""
        tensors = {"weight": self.weight, "bias": self.bias}
        save_tensors(tensors, preview_file(weights), digest)


def preview_file(weights: Path) -> Path:
    """Where the map of a weight file is, if it has one."""
    return weights.with_suffix(_SUFFIX)


def is_preview_file(path: Path) -> bool:
    return path.name.endswith(_SUFFIX)


def load(weights: Path, digest: bytes) -> PreviewMap | None:
    """The map of a weight file; None where there is none, or one of other weights.

    Raises:
        AecodecError: its file is damaged.
    """
    tensors = load_tensors(preview_file(weights), digest)
    return PreviewMap(tensors["weight"], tensors["bias"]) if tensors else None
