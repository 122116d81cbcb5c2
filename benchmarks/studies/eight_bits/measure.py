r"""What a codec whose decoder is in 8 bits loses on held-out photos, against another of floats.

    python -m benchmarks.studies.eight_bits.measure codec-balanced runs/decoder/codec.safetensors \
        --data photos

Bytes are of each codec's own means. BD-rate is by PSNR, and so in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aecodec.codec.inference import InferenceModel
from aecodec.codec.weights import load
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.bd_rate import bd_rate
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table
from aecodec.nn.arrays import AnyArray
from aecodec.training.data import split_photos
from aecodec.training.eight_bits.samples import code
from aecodec.weights import find_weights
from benchmarks.studies.eight_bits.runs import crops, psnr

QUALITIES = (5, 20, 35, 50, 65, 80, 90, 100)
SHOWN = (20, 50, 80, 100)
HELD_OUT = 20


class Measured(NamedTuple):
    """Of each crop at each quality: (crops, qualities)."""

    bits: AnyArray
    decibels: AnyArray


def measured(model: InferenceModel, held_out: Sequence[AnyArray]) -> Measured:
    bits, decibels = [], []
    for crop in held_out:
        x = crop.astype(np.float32) / 255 - np.float32(0.5)
        for quality in QUALITIES:
            y = model.analyse(x, quality)
            bits.append(8.0 * len(model.encode_latents(y, quality, rdoq=True)))
            decibels.append(psnr(model.networks, code(model, crop, quality), crop))
    shape = (len(held_out), len(QUALITIES))
    return Measured(np.reshape(bits, shape), np.reshape(decibels, shape))


def row(name: str, found: Measured, floats: Measured) -> list[str]:
    lost = (found.decibels - floats.decibels).mean(0)
    more = 100 * (found.bits.sum(0) / floats.bits.sum(0) - 1)
    rates = [
        bd_rate(floats.bits[n], floats.decibels[n], found.bits[n], found.decibels[n])
        for n in range(len(found.bits))
    ]
    places = [QUALITIES.index(quality) for quality in SHOWN]
    return [
        name,
        *(f"{lost[place]:+.3f}" for place in places),
        *(f"{more[place]:+.2f}" for place in places),
        f"{np.mean(rates):+.2f} %",
    ]


def main() -> None:
    parser = arguments(__doc__, data="folder of training photos", out=None)
    parser.add_argument("weights", help="of the float codec: name or file")
    parser.add_argument("others", nargs="+", help="in 8 bits")
    parser.add_argument("--scale", type=float, default=0.5, help="of the photos")
    parser.add_argument("--photos", type=int, default=HELD_OUT)
    args = parser.parse_args()

    photos = list_photos(args.data)
    _, validation = split_photos(photos, min(HELD_OUT, len(photos) // 2))
    held_out = crops(validation, args.photos, args.scale)
    floats = measured(load(find_weights(args.weights), "onnx")[0], held_out)
    rows = [
        row(name, measured(load(find_weights(name), "onnx")[0], held_out), floats)
        for name in args.others
    ]
    columns = ["codec", *(f"dB at {q}" for q in SHOWN), *(f"% of bytes at {q}" for q in SHOWN)]
    means = floats.decibels.mean(0)
    print("float: " + ", ".join(f"{means[QUALITIES.index(q)]:.2f} dB at {q}" for q in SHOWN))
    print(markdown_table([*columns, "BD-rate"], rows))


if __name__ == "__main__":
    main()
