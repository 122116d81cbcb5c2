"""Held-out loss of a codec's weights, at equal lambda, and what each residual block is worth.

    python benchmarks/studies/held_out.py codec-psnr --data photos --lambda-max 0.1
    python benchmarks/studies/held_out.py codec-psnr --data photos --scale 0.5 --blocks

The loss is that of validation (docs/lab/codec.md): the geometric mean over five qualities of
bpp + lambda D, averaged over 512x512 crops of the 20 held-out photos.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from aecodec.codec.config import CodecConfig
from aecodec.codec.distortion import distortion
from aecodec.codec.model import CodecModel
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table
from aecodec.nn.blocks import ResidualBlock
from aecodec.training.codec import VALIDATION_QUALITIES
from aecodec.training.data import centre_crops, load_photos, split_photos
from aecodec.training.start import start_from
from aecodec.weights import find_weights


@torch.no_grad()
def losses(model: CodecModel, crops: Sequence[Tensor], lambda_max: float) -> Tensor:
    """R + lambda D, (crops, qualities), the lambdas being those of a model with `lambda_max`."""
    low, high = model.config.lambda_min, model.config.lambda_max
    wanted = replace(model.config, lambda_max=lambda_max)
    found = []
    for crop in crops:
        x = (crop.float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
        for q in VALIDATION_QUALITIES:
            rd_lambda = wanted.rd_lambda(q)
            quality = min(1 + 99 * math.log(rd_lambda / low) / math.log(high / low), 100.0)
            setting = torch.tensor([quality])
            with torch.autocast("cpu", torch.bfloat16):
                out = model(x, setting)
            rate = (out.latent_bits + out.hyper_bits) / (x.shape[2] * x.shape[3])
            error = distortion(wanted, x, out.reconstruction, setting)
            found.append(float(rate) + rd_lambda * float(error))
    return torch.tensor(found).view(len(crops), -1)


def load_model(name: str) -> CodecModel:
    """The model as it is trained, with named weights or a file's."""
    path = find_weights(name)
    with safe_open(path, framework="pt") as file:
        model = CodecModel(CodecConfig.from_json(file.metadata()["config"])).eval()
    start_from(model, path)
    return model


def model_and_crops(name: str, data: Path, scale: float) -> tuple[CodecModel, list[Tensor]]:
    """A model of `load_model`, and crops (1, 3, h, w), uint8, of the held-out photos."""
    model = load_model(name).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    photos = split_photos(list_photos(data), 20)[1]
    return model, centre_crops(load_photos(photos, scales=(scale,)), 512)


def row(name: str, found: Tensor) -> list[str]:
    mean = found.log().mean(1).exp().mean()
    return [name, f"{mean:.4f}", *(f"{x:.4f}" for x in found.log().mean(0).exp())]


class Skip(nn.Module):
    """In place of a residual block."""

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        return x


def each_left_out(model: CodecModel, crops: Sequence[Tensor], high: float) -> list[list[str]]:
    """A row for each residual block of the transforms, without it."""
    rows = []
    for name, module in model.named_modules():
        if isinstance(module, ResidualBlock):
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, Skip())
            rows.append(row(f"without {name}", losses(model, crops, high)))
            setattr(model.get_submodule(parent), last, module)
    return rows


def main() -> None:
    parser = arguments(__doc__, data="folder of training photos", out=None)
    parser.add_argument("weights", help="name of shipped weights, or a file")
    parser.add_argument("--lambda-max", type=float, help="the weights' own by default")
    parser.add_argument("--scale", type=float, default=1.0, help="of the photos")
    parser.add_argument("--blocks", action="store_true", help="also leave out each block in turn")
    args = parser.parse_args()
    model, crops = model_and_crops(args.weights, args.data, args.scale)
    high = args.lambda_max or model.config.lambda_max
    rows = [row(args.weights, losses(model, crops, high))]
    if args.blocks:
        rows += each_left_out(model, crops, high)
    print(markdown_table(["weights", "loss", *(f"q{q}" for q in VALIDATION_QUALITIES)], rows))


if __name__ == "__main__":
    main()
