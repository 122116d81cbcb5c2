"""Which hidden channels of the codec's blocks say nothing: those nearly always on one side of zero.

    python -m benchmarks.studies.dead_channels codec-balanced --data photos

Below zero a leaky ReLU is a line of slope 0.01, above it one of slope 1; a channel that never
crosses zero makes its block a linear map. Of held-out photos at three qualities; a table on
standard output.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from aecodec.codec.codec import Codec
from aecodec.codec.torch_networks import TorchCodec
from aecodec.images import find_photos
from aecodec.training.data import centre_crops, load_photos, split_photos

QUALITIES = (20, 50, 85)
SIDE = 256
NEARLY = 0.99  # of the positions


def below_zero(codec: Codec, crops: list[Tensor]) -> dict[str, Tensor]:
    """Of each block's hidden channels, the share of positions below zero, by the block's name."""
    networks = codec.model.networks
    assert isinstance(networks, TorchCodec)
    shares: dict[str, list[Tensor]] = defaultdict(list)
    hooks = []
    for name, layer in networks.network.named_modules():
        if name.endswith("conv1"):

            def note(_layer: nn.Module, _inputs: object, y: Tensor, name: str = name) -> None:
                shares[name].append((y < 0).float().mean((0, 2, 3)))

            hooks.append(layer.register_forward_hook(note))
    for crop in crops:
        image = Image.fromarray(crop[0].permute(1, 2, 0).numpy())
        for quality in QUALITIES:
            codec.decompress(codec.compress(image, quality))
    for hook in hooks:
        hook.remove()
    return {name: torch.stack(some).mean(0) for name, some in shares.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", help="a name or a file")
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--limit", type=int, default=8, help="photos")
    args = parser.parse_args()
    held_out = split_photos(find_photos(args.data), 20)[1][: args.limit]
    crops = centre_crops(load_photos(held_out, least=64), SIDE)
    print("layer|channels|nearly always below zero|nearly always above")
    for name, share in below_zero(Codec("cpu", args.weights, "torch"), crops).items():
        below, above = int((share > NEARLY).sum()), int((share < 1 - NEARLY).sum())
        print(f"{name}|{len(share)}|{below}|{above}")


if __name__ == "__main__":
    main()
