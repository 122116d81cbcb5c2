"""Quantise a codec's synthesis, and measure what that costs and saves.

    python -m benchmarks.studies.eight_bits codec-balanced --data photos -o eight_bits.safetensors

Photos that training held out say what it costs; the layers are fitted to others. CPU seconds are of
one thread, of float and 8 bits in turn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from aecodec.codec.config import CodecConfig
from aecodec.codec.networks import OnnxCodec
from aecodec.codec.weights import load
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table
from aecodec.nn.arrays import AnyArray, FloatArray
from aecodec.storage.atomic import write_atomically
from aecodec.training.data import centre_crops, load_photos, split_photos
from aecodec.weights import find_weights
from benchmarks.studies.eight_bits.fit import fit
from benchmarks.studies.eight_bits.onnx_ops import OnnxNetwork, synthesis_graph
from benchmarks.studies.eight_bits.quantise import Quantiser, layer_names
from benchmarks.studies.eight_bits.samples import Coded, byte_samples, code, float_samples
from benchmarks.studies.eight_bits.torch_ops import torch_synthesis

QUALITIES = (20, 50, 80, 100)  # that are measured
FITTED = ((1, 40, 75), (20, 55, 90), (30, 65, 100))  # that photos are coded at in turn
HELD_OUT, SIDE = 20, 256

Tensors = Mapping[str, AnyArray]
Run = Callable[[Coded], FloatArray]


def crops(photos: Sequence[Path], number: int) -> list[AnyArray]:
    """The middle of some of them, uint8 (1, 3, SIDE, SIDE)."""
    chosen = list(photos)[:: max(1, len(photos) // number)][:number]
    return [crop.numpy() for crop in centre_crops(load_photos(chosen, least=SIDE), SIDE)]


def psnr(pixels: FloatArray, crop: AnyArray) -> float:
    """Of pixels (1, H, W, 3) in -0.5 to 0.5, as they are written."""
    levels = np.clip(np.round((pixels[0] + np.float32(0.5)) * 255), 0, 255)
    error = np.square(levels - crop[0].transpose(1, 2, 0)).mean()
    return float(10 * np.log10(255**2 / error))


def float_run(networks: OnnxCodec) -> Run:
    def run(one: Coded) -> FloatArray:
        latents = one.latents.transpose(0, 3, 1, 2)
        return networks.synthesise(latents, one.quality).transpose(0, 2, 3, 1)

    return run


def byte_run(config: CodecConfig, tensors: Tensors, threads: int = 1) -> Run:
    network = OnnxNetwork(synthesis_graph(config, tensors).graph, threads)

    def run(one: Coded) -> FloatArray:
        found: FloatArray = network(one.latents, one.quality)["x"]
        return found

    return run


def measured(
    runs: Mapping[str, Run], held_out: Sequence[tuple[AnyArray, Coded]]
) -> dict[str, tuple[list[float], float]]:
    """Of each run the PSNR at each of `QUALITIES`, and the median CPU seconds of a crop."""
    found: dict[str, list[tuple[int, float, float]]] = {name: [] for name in runs}
    for crop, one in held_out:
        for name, run in runs.items():
            start = time.process_time()
            pixels = run(one)
            seconds = time.process_time() - start
            found[name].append((one.quality, psnr(pixels, crop), seconds))
    return {
        name: (
            [float(np.mean([p for q, p, _ in rows if q == quality])) for quality in QUALITIES],
            float(np.median([s for _, _, s in rows])),
        )
        for name, rows in found.items()
    }


def same_everywhere(config: CodecConfig, tensors: Tensors, coded: Sequence[Coded]) -> int:
    """How many pictures are the same to the bit from one and two threads and from torch."""
    one, two = (byte_run(config, tensors, threads) for threads in (1, 2))
    same = 0
    for picture in coded:
        pixels = one(picture).tobytes()
        others = (
            two(picture),
            torch_synthesis(config, tensors, picture.latents, picture.quality),
        )
        same += all(pixels == other.tobytes() for other in others)
    return same


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="eight_bits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", help="name or file")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=15, help="to fit to")
    parser.add_argument("--others", type=int, default=8, help="held out, to measure on")
    parser.add_argument("-o", "--out", type=Path, help="the tensors, .safetensors")
    args = parser.parse_args(arguments)

    path = find_weights(args.weights)
    with safe_open(path, framework="np") as file:
        config = CodecConfig.from_json(file.metadata()["config"])
    model, _ = load(path, "onnx")
    photos = list_photos(args.data)
    training, validation = split_photos(photos, min(HELD_OUT, len(photos) // 2))
    qualities = [FITTED[k % len(FITTED)] for k in range(args.photos)]
    seen = [
        code(model, crop, quality)
        for crop, three in zip(crops(training, args.photos), qualities, strict=False)
        for quality in three
    ]
    held_out = [
        (crop, code(model, crop, quality))
        for crop in crops(validation, args.others)
        for quality in QUALITIES
    ]

    quantiser = Quantiser(config, model.tensors, float_samples(config, model.tensors, seen))
    rounded = quantiser.tensors()
    found = byte_samples(config, rounded, seen)
    errors = {name: fit(quantiser, name, found, seen) for name in layer_names(config)}
    tensors = quantiser.tensors()
    rows = [(n, *(f"{e / error.power:.5f}" for e in error[:2])) for n, error in errors.items()]
    print(markdown_table(("layer, error of its power", "rounded", "fitted"), rows))

    runs = {
        "float": float_run(OnnxCodec(config, model.tensors)),
        "8 bits, rounded": byte_run(config, rounded),
        "8 bits, fitted": byte_run(config, tensors),
    }
    figures = measured(runs, held_out)
    header = ("synthesis", *(f"dB at {q}" for q in QUALITIES), "ms of one thread")
    table = [
        (name, *(f"{value:.3f}" for value in values), f"{1000 * seconds:.1f}")
        for name, (values, seconds) in figures.items()
    ]
    print(markdown_table(header, table))
    few = [coded for _, coded in held_out[: len(QUALITIES)]]
    few += [Coded(q, np.ascontiguousarray(y[:, :7, :11])) for q, y in few]
    print(
        f"the same from 1 and 2 threads and torch: {same_everywhere(config, tensors, few)} of"
        f" {len(few)} pictures"
    )
    if args.out:
        data = save(tensors, metadata={"config": config.to_json()})
        write_atomically(args.out, data, overwrite=True)


if __name__ == "__main__":
    main()
