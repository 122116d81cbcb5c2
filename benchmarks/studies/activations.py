"""How far drawn pictures drive the codec's convolutions beyond what photographs reach.

    python -m benchmarks.studies.activations codec-psnr --data photos

Two tables: the convolutions that are furthest out, in widths of the range of photographs, the
channel that is worst; and PSNR with nothing clamped, each channel clamped to its range, and each
convolution clamped to the range of all its channels. docs/lab/activations.md tells what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from aecodec.codec.model import CodecModel
from aecodec.evaluation.arguments import arguments as with_data
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table
from aecodec.nn.bounded import BoundedConv2d, forget_ranges, measured_ranges
from aecodec.training.data import centre_crops, load_photos, split_photos
from aecodec.training.drawn import draw
from benchmarks.studies.held_out import load_model

QUALITIES = (1, 25, 50, 75, 100)  # at which photographs say what is normal
KINDS = ("flag", "colour_bars", "chart", "dithering", "plain", "page", "noise")
SEED, SIZE = 7, (320, 256)  # of drawn pictures: a seed that no training draws
Ranges = dict[BoundedConv2d, tuple[Tensor, Tensor]]


def transforms(model: CodecModel) -> nn.ModuleDict:
    return nn.ModuleDict({"analysis": model.analysis, "synthesis": model.synthesis})


def bounded(model: CodecModel) -> dict[str, BoundedConv2d]:
    """The convolutions that have a range, by name."""
    modules = transforms(model).named_modules()
    return {name: layer for name, layer in modules if isinstance(layer, BoundedConv2d)}


@torch.no_grad()
def decoded(model: CodecModel, x: Tensor, quality: float) -> Tensor:
    """What is left of a picture (1, 3, h, w), uint8, sides multiples of 64: in 0..1, float32."""
    return model(x.float() / 255 - 0.5, torch.tensor([float(quality)])).reconstruction + 0.5


def psnr(model: CodecModel, x: Tensor, quality: float) -> float:
    error = decoded(model, x, quality).clamp(0, 1) - x.float() / 255
    return float(-10 * torch.log10(error.square().mean()))


def photo_ranges(model: CodecModel, photos: Sequence[Tensor]) -> Ranges:
    """Least and greatest value of each channel, (C,) each; the model's own are forgotten."""
    forget_ranges(transforms(model))
    with measured_ranges(transforms(model)):
        for photo in photos:
            for quality in QUALITIES:
                decoded(model, photo, quality)
    ranges = {layer: (layer.low.clone(), layer.high.clone()) for layer in bounded(model).values()}
    forget_ranges(transforms(model))
    return ranges


def excess(model: CodecModel, ranges: Ranges, x: Tensor, quality: float) -> dict[str, float]:
    """By how many widths of its range the worst channel of each convolution is out of it."""
    found: dict[str, float] = {}

    def record(name: str, layer: BoundedConv2d, y: Tensor) -> None:
        low, high = ranges[layer]
        least, greatest = y.amin((0, 2, 3)), y.amax((0, 2, 3))
        beyond = torch.maximum(greatest - high, low - least).clamp(min=0)
        found[name] = float((beyond / (high - low).clamp(min=1e-6)).max())

    hooks = [
        layer.register_forward_hook(lambda layer, _, y, name=name: record(name, layer, y))
        for name, layer in bounded(model).items()
    ]
    try:
        decoded(model, x, quality)
    finally:
        for hook in hooks:
            hook.remove()
    return found


@contextmanager
def clamped(model: CodecModel, ranges: Ranges, *, by_channel: bool) -> Iterator[None]:
    """Clamp to the ranges, or each convolution to what all its channels reach."""
    for layer, (low, high) in ranges.items():
        layer.low.copy_(low if by_channel else low.min().expand_as(low))
        layer.high.copy_(high if by_channel else high.max().expand_as(high))
    try:
        yield
    finally:
        forget_ranges(transforms(model))


def three_psnr(model: CodecModel, ranges: Ranges, x: Tensor, quality: float) -> list[float]:
    found = [psnr(model, x, quality)]
    for by_channel in (True, False):
        with clamped(model, ranges, by_channel=by_channel):
            found.append(psnr(model, x, quality))
    return found


def drawn_pictures() -> dict[str, Tensor]:
    """One of each kind, (1, 3, h, w), uint8."""
    pixels = {kind: np.array(draw(SEED, kind, SIZE)) for kind in KINDS}
    return {kind: torch.from_numpy(x).permute(2, 0, 1)[None] for kind, x in pixels.items()}


def study(model: CodecModel, photos: Sequence[Tensor], others: Sequence[Tensor]) -> str:
    """Both tables.

    Args:
        model: of `load_model`.
        photos: crops (1, 3, h, w), uint8, that say what is normal.
        others: crops of other photos, which clamping should leave alone.
    """
    ranges = photo_ranges(model, photos)
    outside, rows = [], []
    for kind, x in drawn_pictures().items():
        worst = sorted(excess(model, ranges, x, 90).items(), key=lambda pair: -pair[1])[:4]
        outside.append([kind, ", ".join(f"{name} {value:.1f}" for name, value in worst)])
        rows.append([f"{kind}, 90", *(f"{v:.1f}" for v in three_psnr(model, ranges, x, 90))])
    for quality in (20, 50, 90):
        found = torch.tensor([three_psnr(model, ranges, x, quality) for x in others])
        name = f"{len(others)} other photos, {quality}"
        rows.append([name, *(f"{v:.3f}" for v in found.mean(0).tolist())])
    first = markdown_table(["picture", "convolutions and widths beyond"], outside)
    header = ["picture, quality", "PSNR (dB)", "channels clamped", "convolutions clamped"]
    return f"{first}\n{markdown_table(header, rows)}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = with_data(__doc__, data="folder of training photos", out=None)
    parser.add_argument("weights", help="name of shipped weights, or a file")
    parser.add_argument("--photos", type=int, default=25, help="that say what is normal")
    parser.add_argument("--others", type=int, default=15, help="to see what clamping does to them")
    args = parser.parse_args(arguments)
    files = split_photos(list_photos(args.data), 0)[0][: args.photos + args.others]
    crops = centre_crops(load_photos(files, least=64), 512)
    print(study(load_model(args.weights), crops[: args.photos], crops[args.photos :]))


if __name__ == "__main__":
    main()
