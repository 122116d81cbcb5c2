"""Leave out blocks of the shipped codec of commit 1634d87, as the sixth run began.

    git show 1634d87:aecodec/weights/codec-cpu.safetensors > fifth.safetensors
    python benchmarks/thin_codec.py fifth.safetensors thin.safetensors
    aecodec train codec --recipe codec-cpu-further --start thin.safetensors --data photos

They are those that were worth least to the held-out loss (docs/training.md). The block at 1/4
of the resolution gets its channels in the order in which the synthesis has them now.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

LEFT_OUT = (
    "analysis.blocks.1",
    "analysis.deep_blocks.0",
    "analysis.deep_blocks.2",
    "synthesis.deep_blocks.2",
)


def thin(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the blocks, and those after them renumbered."""
    made = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if ".".join(parts[:3]) in LEFT_OUT:
            continue
        stage = ".".join(parts[:2])
        if stage in {block.rpartition(".")[0] for block in LEFT_OUT}:
            number = int(parts[2])
            parts[2] = str(number - sum(f"{stage}.{n}" in LEFT_OUT for n in range(number)))
        made[".".join(parts)] = tensor
    return made


def reorder(tensors: dict[str, Tensor]) -> None:
    """(colour, row, column) of 4x4 pixels to (row and column of 2x2, those in it, colour)."""
    order = torch.arange(48).view(3, 2, 2, 2, 2).permute(1, 3, 2, 4, 0).flatten()
    fine = "synthesis.fine."
    tensors[fine + "conv1.weight"] = tensors[fine + "conv1.weight"][:, order].contiguous()
    for name in ("conv2.weight", "conv2.bias"):
        tensors[fine + name] = tensors[fine + name][order].contiguous()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    tensors = thin(load_file(args.weights))
    reorder(tensors)
    save_file(tensors, args.out)


if __name__ == "__main__":
    main()
