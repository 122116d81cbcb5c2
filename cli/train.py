"""`aecodec train`: train one's own models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import Device, examples, optional

app = typer.Typer()


@app.command(
    rich_help_panel="Models",
    epilog=examples(
        "aecodec train codec --data photos --out runs/mine --max-minutes 60",
        "aecodec train codec --data photos --out runs/mine --resume",
        "aecodec train hash --data holidays --start hash-photo --max-minutes 60",
        "aecodec train denoise --data a --data b --recipe my-recipe.yaml",
    ),
)
def train(
    kind: Annotated[
        Literal["codec", "decoder", "denoise", "hash"],
        typer.Argument(
            metavar="KIND",
            help="What to train: codec, decoder (a codec's, in 8 bits), denoise or hash.",
            show_default=False,
        ),
    ],
    data: Annotated[
        list[Path],
        optional(
            "DIR",
            "Folder of photos; repeat for several. For a hash, packed images (train*.npz) too.",
            exists=True,
            file_okay=False,
        ),
    ],
    recipe: Annotated[
        str | None,
        optional(
            "NAME|FILE",
            "A shipped recipe, or a YAML file.",
            "codec-psnr, decoder-balanced, denoise-cpu, hash-photo",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        optional(
            "DIR",
            "Folder for checkpoint and logs.",
            "runs/RECIPE",
            "--out",
            "--output",
            "-o",
            file_okay=False,
        ),
    ] = None,
    max_minutes: Annotated[
        float | None, optional("N", "Stop cleanly after N minutes.", "never", min=0)
    ] = None,
    start: Annotated[
        str | None,
        optional(
            "NAME|FILE",
            "Begin with shipped weights ('aecodec models'), or with a weight file.",
            "random weights",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    device: Device = "auto",
    devices: Annotated[
        int | None,
        optional(
            "N",
            "Processes on this machine, each with a batch of its own.",
            "one for each GPU",
            min=1,
        ),
    ] = None,
    nodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Machines; start it on each, by torchrun.")
    ] = 1,
) -> None:
    """Train a model on your own images, or go on training one.

    Prints the path of the checkpoint. The weights are beside it, the losses below it in logs.
    """
    from aecodec.training import run
    from aecodec.training.kinds import KINDS
    from aecodec.training.recipe import load_recipe
    from aecodec.weights import find_weights

    recipe = recipe or KINDS[kind].default
    loaded = load_recipe(recipe, KINDS[kind].recipe)
    folder = out or Path("runs", Path(recipe).stem)
    try:
        checkpoint = run.train(
            loaded,
            data,
            folder,
            start=find_weights(start) if start else None,
            resume=resume,
            max_minutes=max_minutes,
            device=device,
            devices=devices,
            nodes=nodes,
        )
    except SystemExit as error:  # Lightning's answer to Ctrl-C
        if isinstance(error.__context__, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise
    run.print_once(checkpoint)
