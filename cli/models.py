"""`aecodec models`: what ships."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from .options import AsJson
from .output import print_json

app = typer.Typer()


@app.command(rich_help_panel="Models")
def models(as_json: AsJson = False) -> None:
    """List the models that ship with aecodec, how they were trained and how good they are.

    Steps and hours are of all the runs that the weights had, one after the other. --json prints a
    list of cards: "id" (the name for --weights), "task", "recipe", "sha256", "bytes",
    "parameters", "steps" and "hours" of the last run, "total" of all, "data", "hardware", "commit",
    "note" and "figures", and "fast", how the leaner transforms beside the weights were trained.
    """
    from aecodec.weights import shipped_models

    cards = shipped_models()
    if as_json:
        print_json(cards)
        return
    for card in cards:
        size, parameters = card["bytes"] / 1e6, card["parameters"] / 1e6
        task = _TASKS.get(card["recipe"]["model"].get("distortion"), card["task"])
        print(f"{card['id']}: {task}, {size:.1f} MB, {parameters:.1f} M parameters")
        print(f"  training: {_training(card['total'])} on {card['hardware']}; {card['data']}")
        for name, figures in card.get("figures", {}).items():
            print(f"  {name}: {'; '.join(_figures(figures))}")


def _training(total: dict[str, Any]) -> str:
    """What the weights had altogether, over all runs that each began with the one before."""
    runs = "1 run" if total["runs"] == 1 else f"{total['runs']} runs"
    of = total.get("hours_of_steps")  # of earlier ones none were noted
    hours = f"{total['hours']:g} h" + (f" for {of:,} of them" if of else "")
    return f"{total['steps']:,} steps in {runs}, {hours}"


def _figures(figures: dict[str, Any]) -> Iterator[str]:
    """The main figures of a benchmark on a card, in words."""
    for metric, against in figures.get("bd_rate_percent", {}).items():
        yield f"{against['JPEG']:+.1f} % bits against JPEG by {_METRICS[metric]}"
    for task, means in figures.items():
        if isinstance(means, float):
            yield f"mAP {means:.3f} at {task}"
        elif "aecodec" in means:
            yield f"{means['aecodec']['psnr']:.2f} dB at {task}"
        elif "all" in means:
            yield f"recall@1 {means['all']['recall_at_1']:.3f} at {task}"


_TASKS = {
    "balanced": "codec for the eye",
    "mse": "codec for PSNR",
    "ms-ssim": "codec for MS-SSIM",
}
_METRICS = {"psnr": "PSNR", "ms_ssim": "MS-SSIM", "ssimulacra2": "SSIMULACRA 2"}
