"""Fit the shipped codec of commit 7dfc389 into the architecture of the seventh run, to begin with.

    git show 7dfc389:aecodec/weights/codec-cpu.safetensors > sixth.safetensors
    python benchmarks/studies/refit_codec.py sixth.safetensors refitted.safetensors
    aecodec train codec --recipe codec-psnr-further --start refitted.safetensors --data photos

Without the synthesis' last residual block at 1/8 of the resolution; features of 1/8 beside the
picture at 1/4, which count for nothing yet. The block between the convolutions there is left to
`--start`.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

LEFT_OUT = "synthesis.blocks.3."
WIDTH, FEATURES = 128, 32


def refit(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    made = {name: tensor for name, tensor in tensors.items() if not name.startswith(LEFT_OUT)}
    torch.manual_seed(0)
    for key, value in nn.Conv2d(WIDTH, 4 * FEATURES, 1).state_dict().items():
        made[f"synthesis.aside.{key}"] = value
    name = "synthesis.fine.conv1.weight"
    made[name] = F.pad(made[name], (0, 0, 0, 0, 0, FEATURES))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    save_file(refit(load_file(args.weights)), args.out)


if __name__ == "__main__":
    main()
