"""The layers in 8 bits in torch, as plainly as can be: sums of products are of float64, which has
them exactly, in whatever order. (A kernel that transforms first, as Winograd's, may be off by less
than a half.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import (
    FINER,
    LINEAR_BASE,
    MEAN_STEP,
    MEANS,
    PIXEL_STEP,
    SIGNED,
    SYNTHESIS,
    digits,
    linear_multiplier,
    means,
    synthesis,
)
from aecodec.codec.steps import GROUPS, select
from aecodec.nn.arrays import AnyArray


class TorchOps:
    """`aecodec.codec.eight_bits.layers.MeanOps` on tensors, at one quality.

    Args:
        tensors: by their full names, on the device of the maps.
        network: what their names begin with, and a dot.
        quality: 1 to 100.
    """

    def __init__(self, tensors: Mapping[str, Tensor], network: str, quality: int) -> None:
        self.tensors, self._network, self.quality = tensors, network, quality

    def _tensor(self, name: str) -> Tensor:
        """A tensor, or its row at the quality where there is one for each."""
        tensor = self.tensors[self._network + name]
        of_quality = tensor.ndim == 2 and not name.endswith("weight")
        return tensor[self.quality - 1] if of_quality else tensor

    def _products(self, x: Tensor, name: str, zero: int, groups: int = 1) -> Tensor:
        """Sums of products of bytes and weights, and a bias: int64."""
        weight = self._tensor(f"{name}.weight").double()
        planes = (x.double() - zero).permute(0, 3, 1, 2)
        side = weight.shape[2] // 2
        sums = F.conv2d(planes, weight, padding=side, groups=groups).permute(0, 2, 3, 1)
        return sums.round().long() + self._tensor(f"{name}.bias").long()

    def scaled(self, x: Tensor, name: str) -> Tensor:
        return x * self._tensor(name)

    def whole(self, x: Tensor) -> Tensor:
        return x.to(torch.uint8)

    def to_bytes(self, x: Tensor) -> Tensor:
        return (x.round() + SIGNED).clamp(0, 255).to(torch.uint8)

    def low_bytes(self, x: Tensor, high: Tensor) -> Tensor:
        return self.to_bytes((x - self.to_reals(high)) * FINER)

    def to_reals(self, x: Tensor, unit: float = 1) -> Tensor:
        return (x.float() - SIGNED) * unit

    def conv(
        self, x: Tensor, name: str, zero: int, out_zero: int, rows: Sequence[int] = ()
    ) -> Tensor:
        y = self._products(x, name, zero).to(torch.int32).float()
        y = (y * self._tensor(f"{name}.multiplier")).round() + out_zero
        y = y.clamp(0, 255).to(torch.uint8)
        return y[..., list(rows)] if rows else y

    def plus(self, x: Tensor, zero: int, change: Tensor, out_zero: int) -> Tensor:
        total = x.int() - zero + change.int() - SIGNED + out_zero
        return total.clamp(0, 255).to(torch.uint8)

    def sums(self, x: Tensor, name: str, zero: int, rows: Sequence[int]) -> Tensor:
        return self._sums(x, name, zero)[..., list(rows)]

    def group_sums(self, x: Tensor, name: str, zero: int) -> Tensor:
        return self._sums(x, name, zero, GROUPS)

    def _sums(self, x: Tensor, name: str, zero: int, groups: int = 1) -> Tensor:
        y = self._products(x, name, zero, groups).to(torch.int32).float()
        return (y * self._tensor(f"{name}.multiplier")).round()

    def linear(self, latents: Tensor, name: str, rows: Sequence[int]) -> Tensor:
        y = (latents * (0.5 * self._tensor(f"{name}.input"))).round()
        high = (y / LINEAR_BASE).round().clamp(-SIGNED, SIGNED - 1)
        low = (y - LINEAR_BASE * high).clamp(-SIGNED, SIGNED - 1)
        high_weight, low_weight = (
            torch.from_numpy(part).to(y.device).double().T
            for part in digits(self._tensor(f"{name}.weight").cpu().numpy())
        )
        upper = LINEAR_BASE * (high.double() @ high_weight)
        upper += high.double() @ low_weight + low.double() @ high_weight
        total = upper.float() + (low.double() @ low_weight).float() / LINEAR_BASE
        multiplier = linear_multiplier(self._tensor(f"{name}.multiplier").cpu().numpy())
        y = (total * torch.from_numpy(multiplier).to(y.device)).round()
        return (y + self._tensor(f"{name}.bias"))[..., list(rows)]

    def rotated(self, x: Tensor, matrix: AnyArray) -> Tensor:
        return (x.double() @ torch.from_numpy(matrix).to(x.device).double().T).float()

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def concat(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([x, y], -1)

    def select(self, x: Tensor, step: int) -> Tensor:
        return select(x.permute(0, 3, 1, 2), step).permute(0, 2, 3, 1)

    def spread(self, x: Tensor, size: int, channels: int) -> Tensor:
        _, h, w, _ = x.shape
        x = x.reshape(h, w, size, size, channels).permute(0, 2, 1, 3, 4)
        return x.reshape(1, h * size, w * size, channels)


@torch.inference_mode()
def torch_synthesis(
    config: CodecConfig,
    tensors: Mapping[str, Tensor],
    latents: Tensor,
    quality: int,
    network: str = SYNTHESIS,
) -> Tensor:
    """Pixels (1, 3, H, W) in about -0.5 to 0.5 of scaled latents (1, M, h, w).

    Args:
        config: of the codec.
        tensors: of the weight file, on the device of the latents.
        latents: scaled.
        quality: 1 to 100.
        network: what the names of its tensors begin with, and a dot.
    """
    ops = TorchOps(tensors, network, quality)
    x = synthesis(config, ops, latents.permute(0, 2, 3, 1)) * PIXEL_STEP
    return x.permute(0, 3, 1, 2)


@torch.inference_mode()
def torch_means(
    tensors: Mapping[str, Tensor], psi: Tensor, latents: Tensor, step: int, quality: int
) -> Tensor:
    """Scaled means (1, M, h/2, w/2) of a step.

    Args:
        tensors: of the weight file, on the device of the maps.
        psi, latents, step: as of `aecodec.codec.walk.Prior.predict`.
        quality: 1 to 100.
    """
    ops = TorchOps(tensors, MEANS[step], quality)
    known = latents.permute(0, 2, 3, 1) if step else None
    mean = means(ops, psi.permute(0, 2, 3, 1), known, step) * MEAN_STEP
    return mean.permute(0, 3, 1, 2)
