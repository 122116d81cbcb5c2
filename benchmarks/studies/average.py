"""The mean of two weight files of a codec, in floats, with tables fitted anew.

    python -m benchmarks.studies.average codec-psnr runs/further/codec.safetensors --share 0.5 \
        --recipe further.yaml --data photos -o runs/mean/codec.safetensors

Weights at the end of a short run and those that it began with have a mean that is better than both
(Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018). The
card is that of the second file. A decoder in 8 bits of the first is kept, for the mean's gains, to
go on training with (`aecodec train decoder --start`); as it is, it does not fit the mean.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save
from torch import Tensor

from aecodec.codec.eight_bits.layers import SYNTHESIS
from aecodec.codec.model import CodecModel
from aecodec.evaluation.arguments import arguments
from aecodec.nn.arrays import AnyArray
from aecodec.nn.runtime import at_quality
from aecodec.storage.atomic import write_atomically
from aecodec.training.export import write_codec
from aecodec.training.photos import Photos
from aecodec.training.recipe import CodecRecipe, load_recipe
from aecodec.training.start import start_from
from aecodec.weights import find_weights


def mean(first: CodecModel, second: CodecModel, share: float) -> dict[str, Tensor]:
    """A state of both models, with a share of the second; ranges are the wider ones."""
    other, found = second.state_dict(), {}
    for name, value in first.state_dict().items():
        if name.endswith(".low"):
            found[name] = torch.minimum(value, other[name])
        elif name.endswith(".high"):
            found[name] = torch.maximum(value, other[name])
        elif value.is_floating_point():
            found[name] = torch.lerp(value, other[name], share)
        else:
            found[name] = value
    return found


def decoder(first: Path, mean_file: Path) -> dict[str, AnyArray]:
    """The synthesis in 8 bits of the first file, with the inverse gains of the mean."""
    before, after = load_file(first), load_file(mean_file)
    found = {name: tensor for name, tensor in before.items() if name.startswith(SYNTHESIS)}
    if not found:
        return {}
    table = "gain.log_inverse.values"
    moved = after[table].astype(np.float32) - before[table].astype(np.float32)
    factor = np.exp([at_quality(moved, quality) for quality in range(1, 101)])
    scaled = f"{SYNTHESIS}y.multiplier"
    found[scaled] = (found[scaled] * factor).astype(np.float32)
    return found


def main() -> None:
    parser = arguments(__doc__, data="folder of training photos", out=None)
    parser.add_argument("first", help="name of shipped weights, or a file")
    parser.add_argument("second", type=Path, help="a file with its card beside it")
    parser.add_argument("--share", type=float, default=0.5, help="of the second")
    parser.add_argument("--recipe", required=True, help="of the second")
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    if not 0 <= args.share <= 1:
        parser.error(f"--share must be from 0 to 1, not {args.share}")
    recipe = load_recipe(args.recipe, CodecRecipe)
    card = json.loads(args.second.with_suffix(".json").read_text())
    card = {key: card[key] for key in card if key not in ("task", "recipe", "sha256")}
    models = [CodecModel(recipe.model).eval() for _ in range(2)]
    first = find_weights(args.first)
    for model, path in zip(models, (first, args.second), strict=True):
        start_from(model, path)
    models[0].load_state_dict(mean(models[0], models[1], args.share))
    photos = Photos(recipe, [args.data])
    photos.setup("fit")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    crops, more = photos.calibration_crops(), photos.all_crops()
    write_codec(recipe, models[0], args.out, card, crops, more)
    if in_8_bits := decoder(first, args.out):
        with safe_open(args.out, framework="np") as file:
            metadata = file.metadata()
        start = args.out.with_name("start_of_decoder.safetensors")
        write_atomically(start, save(load_file(args.out) | in_8_bits, metadata), overwrite=True)


if __name__ == "__main__":
    main()
