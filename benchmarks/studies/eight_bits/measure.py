r"""What a trained decoder in 8 bits loses on held-out photos.

    python -m benchmarks.studies.eight_bits.measure codec-balanced runs/decoder/codec.safetensors \
        --data photos

Both decoders are given the same latents, so that the files are the same; BD-rate says how much
smaller they could be for what is lost in PSNR.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import PREFIX
from aecodec.codec.networks import OnnxCodec
from aecodec.codec.weights import load
from aecodec.evaluation.bd_rate import bd_rate
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table
from aecodec.nn.arrays import AnyArray
from aecodec.training.data import split_photos
from aecodec.training.eight_bits.samples import code
from aecodec.weights import find_weights
from benchmarks.studies.eight_bits.runs import Crop, Run, byte_run, crops, float_run, psnr

QUALITIES = (5, 20, 35, 50, 65, 80, 90, 100)
SHOWN = (20, 50, 80, 100)
HELD_OUT = 20


def decoder_tensors(path: Path) -> dict[str, AnyArray]:
    """As `byte_run` takes them, of a codec's weight file that has them."""
    tensors = load_file(path).items()
    return {f"synthesis.{n.removeprefix(PREFIX)}": t for n, t in tensors if n.startswith(PREFIX)}


def psnrs(run: Run, held_out: Sequence[Crop]) -> list[list[float]]:
    """Of each crop at each quality."""
    return [[psnr(run(one), crop.pixels) for one in crop.coded] for crop in held_out]


def row(
    name: str, found: list[list[float]], floats: list[list[float]], bits: list[list[float]]
) -> list[str]:
    lost = np.mean(np.subtract(found, floats), 0)
    shown = [f"{lost[QUALITIES.index(quality)]:+.3f}" for quality in SHOWN]
    rates = [bd_rate(b, f, b, p) for b, f, p in zip(bits, floats, found, strict=True)]
    return [name, *shown, f"{lost.mean():+.3f}", f"{np.mean(rates):+.2f} %"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", help="of the codec: name or file")
    parser.add_argument(
        "decoders", nargs="+", type=Path, help="weight files with decoders in 8 bits"
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=0.5, help="of the photos")
    parser.add_argument("--photos", type=int, default=HELD_OUT)
    args = parser.parse_args(arguments)

    path = find_weights(args.weights)
    with safe_open(path, framework="np") as file:
        config = CodecConfig.from_json(file.metadata()["config"])
    model, _ = load(path, "onnx")
    photos = list_photos(args.data)
    _, validation = split_photos(photos, min(HELD_OUT, len(photos) // 2))
    held_out, bits = [], []
    for crop in crops(validation, args.photos, args.scale):
        x = crop.astype(np.float32) / 255 - np.float32(0.5)
        held_out.append(Crop(crop, [code(model, crop, quality) for quality in QUALITIES]))
        bits.append(
            [
                8.0 * len(model.encode_latents(model.analyse(x, quality), quality, rdoq=True))
                for quality in QUALITIES
            ]
        )
    floats = psnrs(float_run(OnnxCodec(config, model.tensors)), held_out)
    columns = ["decoder", *(f"dB at {q}" for q in SHOWN), "mean of eight", "BD-rate"]
    rows = []
    for decoder in args.decoders:
        found = psnrs(byte_run(config, decoder_tensors(decoder)), held_out)
        rows.append(row(str(decoder), found, floats, bits))
    means = np.mean(floats, 0)
    print("float: " + ", ".join(f"{means[QUALITIES.index(q)]:.2f} dB at {q}" for q in SHOWN))
    print(markdown_table(columns, rows))


if __name__ == "__main__":
    main()
