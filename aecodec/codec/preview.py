"""Small pictures from latents alone: a linear map in the place of the synthesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from aecodec.codec.container import LATENT_STRIDE
from aecodec.errors import AecodecError
from aecodec.storage.atomic import write_atomically

if TYPE_CHECKING:
    from aecodec.codec.inference import InferenceModel

REDUCED = (8, 16)
"""By how much previews are smaller, a side."""

_QUALITIES = (1, 15, 30, 50, 70, 85, 100)
_RIDGE = 1e-3
_MOST_CROPS = 32
_SUFFIX = ".preview.safetensors"


@dataclass(frozen=True)
class PreviewMap:
    """Latents to 2x2 pixels, each the mean of 8x8 of the picture.

    Attributes:
        weight: float32 (12, M); rows ordered as `pixel_shuffle` orders them.
        bias: float32 (12,).
    """

    weight: Tensor
    bias: Tensor

    @torch.inference_mode()
    def pixels(self, latents: Tensor, scale: int) -> Tensor:
        """Pixels (3, H, W), about [-0.5, 0.5], an eighth or a sixteenth a side of the picture.

        Args:
            latents: not scaled (`InferenceModel.unscaled`), (1, M, h, w).
            scale: 8 or 16.
        """
        weight, bias = self.weight, self.bias
        if scale == LATENT_STRIDE:
            weight, bias = weight.view(3, 4, -1).mean(1), bias.view(3, 4).mean(1)
        x = F.conv2d(latents, weight.to(latents.device)[:, :, None, None], bias.to(latents.device))
        return (F.pixel_shuffle(x, 2) if scale == 8 else x)[0]

    def save(self, weights: Path, digest: bytes) -> None:
        """Beside a weight file, of whose digest it is."""
        from safetensors.torch import save

        tensors = {"weight": self.weight.contiguous(), "bias": self.bias.contiguous()}
        data = save(tensors, metadata={"weights": digest.hex()})
        write_atomically(preview_file(weights), data, overwrite=True)


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
    from safetensors import SafetensorError, safe_open

    path = preview_file(weights)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("weights") != digest.hex():
                return None
            return PreviewMap(file.get_tensor("weight"), file.get_tensor("bias"))
    except (OSError, SafetensorError) as error:
        raise AecodecError(f"{path}: damaged ({str(error).splitlines()[0]})") from None


@torch.inference_mode()
def fit(model: InferenceModel, crops: Sequence[Tensor]) -> PreviewMap:
    """The map that is best on some crops at all qualities, by least squares.

    Where they tell little, it stays near the mean of what the linear part of the synthesis does.

    Args:
        crops: uint8 (1, 3, H, W), H and W multiples of 64.
    """
    linear = model.synthesis.linear
    side = LATENT_STRIDE // 2
    means = linear.weight.double().view(3, 2, side, 2, side, -1).mean((2, 4)).reshape(12, -1)
    assert linear.bias is not None
    bias = linear.bias.double().view(3, 2, side, 2, side).mean((2, 4)).reshape(12, 1)
    start = torch.cat([means, bias], 1).cpu()
    count = start.shape[1]
    squares, products = torch.zeros(count, count).double(), torch.zeros(count, 12).double()
    for crop in crops[:: -(-len(crops) // _MOST_CROPS) or 1]:
        x = crop.float() / 255 - 0.5
        wanted = _rows(F.pixel_unshuffle(F.avg_pool2d(x, 8), 2))
        for quality in _QUALITIES:
            y = model.analyse(x, quality)
            coded = model.quantise(y, quality, lambda symbols, indices: None, rdoq=True)
            seen = _rows(model.unscaled(coded, quality)).cpu()
            seen = torch.cat([seen, torch.ones(len(seen), 1).double()], 1)
            squares += seen.t() @ seen
            products += seen.t() @ (wanted - seen @ start.t())
    if crops:
        ridge = _RIDGE * squares.diagonal().mean() * torch.eye(count).double()
        start = start + torch.linalg.solve(squares + ridge, products).t()
    return PreviewMap(start[:, :-1].float().clone(), start[:, -1].float().clone())


def _rows(x: Tensor) -> Tensor:
    """(1, C, h, w) -> float64 (h * w, C)."""
    return x[0].flatten(1).t().double()
