"""The network for hyper-latents of a weight file, fitted anew to many crops, and their tables.

    python -m benchmarks.studies.hyper_prior codec-psnr --data photos --steps 4000 \
        -o runs/hyper/codec-psnr.safetensors

Whatever else the file has stays, but for the last bit of its floats, which an export leaves zero.
Training does so with fewer crops and steps when it is done. Prints what z
costs on crops of the held-out photos, in bits a pixel, before and after.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save
from torch import Tensor

from aecodec.codec import hyper_prior
from aecodec.codec.config import CodecConfig
from aecodec.codec.entropy import IndexArray, Int32Array
from aecodec.codec.inference import InferenceModel
from aecodec.codec.preview import load as load_preview
from aecodec.codec.weights import digest, inference_model
from aecodec.evaluation.arguments import arguments
from aecodec.images import find_photos
from aecodec.nn.arrays import AnyArray
from aecodec.storage.atomic import write_atomically
from aecodec.training.bank import drawn_bank
from aecodec.training.codec_calibration import assumed_tables, calibrated_tables
from aecodec.training.data import centre_crops, load_photos, split_photos
from aecodec.training.export import short_half, table_tensors
from aecodec.training.hyper_prior import (
    fitted_hyper_prior,
    hyper_prior_tensors,
    untrained_hyper_prior,
)
from aecodec.weights import find_weights

_SIDE, _HELD_OUT, _SCALES = 768, 20, (1.0, 0.7, 0.5, 0.35)
_DRAWN = 0.1  # of all crops
_TABLES_OF = 100  # crops


def random_crops(photos: Sequence[Tensor], seed: int = 0) -> list[Tensor]:
    """One of each photo, (1, 3, h, w), sides multiples of 64 and at most `_SIDE`."""
    rng, crops = np.random.default_rng(seed), []
    for photo in photos:
        height, width = (min(_SIDE, side // 64 * 64) for side in photo.shape[:2])
        top, left = (
            int(rng.integers(0, a - b + 1))
            for a, b in zip(photo.shape[:2], (height, width), strict=True)
        )
        crops.append(photo[top : top + height, left : left + width].permute(2, 0, 1)[None])
    return crops


def hyper_bits(model: InferenceModel, crops: Sequence[Tensor], quality: int) -> float:
    """Bits of z by its tables, a pixel of the crops."""
    ends = np.cumsum(model.tables.lengths)
    counts = np.split(model.tables.counts, ends[:-1])
    bits = [-np.log2(count / 2**24) for count in counts]
    spent, pixels = 0.0, 0

    def add(symbols: Int32Array, indices: IndexArray) -> None:
        nonlocal spent
        radius = model.tables.radii[indices]
        coded = np.where(abs(symbols) > radius, 2 * radius + 1, symbols + radius)
        spent += sum(bits[index][symbol] for index, symbol in zip(indices, coded, strict=True))

    for crop in crops:
        y = model.analyse((crop.float() / 255 - 0.5).numpy(), quality)
        z = model.hyper_latents(y, quality)
        hyper_prior.walk(
            z.shape,
            lambda known: model.networks.hyper_predict(known, quality),
            hyper_prior.writer(z, add),
        )
        pixels += crop.shape[2] * crop.shape[3]
    return spent / pixels


def with_tables(model: InferenceModel, crops: Sequence[Tensor]) -> dict[str, AnyArray]:
    """The model's tables, those of hyper-latents fitted."""
    ends = np.cumsum(model.tables.lengths)[: hyper_prior.FIRST]
    kept = [part.tolist() for part in np.split(model.tables.counts, ends)[: hyper_prior.FIRST]]
    return _tables(kept + calibrated_tables(model, crops)[hyper_prior.FIRST :])


def _tables(tables: list[list[int]]) -> dict[str, AnyArray]:
    return {name: tensor.numpy() for name, tensor in table_tensors(tables).items()}


def main() -> None:
    parser = arguments(__doc__, data="folder of training photos", out=None)
    parser.add_argument("weights", help="name of shipped weights, or a file with its card")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    path = find_weights(args.weights)
    tensors = load_file(path)
    for name, tensor in tensors.items():
        if tensor.dtype == np.float16:
            tensors[name] = short_half(torch.from_numpy(tensor)).numpy()
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
    config = CodecConfig.from_json(metadata["config"])
    training, held_out = split_photos(find_photos([args.data]), _HELD_OUT)
    photos = load_photos(training, scales=_SCALES, least=256)
    drawn = drawn_bank(round(_DRAWN * len(photos)), photos, seed=1, least=256)
    crops = random_crops([*photos, *drawn])
    few = crops[:: max(1, len(crops) // _TABLES_OF)]
    others = centre_crops(load_photos(held_out, least=256), _SIDE)

    index = torch.from_numpy(tensors["hyper_index"]).float()
    begin = hyper_prior_tensors(untrained_hyper_prior(config, index))
    if "hyper_prior.head.weight" not in tensors:
        tensors |= {name: tensor.numpy() for name, tensor in begin.items()}
        counts = [
            part.tolist()
            for part in np.split(
                tensors["tables.counts"], np.cumsum(tensors["tables.lengths"])[:-1]
            )
        ]
        tensors |= _tables(counts + assumed_tables()[hyper_prior.FIRST :])
    model = inference_model(config, tensors, "onnx")
    before = [hyper_bits(model, others, quality) for quality in (5, 25, 50, 75, 95)]
    prior = fitted_hyper_prior(model, crops, args.steps)
    tensors |= {name: tensor.numpy() for name, tensor in hyper_prior_tensors(prior).items()}
    tensors |= with_tables(inference_model(config, tensors, "onnx"), few)
    model = inference_model(config, tensors, "onnx")
    after = [hyper_bits(model, others, quality) for quality in (5, 25, 50, 75, 95)]
    print("before", *(f"{bits:.5f}" for bits in before))
    print("after ", *(f"{bits:.5f}" for bits in after))

    preview = load_preview(path, digest(path))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    data = save(tensors, metadata)
    write_atomically(args.out, data, overwrite=True)
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(data).hexdigest()
    text = json.dumps(card, indent=2) + "\n"
    write_atomically(args.out.with_suffix(".json"), text.encode(), overwrite=True)
    if preview:
        preview.save(args.out, digest(args.out))


if __name__ == "__main__":
    main()
