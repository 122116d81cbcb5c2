"""After training: the linear map from latents to small pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from aecodec.codec.container import LATENT_STRIDE
from aecodec.codec.inference import InferenceModel
from aecodec.codec.preview import PreviewMap

_QUALITIES = (1, 15, 30, 50, 70, 85, 100)
_RIDGE = 1e-3
_MOST_CROPS = 32


@torch.inference_mode()
def fit_preview(model: InferenceModel, crops: Sequence[Tensor]) -> PreviewMap:
    """The map that is best on some crops at all qualities, by least squares.

    Where they tell little, it stays near the mean of what the linear part of the synthesis does.

    Args:
        crops: uint8 (1, 3, H, W), H and W multiples of 64.
    """
    weight, linear_bias = (
        torch.from_numpy(model.tensors[f"synthesis.linear.{part}"]).double()
        for part in ("weight", "bias")
    )
    side = LATENT_STRIDE // 2
    means = weight.view(3, 2, side, 2, side, -1).mean((2, 4)).reshape(12, -1)
    bias = linear_bias.view(3, 2, side, 2, side).mean((2, 4)).reshape(12, 1)
    start = torch.cat([means, bias], 1)
    count = start.shape[1]
    squares, products = torch.zeros(count, count).double(), torch.zeros(count, 12).double()
    for crop in crops[:: -(-len(crops) // _MOST_CROPS) or 1]:
        x = crop.float() / 255 - 0.5
        wanted = _rows(F.pixel_unshuffle(F.avg_pool2d(x, 8), 2))
        for quality in _QUALITIES:
            y = model.analyse(x.numpy(), quality)
            coded = model.quantise(y, quality, lambda symbols, indices: None, rdoq=True)
            seen = _rows(torch.from_numpy(model.unscaled(coded, quality)))
            seen = torch.cat([seen, torch.ones(len(seen), 1).double()], 1)
            squares += seen.t() @ seen
            products += seen.t() @ (wanted - seen @ start.t())
    if crops:
        ridge = _RIDGE * squares.diagonal().mean() * torch.eye(count).double()
        start = start + torch.linalg.solve(squares + ridge, products).t()
    fitted = start.float().numpy()
    return PreviewMap(fitted[:, :-1].copy(), fitted[:, -1].copy())


def _rows(x: Tensor) -> Tensor:
    """(1, C, h, w) -> float64 (h * w, C)."""
    return x[0].flatten(1).t().double()
