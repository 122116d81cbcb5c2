"""Short runs of the codec, alike but for one thing, and their held-out losses.

    python -m benchmarks.studies.ablate_codec scratch --data photos --steps 1500 --out ablation
    python -m benchmarks.studies.ablate_codec shipped --data photos --steps 400 --crop 256 --out DIR

`scratch` begins with random weights, `shipped` with those of codec-psnr. Photos, crops, qualities
and noise are the same for all; the learning rate falls to zero over the last 60 % of the steps; no
average of weights. Loss: `held_out.py`, of the photos at half size. Variants done already are not
run again. Folders rate_* and resolution in benchmarks/results/ablation are with --learning-rate and
--variants; so are widths (--steps 400 --crop 256 --learning-rate 2e-4) and leaner (400, 192, 3e-4).
"""

from __future__ import annotations

# isort: off
import aecodec.training  # noqa: F401  repairs torchvision, which Lightning imports

# isort: on
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any
from unittest.mock import patch

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table, write_bytes, write_json
from aecodec.nn.runtime import keep_freed_memory
from aecodec.training.codec import VALIDATION_QUALITIES, CodecTraining
from aecodec.training.data import RandomCrops, centre_crops, load_photos, split_photos
from aecodec.training.recipe import CodecRecipe, load_recipe
from aecodec.training.start import start_from
from aecodec.weights import find_weights
from benchmarks.studies.codec_variants import SCRATCH, SHIPPED, Variant
from benchmarks.studies.held_out import losses


class StepTimes(Callback):
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_batch_start(self, *_: Any) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, *_: Any) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def trained(recipe: CodecRecipe, variant: Variant, photos: list[Tensor], start: str) -> Any:
    """(model, seconds of a step) of a run of a variant."""
    rate = variant.rate * recipe.learning_rate
    recipe = replace(recipe, learning_rate=rate, **variant.recipe)
    torch.manual_seed(recipe.seed)
    module = CodecTraining(recipe)
    if start:
        start_from(module.model, find_weights(start))
    variant.change(module.model)
    module = module.to(memory_format=torch.channels_last)
    crops = DataLoader(RandomCrops(photos, recipe.phases(), seed=recipe.seed), batch_size=None)
    times = StepTimes()
    trainer = Trainer(
        precision="bf16-mixed",
        accelerator="auto",
        devices=1,
        max_steps=recipe.steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[times],
    )
    trainer.fit(module, crops)
    return module.model.eval(), median(times.seconds)


def report(found: dict[str, Any], title: str) -> str:
    control = found["control"]["losses"]
    rows = []
    for name, run in found.items():
        ratios = [a / b for a, b in zip(run["losses"], control, strict=True)]
        changes = [f"{100 * (ratio - 1):+.1f} %" for ratio in (geometric_mean(ratios), *ratios)]
        rows.append([name, f"{run['loss']:.4f}", *changes, f"{1000 * run['seconds_a_step']:.0f}"])
    header = ["", "loss", "to the control", *(f"q{q}" for q in VALIDATION_QUALITIES), "ms a step"]
    return f"# {title}\n\n{markdown_table(header, rows)}"


def compare(
    variants: dict[str, Variant], recipe: CodecRecipe, data: Path, path: Path, start: str
) -> None:
    """Train the variants that `path` (.json) lacks; write it after each, and a table beside it."""
    keep_freed_memory()
    training, held_out = split_photos(list_photos(data), recipe.held_out)
    photos = load_photos(training, scales=recipe.scales, least=recipe.crop)
    crops = list(centre_crops(load_photos(held_out, scales=(0.5,)), 512))
    found = json.loads(path.read_text()) if path.exists() else {}
    title = (
        f"{path.stem}: {recipe.steps} steps of {recipe.batch} crops of {recipe.crop} pixels,"
        f" learning rate {recipe.learning_rate}"
    )
    for name, variant in variants.items():
        if name in found:
            continue
        with patch("torch.nn.functional.leaky_relu", variant.activation):
            sloped = replace(recipe, noisy_slope=variant.slope)
            model, seconds = trained(sloped, variant, photos, start)
            table = losses(model, crops, model.config.lambda_max)
        found[name] = {
            "loss": float(table.log().mean(1).exp().mean()),
            "losses": table.log().mean(0).exp().tolist(),
            "seconds_a_step": seconds,
        }
        write_json(path, found)
    write_bytes(path.with_suffix(".md"), report(found, title).encode())
    print(report(found, title))


def main() -> None:
    parser = arguments(__doc__, data="folder of training photos")
    parser.add_argument("group", choices=["scratch", "shipped"])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--crop", type=int, default=128, help="side of the crops in pixels")
    parser.add_argument("--learning-rate", type=float, default=4e-4)
    parser.add_argument("--variants", nargs="+", help="names beside the control; all by default")
    args = parser.parse_args()
    recipe = replace(
        load_recipe("codec-psnr"),
        steps=args.steps,
        crop=args.crop,
        warmup=100,
        decay=0.6,
        large_crop_from=1.0,
        learning_rate=args.learning_rate,
        seed=100,
    )
    every = SHIPPED if args.group == "shipped" else SCRATCH
    wanted = ("control", *(args.variants or every))
    variants = {name: variant for name, variant in every.items() if name in wanted}
    start = "codec-psnr" if args.group == "shipped" else ""
    compare(variants, recipe, args.data, args.out / f"{args.group}.json", start)


if __name__ == "__main__":
    main()
