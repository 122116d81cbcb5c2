"""How fast rate and distortion change with one gain for all channels, and what training believes.

    python -m benchmarks.studies.gain_slopes codec-psnr --data photos

Slopes of bpp and of lambda D by the logarithm of the gain (its inverse following), on crops of the
held-out photos at half size: of what is coded, by central differences, and of what training
differentiates, noise and all its gradient. Where the sum of the first two is zero, the gain is
best; training stops where its own sum is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aecodec.codec.distortion import distortion
from aecodec.codec.model import CodecModel
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.results import markdown_table
from aecodec.training.codec import VALIDATION_QUALITIES
from aecodec.training.recipe import CodecRecipe
from benchmarks.studies.held_out import model_and_crops

STEP = 0.05


def rate_and_distortion(
    model: CodecModel, crop: Tensor, quality: float, generator: torch.Generator | None = None
) -> Tensor:
    """(bpp, lambda D) of a crop."""
    x = (crop.float() / 255 - 0.5).contiguous(memory_format=torch.channels_last)
    setting = torch.tensor([quality])
    out = model(x, setting, generator)
    bpp = (out.latent_bits + out.hyper_bits) / (x.shape[2] * x.shape[3])
    error = distortion(model.config, x, out.reconstruction, setting)
    return torch.cat([bpp, model.config.rd_lambda(quality) * error])


@torch.no_grad()
def shift_gain(model: CodecModel, by: float) -> None:
    model.gain.log_gain.values.add_(by)
    model.gain.log_inverse.values.sub_(by)


@torch.no_grad()
def real_slopes(model: CodecModel, crops: Sequence[Tensor], quality: float) -> Tensor:
    """Of bpp and lambda D as coded, (2,), means over the crops."""
    model.eval()
    rise = torch.zeros(2)
    for by in (STEP, -STEP):
        shift_gain(model, by)
        for crop in crops:
            rise += rate_and_distortion(model, crop, quality) / by / 2
        shift_gain(model, -by)
    return rise / len(crops)


def training_slopes(model: CodecModel, crops: Sequence[Tensor], quality: float) -> Tensor:
    """The same as training differentiates them, with all of the noisy bits' gradient."""
    model.train()
    generator = torch.Generator().manual_seed(0)
    gains = [model.gain.log_gain.values, model.gain.log_inverse.values]
    slopes = torch.zeros(2)
    model.noisy_slope = 1.0
    for crop in crops:
        parts = rate_and_distortion(model, crop, quality, generator)
        for k, part in enumerate(parts):
            up, down = torch.autograd.grad(part, gains, retain_graph=k == 0)
            slopes[k] += float(up.sum() - down.sum()) / len(crops)
    return slopes


def main() -> None:
    parser = arguments(__doc__, data="folder of training photos", out=None)
    parser.add_argument("weights", help="name of shipped weights, or a file")
    args = parser.parse_args()
    model, crops = model_and_crops(args.weights, args.data, 0.5)
    rows = []
    for q in VALIDATION_QUALITIES:
        (rate, error), (noisy, believed) = (
            slopes(model, crops, float(q)).tolist() for slopes in (real_slopes, training_slopes)
        )
        sums = (rate + error, noisy + believed, CodecRecipe.noisy_slope * noisy + believed)
        rows.append([str(q), *(f"{x:+.3f}" for x in (rate, error, noisy, believed, *sums))])
    header = ["quality", "bpp", "lambda D", "noisy bpp", "lambda D in training"]
    sums_of = ["sum", "sum in training", f"with {CodecRecipe.noisy_slope} of noisy bpp"]
    print(markdown_table([*header, *sums_of], rows))


if __name__ == "__main__":
    main()
