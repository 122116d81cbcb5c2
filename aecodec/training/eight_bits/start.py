"""The synthesis in 8 bits that training begins with: rounded, and fitted layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from aecodec.codec.eight_bits.layers import SYNTHESIS
from aecodec.codec.model import CodecModel
from aecodec.nn.arrays import AnyArray
from aecodec.training.eight_bits.fit import fit
from aecodec.training.eight_bits.quantise import SynthesisQuantiser
from aecodec.training.eight_bits.samples import Coded, float_samples
from aecodec.training.export import inference_tensors


@torch.no_grad()
def byte_tensors(
    model: CodecModel, batches: Sequence[Tensor], fitted: bool = True
) -> dict[str, AnyArray]:
    """Tensors of a float codec's synthesis in 8 bits, by their names without the network's.

    Args:
        model: the codec, on whatever device.
        batches: crops of photographs, uint8 (B, 3, H, W), all of one size. Their activations say
            what a unit of each byte is.
        fitted: fit the whole numbers of each layer to what the float layer gives.
    """
    training = model.training
    model.eval()
    coded = [one for number, batch in enumerate(batches) for one in _coded(model, batch, number)]
    model.train(training)
    cpu = {name: tensor.cpu().numpy() for name, tensor in inference_tensors(model).items()}
    quantiser = SynthesisQuantiser(model.config, cpu, float_samples(model.config, cpu, coded))
    tensors = quantiser.tensors()
    if fitted:
        for name in quantiser.names():
            fit(quantiser, name, [one.quality for one in coded])
        tensors = quantiser.tensors()
    return {name.removeprefix(SYNTHESIS): tensor for name, tensor in tensors.items()}


def qualities(count: int, number: int) -> list[int]:
    """Of the crops of a batch of some number: from 1 to 100, spread evenly over batches."""
    spread = (np.arange(count) + (number * 0.618) % 1) / count
    found: list[int] = (1 + np.floor(100 * spread)).clip(1, 100).astype(int).tolist()
    return found


def _coded(model: CodecModel, batch: Tensor, number: int) -> list[Coded]:
    device = model.symbol_bits.device
    quality = torch.tensor(qualities(len(batch), number), device=device)
    x = (batch.to(device).float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
    latents = model.code(x, quality)[0].float().permute(0, 2, 3, 1).cpu().numpy()
    return [
        Coded(int(q), np.ascontiguousarray(y[None]))
        for q, y in zip(quality.tolist(), latents, strict=True)
    ]
