"""`aecodec train`: train one's own models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Device

app = typer.Typer(no_args_is_help=True, help="Train models on your own images.")


@app.command(
    epilog="[bold]Examples[/]\n"
    "  aecodec train codec --data photos --out runs/mine --max-minutes 60\n"
    "  aecodec train codec --data photos --out runs/mine --resume\n"
    "  aecodec train codec --data a --data b --recipe my-recipe.yaml"
)
def codec(
    data: Annotated[
        list[Path],
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="DIR",
            help="Folder of photos; repeat for several.",
            show_default=False,
        ),
    ],
    recipe: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="A shipped recipe, or a YAML file.")
    ] = "codec-cpu",
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            metavar="DIR",
            help="Folder for checkpoint and logs.",
            show_default="runs/RECIPE",
        ),
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="N", help="Stop cleanly after N minutes.", show_default="never"
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    device: Device = "auto",
) -> None:
    """Train a codec, or go on training one.

    Prints the path of the checkpoint. Losses go to metrics.csv in the same folder.
    """
    from aecodec.training.recipe import load_recipe
    from aecodec.training.run import train_codec

    folder = out or Path("runs", Path(recipe).stem)
    try:
        checkpoint = train_codec(
            load_recipe(recipe), data, folder, resume=resume, max_minutes=max_minutes, device=device
        )
    except SystemExit as error:  # Lightning's answer to Ctrl-C
        if isinstance(error.__context__, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise
    print(checkpoint)
