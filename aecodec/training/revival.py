"""Hidden channels of residual blocks that never cross zero, made to say something again.

Below zero a leaky ReLU is a line, and a block whose hidden channels are all there is a linear map,
which training by itself does not leave (docs/lab/codec.md). Such channels are moved to lie around
zero, with an activation that is a line at first and bends step by step, so that the network never
loses what it has learned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aecodec.codec.model import CodecModel
from aecodec.nn.blocks import ResidualBlock
from aecodec.nn.leak import SLOPE

_NEARLY = 0.99  # of the positions
_QUALITIES = (1.0, 25.0, 50.0, 75.0, 100.0)


@torch.no_grad()
def revive(model: CodecModel, crops: Sequence[Tensor]) -> dict[str, Tensor]:
    """Move the hidden channels that are below zero nearly everywhere to where they cross it.

    With a slope of 1 on both sides, which `bend` gives them at first, the blocks do what they
    did, but at the borders of pictures.

    Args:
        model: on whatever device.
        crops: uint8 (1, 3, H, W), H and W multiples of 64.

    Returns:
        Which channels of which blocks, bool (hidden,) by the blocks' names.
    """
    blocks = {name: m for name, m in model.named_modules() if isinstance(m, ResidualBlock)}
    below, means = _measure(model, blocks, crops)
    revived = {}
    for name, block in blocks.items():
        dead = below[name] > _NEARLY
        modulation = block.conv1.modulation
        if not dead.any() or modulation is None:
            continue
        mean = torch.where(dead, means[name], 0)
        modulation.values[:, len(dead) :] -= mean
        weight, bias = block.conv2.weight, block.conv2.bias
        assert bias is not None
        weight[:, dead] *= SLOPE
        bias += (weight * mean[:, None, None]).sum((1, 2, 3))
        revived[name] = dead
    return revived


def bend(model: nn.Module, revived: dict[str, Tensor], straight: float) -> None:
    """Set the slope below zero of revived channels: 1 where `straight` is 1, as others at 0."""
    for name, dead in revived.items():
        block = model.get_submodule(name)
        assert isinstance(block, ResidualBlock)
        slopes = SLOPE + (1 - SLOPE) * straight * dead.float()
        block.slopes = slopes.to(block.conv1.weight.device) if straight > 0 else None


def _measure(
    model: CodecModel, blocks: dict[str, ResidualBlock], crops: Sequence[Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Of each hidden channel, the share of positions below zero, and the mean."""
    below: dict[str, list[Tensor]] = defaultdict(list)
    means: dict[str, list[Tensor]] = defaultdict(list)
    hooks = []
    for name, block in blocks.items():

        def note(_layer: nn.Module, _inputs: object, y: Tensor, name: str = name) -> None:
            below[name].append((y < 0).float().mean((0, 2, 3)))
            means[name].append(y.float().mean((0, 2, 3)))

        hooks.append(block.conv1.register_forward_hook(note))
    training, device = model.training, model.symbol_bits.device
    model.eval()
    for crop in crops:
        x = (crop.to(device).float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
        for quality in _QUALITIES:
            model(x, torch.tensor([quality], device=device))
    model.train(training)
    for hook in hooks:
        hook.remove()
    return tuple(
        {name: torch.stack(some).mean(0) for name, some in found.items()}
        for found in (below, means)
    )  # type: ignore[return-value]
