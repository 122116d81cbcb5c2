"""Put a codec's decoder into 8 bits, and measure what that costs and saves.

    python -m benchmarks.studies.eight_bits codec-balanced --data photos -o eight_bits.safetensors

Photos that training held out say what it costs; the layers are fitted to others. Milliseconds are
of one thread's CPU time, of float and 8 bits in turn.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from aecodec.codec.config import CodecConfig
from aecodec.codec.inference import InferenceModel
from aecodec.codec.networks import Networks, OnnxCodec
from aecodec.codec.weights import load
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table
from aecodec.nn.arrays import AnyArray
from aecodec.storage.atomic import write_atomically
from aecodec.training.data import split_photos
from aecodec.training.eight_bits.fit import Error, fit
from aecodec.training.eight_bits.means import byte_means
from aecodec.training.eight_bits.quantise import SynthesisQuantiser
from aecodec.training.eight_bits.samples import Coded, code, float_samples
from aecodec.weights import find_weights
from benchmarks.studies.eight_bits.runs import Crop, crops, psnr

QUALITIES = (20, 50, 80, 100)  # that are measured
FITTED = ((1, 40, 75), (20, 55, 90), (30, 65, 100))  # that photos are coded at in turn
HELD_OUT = 20

Tensors = Mapping[str, AnyArray]
Errors = dict[str, Error]


def fitted_synthesis(
    config: CodecConfig, tensors: Tensors, seen: Sequence[Coded]
) -> tuple[dict[str, AnyArray], dict[str, AnyArray], Errors]:
    """Tensors whose weights are rounded, and fitted ones; and the errors of the fits."""
    quantiser = SynthesisQuantiser(config, tensors, float_samples(config, tensors, seen))
    rounded = quantiser.tensors()
    qualities = [one.quality for one in seen]
    errors = {name: fit(quantiser, name, qualities) for name in quantiser.names()}
    return rounded, quantiser.tensors(), errors


def picture_table(codecs: Mapping[str, Networks], held_out: Sequence[Crop]) -> str:
    """Of each codec the PSNR at each of `QUALITIES`, and the median CPU time of a crop."""
    rows: dict[str, list[tuple[int, float, float]]] = {name: [] for name in codecs}
    for crop in held_out:
        for one in crop.coded:
            for name, networks in codecs.items():
                start = time.process_time()
                decibels = psnr(networks, one, crop.pixels)
                seconds = time.process_time() - start
                rows[name].append((one.quality, decibels, seconds))
    table = []
    for name, found in rows.items():
        values = [np.mean([p for q, p, _ in found if q == quality]) for quality in QUALITIES]
        milliseconds = 1000 * np.median([seconds for *_, seconds in found])
        table.append((name, *(f"{value:.3f}" for value in values), f"{milliseconds:.1f}"))
    return markdown_table(("synthesis", *(f"dB at {q}" for q in QUALITIES), "ms"), table)


def size_table(models: Mapping[str, InferenceModel], held_out: Sequence[Crop]) -> str:
    """Bytes of all crops at each of `QUALITIES`."""
    table = []
    for name, model in models.items():
        totals = [0] * len(QUALITIES)
        for crop in held_out:
            pixels = crop.pixels.astype(np.float32) / 255 - np.float32(0.5)
            for number, quality in enumerate(QUALITIES):
                y = model.analyse(pixels, quality)
                totals[number] += len(model.encode_latents(y, quality, rdoq=True))
        table.append((name, *map(str, totals)))
    return markdown_table(("means", *(f"bytes at {q}" for q in QUALITIES)), table)


def main() -> None:
    parser = arguments(__doc__, data="folder of training photos", out=None)
    parser.add_argument("weights", help="name or file")
    parser.add_argument("--photos", type=int, default=48, help="to fit to")
    parser.add_argument("--others", type=int, default=8, help="held out, to measure on")
    parser.add_argument("-o", "--out", type=Path, help="the weight file")
    args = parser.parse_args()

    path = find_weights(args.weights)
    with safe_open(path, framework="np") as file:
        config = CodecConfig.from_json(file.metadata()["config"])
    model, _ = load(path, "onnx")
    tensors, photos = model.tensors, list_photos(args.data)
    training, validation = split_photos(photos, min(HELD_OUT, len(photos) // 2))
    asked = [
        (crop, quality)
        for number, crop in enumerate(crops(training, args.photos))
        for quality in FITTED[number % len(FITTED)]
    ]
    held_out = [
        Crop(crop, [code(model, crop, quality) for quality in QUALITIES])
        for crop in crops(validation, args.others)
    ]

    seen = [code(model, crop, quality) for crop, quality in asked]
    rounded, synthesis, errors = fitted_synthesis(config, tensors, seen)
    means, mean_errors = byte_means(config, tensors, asked)
    rows = [
        (name, f"{error.before / error.power:.5f}", f"{error.after / error.power:.5f}")
        for name, error in (errors | mean_errors).items()
    ]
    print(markdown_table(("error, of the layer's power", "rounded", "fitted"), rows))
    codecs = {
        "float": model.networks,
        "8 bits, rounded": OnnxCodec(config, {**tensors, **rounded}),
        "8 bits, fitted": OnnxCodec(config, {**tensors, **synthesis}),
    }
    print(picture_table(codecs, held_out))
    in_bytes = OnnxCodec(config, {**tensors, **means})
    models = {"float": model, "8 bits": InferenceModel(config, tensors, in_bytes)}
    print(size_table(models, held_out))
    if args.out:
        data = save({**tensors, **synthesis, **means}, metadata={"config": config.to_json()})
        write_atomically(args.out, data, overwrite=True)


if __name__ == "__main__":
    main()
