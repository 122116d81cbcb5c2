"""`aecodec models`: what ships."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer

from .options import AsJson


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(rich_help_panel="Models")(models)


def models(as_json: AsJson = False) -> None:
    """List the models that ship with aecodec, how they were trained and how good they are.

    --json prints their cards in full.
    """
    from aecodec.weights import shipped_models

    cards = shipped_models()
    if as_json:
        print(json.dumps(cards, indent=2))
        return
    for card in cards:
        size, parameters = card["bytes"] / 1e6, card["parameters"] / 1e6
        task = _TASKS.get(card["recipe"]["model"].get("distortion"), card["task"])
        print(f"{card['id']}: {task}, {size:.1f} MB, {parameters:.1f} M parameters")
        print(
            f"  training: {card['steps']:,} steps, {card['hours']} h on {card['hardware']};", end=""
        )
        print(f" {card['data']}")
        for name, figures in card.get("figures", {}).items():
            print(f"  {name}: {'; '.join(_figures(figures))}")


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


_TASKS = {"ms-ssim": "codec trained for MS-SSIM"}
_METRICS = {"psnr": "PSNR", "ms_ssim": "MS-SSIM"}
