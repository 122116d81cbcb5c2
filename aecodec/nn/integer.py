"""Convolutions in exact integer arithmetic, and their quantisation-aware twin for training.

An entropy decoder must reproduce the encoder's probabilities to the last bit, on
any machine. Floating-point convolutions do not: the order of summation differs
between libraries, thread counts and devices. Here weights and activations are
integers; `ExactConv2d` computes them as 8-bit products where the processor has these,
else in floats, where every product and partial sum is an integer below 2**24 or 2**53
and therefore exact in any order (Ballé et al., "Integer networks for data compression
with latent-variable models", 2019).

Activations are unsigned 8-bit integers standing for `integer * ACTIVATION_STEP`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aecodec.nn.blocks import QualityTable
from aecodec.nn.device import has_int8_products
from aecodec.nn.integer_units import ACTIVATION_MAX, ACTIVATION_STEP, WEIGHT_MAX
from aecodec.nn.quantization import inward_clamp, round_ste


class QuantAwareConv2d(nn.Module):
    """Training twin of `ExactConv2d`: float parameters, rounded in the forward pass.

    Args:
        in_channels, out_channels, kernel_size: as in `torch.nn.Conv2d`, "same" padding.
        in_step: real value of one input unit.
        out_step: real value of one output unit.
        anchors: number of quality anchors of the bias.
        groups: as in `torch.nn.Conv2d`.
        activation: clamp the output to [0, 255] (a quantised ReLU); otherwise the
            rounded output is returned as it is.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        in_step: float = ACTIVATION_STEP,
        out_step: float = ACTIVATION_STEP,
        anchors: int,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        shape = (out_channels, in_channels // groups, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.bias = QualityTable(anchors, out_channels)
        self.in_step, self.out_step, self.activation = in_step, out_step, activation
        self.groups = groups

    def quantised_weight(self) -> tuple[Tensor, Tensor]:
        """Integer weights in [-127, 127] and the real value of one unit, per output channel."""
        scale = self.weight.detach().abs().amax((1, 2, 3)).clamp_min(1e-8) / WEIGHT_MAX
        return round_ste(self.weight / scale[:, None, None, None]), scale

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        """Integer-valued activations (B, C, H, W), from integer-valued ones."""
        weight, scale = self.quantised_weight()
        total = F.conv2d(x, weight, padding=self.weight.shape[-1] // 2, groups=self.groups).float()
        bias = round_ste(self.bias(quality) / (scale * self.in_step))[:, :, None, None]
        multiplier = (scale * (self.in_step / self.out_step))[:, None, None]
        out = (total + bias) * multiplier
        if self.activation:
            out = inward_clamp(out, 0, ACTIVATION_MAX)
        return round_ste(out)

    @torch.no_grad()
    def export(self) -> dict[str, Tensor]:
        """The integers of `ExactConv2d`: int8 weight, int32 bias (100, C), float32 multiplier."""
        weight, scale = self.quantised_weight()
        qualities = torch.arange(1, 101, device=scale.device)
        bias = torch.round(self.bias(qualities) / (scale * self.in_step))
        return {
            "weight": torch.round(weight).to(torch.int8),
            "bias": bias.to(torch.int32),
            "multiplier": (scale * (self.in_step / self.out_step)).float(),
        }


class ExactConv2d(nn.Module):
    """A convolution whose result is the same integer on every machine.

    Same arguments as `QuantAwareConv2d`. Inputs, of magnitude up to 255, and outputs are
    integer-valued float32 tensors; `quality` is one integer in [1, 100] for the whole
    batch.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        in_step: float = ACTIVATION_STEP,
        out_step: float = ACTIVATION_STEP,
        anchors: int,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.groups, self.activation = kernel_size, groups, activation
        self.of_activations = in_step == ACTIVATION_STEP  # inputs are 0 to 255
        shape = (out_channels, in_channels // groups, kernel_size, kernel_size)
        self.register_buffer("weight", torch.zeros(shape, dtype=torch.int8))
        self.register_buffer("bias", torch.zeros(100, out_channels, dtype=torch.int32))
        self.register_buffer("multiplier", torch.ones(out_channels))
        self.weight: Tensor
        self.bias: Tensor
        self.multiplier: Tensor
        self.register_buffer("_taps", torch.empty(0), persistent=False)
        self._taps: Tensor
        self.register_buffer("_int8_taps", torch.empty(0), persistent=False)
        self._int8_taps: Tensor
        self.register_buffer("_lacking", torch.empty(0), persistent=False)
        self._lacking: Tensor
        self._largest_sum = float("inf")
        self.register_load_state_dict_post_hook(_arrange_taps)

    def forward(self, x: Tensor, quality: int) -> Tensor:
        """Integer-valued activations (B, C, H, W), from integer-valued ones."""
        int8 = self.of_activations and x.device.type == "cpu" and has_int8_products()
        out = (self._int8_sums(x) if int8 else self._float_sums(x)).double()
        out += self.bias[quality - 1].double()[:, None, None]
        # Each is one IEEE operation in float32, and so defined to the last bit.
        out = (out.float() * self.multiplier[:, None, None]).round_()
        return out.clamp_(0, ACTIVATION_MAX) if self.activation else out

    def _int8_sums(self, x: Tensor) -> Tensor:
        """Sums of products (B, C, H, W), int32: one product of matrices for each group."""
        batch, channels, height, width = x.shape
        kernel, margin = self.kernel_size, self.kernel_size // 2
        # Less 128, so that they fit into signed bytes: the sums lack 128 times the weights.
        shifted = (x.permute(0, 2, 3, 1) - 128).to(torch.int8)
        if margin:
            shifted = F.pad(shifted, (0, 0, margin, margin, margin, margin), value=-128)
        grouped = shifted.unflatten(-1, (self.groups, channels // self.groups))
        patches = [
            grouped[:, row : row + height, column : column + width]
            for row in range(kernel)
            for column in range(kernel)
        ]
        rows = torch.cat(patches, dim=-1).flatten(0, 2) if margin else grouped.flatten(0, 2)
        parts = [
            torch._int_mm(rows[:, group].contiguous(), taps)
            for group, taps in enumerate(self._int8_taps)
        ]
        sums = (torch.cat(parts, dim=-1) if self.groups > 1 else parts[0]).add_(self._lacking)
        return sums.view(batch, height, width, -1).permute(0, 3, 1, 2)

    def _float_sums(self, x: Tensor) -> Tensor:
        """The same in floating point."""
        batch, _, height, width = x.shape
        kernel, margin = self.kernel_size, self.kernel_size // 2
        # matmul, never conv2d: a library may pick a Winograd kernel, which is not exact.
        dtype = torch.float32 if self._float32_is_exact(x.device) else torch.float64
        padded = x.permute(0, 2, 3, 1).to(dtype)
        if margin:  # F.pad by nothing would copy
            padded = F.pad(padded, (0, 0, margin, margin, margin, margin))
        columns = padded.shape[2]
        rows = padded.reshape(-1, self.groups, x.shape[1] // self.groups).transpose(0, 1)
        # In the list of all positions, row after row, a kernel position is a constant offset.
        # Sums accumulate in place, in the processor's cache; those of the margins are junk.
        sums = rows.new_empty(self.groups, rows.shape[1], self._taps.shape[-1])
        length = rows.shape[1] - (kernel - 1) * (columns + 1)
        total = sums[:, :length]
        for place, tap in enumerate(self._taps.to(dtype)):
            start = place // kernel * columns + place % kernel
            beta = 1 if place else 0
            total.baddbmm_(rows[:, start : start + length], tap, beta=beta)
        inner = sums.unflatten(1, (batch, -1, columns))[:, :, :height, :width]
        return inner.permute(1, 0, 4, 2, 3).flatten(1, 2)

    def _float32_is_exact(self, device: torch.device) -> bool:
        """Whether float32, twice as fast, gives the same integers.

        It does when every partial sum stays below 2**24 and nothing rounds the factors
        first: no autocast, no TF32 or bfloat16 products (left to GPUs and global settings).
        """
        plain = device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        return plain and self._largest_sum < 2**24 and _float32_is_plain()


def _float32_is_plain() -> bool:
    try:
        return torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # set by torch's newer switches, which this one refuses to sum up
        return False


def _arrange_taps(layer: ExactConv2d, _incompatible_keys: object) -> None:
    """Weights, ready for products.

    `_taps` are float32 integers (kernel positions, groups, in, out); `_int8_taps` (groups,
    kernel positions and in, out); `_lacking` is what 128 in each input adds to an output.
    """
    grouped = layer.weight.unflatten(0, (layer.groups, -1)).permute(3, 4, 0, 2, 1)
    layer._taps = grouped.flatten(0, 1).float().contiguous()
    layer._int8_taps = grouped.flatten(0, 1).transpose(0, 1).flatten(1, 2).contiguous()
    layer._lacking = 128 * layer.weight.int().sum((1, 2, 3), dtype=torch.int32)
    sums = layer.weight.double().abs().sum((1, 2, 3))
    layer._largest_sum = ACTIVATION_MAX * float(sums.max())
