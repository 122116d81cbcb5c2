"""After training: the network that says what to expect of hyper-latents.

These stay what the analysis makes of pictures; only what they cost is learned.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor

from aecodec.codec.config import CodecConfig
from aecodec.codec.hyper_prior import QUARTERS, SCALES, activations
from aecodec.codec.inference import InferenceModel
from aecodec.codec.prior import HyperPrior, scale_of_index
from aecodec.codec.rounding import gaussian_bits
from aecodec.codec.steps import GROUPS, STEPS, parities
from aecodec.nn.integer import QuantAwareConv2d
from aecodec.nn.quantization import inward_clamp

_BATCH, _RATE, _DECAY = 12, 3e-3, 0.02
_MAPS, _MOST = 1600, 25  # to learn from in all, and of a crop; at least two of each
_UNSEEN = 8  # of so many crops one
_INDEX_STEP = 8  # indices in one of what the network gives


def untrained_hyper_prior(config: CodecConfig, index: Tensor) -> HyperPrior:
    """A network that expects zero, with scale indices (100, N) of each quality."""
    with torch.random.fork_rng(devices=[]):  # the same each time
        torch.manual_seed(0)
        prior = HyperPrior(config, QuantAwareConv2d)
    anchors = torch.linspace(0, 99, config.anchors).round().long()
    with torch.no_grad():
        prior.head.weight.zero_()
        prior.scale.bias.values.copy_(index[anchors] / _INDEX_STEP)
    return prior


def hyper_prior_tensors(prior: HyperPrior) -> dict[str, Tensor]:
    """As a weight file has them."""
    return {
        f"hyper_prior.{name}.{key}": value
        for name, layer in prior.named_children()
        if isinstance(layer, QuantAwareConv2d)
        for key, value in layer.export().items()
    }


@torch.inference_mode(False)
@torch.enable_grad()
def fitted_hyper_prior(model: InferenceModel, crops: Sequence[Tensor], steps: int) -> HyperPrior:
    """The network, trained on some crops at all qualities.

    If it saves nothing on one crop in eight, which it does not see, it is the untrained one.

    Args:
        model: with whatever network of this kind.
        crops: uint8 (1, 3, H, W), H and W multiples of 64.
        steps: of training.
    """
    untrained = untrained_hyper_prior(model.config, torch.from_numpy(model.hyper_index).float())
    unseen, seen = crops[::_UNSEEN], [c for n, c in enumerate(crops) if n % _UNSEEN]
    if not (seen and steps):
        return untrained
    torch.manual_seed(0)
    prior = deepcopy(untrained)
    torch.nn.init.kaiming_normal_(prior.head.weight, nonlinearity="relu")
    for last in (prior.mean, prior.scale):
        last.weight.data.mul_(0.1)
    optimizer = torch.optim.AdamW(prior.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    batches = _batches(_maps(model, seen))
    for _ in range(steps):
        z, quality = next(batches)
        optimizer.zero_grad()
        hyper_bits(prior, z, quality).mean().backward()
        optimizer.step()
        schedule.step()
    others = [one for maps in _maps(model, unseen).values() for one in maps]
    with torch.no_grad():
        bits = [
            sum(float(hyper_bits(one, z[None], torch.tensor([q])).sum()) for z, q in others)
            for one in (untrained, prior)
        ]
    return prior if bits[1] < bits[0] else untrained


def hyper_bits(prior: HyperPrior, z: Tensor, quality: Tensor) -> Tensor:
    """What each of z (B, N, h, w), h and w even, at qualities (B,), costs in its step."""
    known = torch.zeros(1, GROUPS, *z.shape[2:])
    channels, bits = z.shape[1] // GROUPS, torch.zeros_like(z)
    for step in range(STEPS):
        here = torch.zeros_like(known)
        for group, (row, column) in enumerate(parities(step)):
            here[:, group, row::2, column::2] = 1
        seen = known.repeat_interleave(channels, 1) * z
        mean, index = prior(activations(seen, known.expand(len(z), -1, -1, -1)), quality)
        scale = scale_of_index(inward_clamp(index, 0, SCALES - 1))
        costs = gaussian_bits(z - mean / QUARTERS, scale)
        bits = bits + here.repeat_interleave(channels, 1) * costs
        known = known + here
    return bits


def _maps(
    model: InferenceModel, crops: Sequence[Tensor]
) -> dict[tuple[int, ...], list[tuple[Tensor, float]]]:
    """Hyper-latents of crops at qualities of their own, by shape."""
    count = min(max(2, math.ceil(_MAPS / max(1, len(crops)))), _MOST)
    found = defaultdict(list)
    for number, crop in enumerate(crops):
        pixels = (crop.float() / 255 - 0.5).numpy()
        first = number * 0.618 % 1  # of an interval between two of its qualities
        for quality in np.rint(1 + 99 * (np.arange(count) + first) / count).astype(int).tolist():
            z = torch.from_numpy(model.hyper_latents(model.analyse(pixels, quality), quality))
            height, width = z.shape[2:]
            z = torch.nn.functional.pad(z, (0, width % 2, 0, height % 2))
            found[tuple(z.shape)].append((z[0], float(quality)))
    return found


def _batches(
    maps: dict[tuple[int, ...], list[tuple[Tensor, float]]],
) -> Iterator[tuple[Tensor, Tensor]]:
    shapes = list(maps)
    shares = torch.tensor([float(len(maps[shape])) for shape in shapes])
    while True:
        same = maps[shapes[int(torch.multinomial(shares, 1))]]
        chosen = [same[i] for i in torch.randint(len(same), (_BATCH,)).tolist()]
        yield torch.stack([z for z, _ in chosen]), torch.tensor([q for _, q in chosen])
