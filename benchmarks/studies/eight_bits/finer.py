r"""Quantise the latents of quality 100 more finely, in a codec's weight file as it is.

    python -m benchmarks.studies.eight_bits.finer runs/decoder/codec.safetensors 1.06 \
        -o finer.safetensors

Bytes take a little of the highest quality; this brings it back, for more bits. From the gains' last
anchor but one to the last the factor grows from 1, as gains do.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save

from aecodec.codec import preview
from aecodec.codec.eight_bits.layers import MEANS, SYNTHESIS
from aecodec.codec.steps import STEPS
from aecodec.codec.weights import digest
from aecodec.evaluation.arguments import arguments
from aecodec.nn.arrays import AnyArray
from aecodec.nn.runtime import at_quality
from aecodec.storage.atomic import write_atomically

_QUALITIES = range(1, 101)


def finer(tensors: dict[str, AnyArray], factor: float) -> dict[str, AnyArray]:
    """Tensors of a weight file, those in 8 bits too, with other gains."""
    made = dict(tensors)
    changes = {}
    for name, sign in (("log_gain", 1), ("log_inverse", -1)):
        table = tensors[f"gain.{name}.values"].copy()
        table[-1] += sign * math.log(factor)
        made[f"gain.{name}.values"] = table
        moved = table.astype(np.float32) - tensors[f"gain.{name}.values"].astype(np.float32)
        changes[name] = np.exp([at_quality(moved, quality) for quality in _QUALITIES])
    scaled = {f"{SYNTHESIS}y.multiplier": "log_inverse", f"{SYNTHESIS}linear.input": "log_inverse"}
    for step in range(STEPS):
        scaled[f"{MEANS[step]}latents.multiplier"] = "log_inverse"
        scaled[f"{MEANS[step]}tail.multiplier"] = "log_gain"
    for name, gain in scaled.items():
        if name in tensors:  # the first step has no latents
            made[name] = (tensors[name] * changes[gain]).astype(np.float32)
    return made


def main() -> None:
    parser = arguments(__doc__, data=None, out=None)
    parser.add_argument("weights", type=Path)
    parser.add_argument("factor", type=float)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    with safe_open(args.weights, framework="np") as file:
        metadata = file.metadata()
    data = save(finer(load_file(args.weights), args.factor), metadata=metadata)
    write_atomically(args.out, data, overwrite=False)
    # It is for latents without their gain, and so stays as it is.
    small = preview.load(args.weights, digest(args.weights))
    if small:
        small.save(args.out, digest(args.out))


if __name__ == "__main__":
    main()
