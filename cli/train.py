"""`aecodec train`: train one's own models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Device

app = typer.Typer(no_args_is_help=True, help="Train models on your own images.")


_Data = Annotated[
    list[Path],
    typer.Option(
        exists=True,
        file_okay=False,
        metavar="DIR",
        help="Folder of photos; repeat for several.",
        show_default=False,
    ),
]
_Recipe = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="A shipped recipe, or a YAML file.")
]
_Out = Annotated[
    Path | None,
    typer.Option(
        file_okay=False,
        metavar="DIR",
        help="Folder for checkpoint and logs.",
        show_default="runs/RECIPE",
    ),
]
_MaxMinutes = Annotated[
    float | None,
    typer.Option(min=0, metavar="N", help="Stop cleanly after N minutes.", show_default="never"),
]
_Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")]


@app.command(
    epilog="[bold]Examples[/]\n"
    "  aecodec train codec --data photos --out runs/mine --max-minutes 60\n"
    "  aecodec train codec --data photos --out runs/mine --resume\n"
    "  aecodec train codec --data a --data b --recipe my-recipe.yaml"
)
def codec(
    data: _Data,
    recipe: _Recipe = "codec-cpu",
    out: _Out = None,
    max_minutes: _MaxMinutes = None,
    resume: _Resume = False,
    device: Device = "auto",
) -> None:
    """Train a codec, or go on training one.

    Prints the path of the checkpoint. Losses go to metrics.csv in the same folder.
    """
    from aecodec.training.recipe import CodecRecipe, load_recipe
    from aecodec.training.run import train_codec

    options: dict[str, Any] = {"resume": resume, "max_minutes": max_minutes, "device": device}
    loaded = load_recipe(recipe, CodecRecipe)
    _run(lambda: train_codec(loaded, data, _folder(out, recipe), **options))


@app.command(
    epilog="[bold]Examples[/]\n"
    "  aecodec train denoise --data photos --out runs/mine --max-minutes 60\n"
    "  aecodec train denoise --data photos --out runs/mine --resume\n"
    "  aecodec denoise photo.png --weights runs/mine/denoiser.safetensors"
)
def denoise(
    data: _Data,
    recipe: _Recipe = "denoise-cpu",
    out: _Out = None,
    max_minutes: _MaxMinutes = None,
    resume: _Resume = False,
    device: Device = "auto",
) -> None:
    """Train a denoiser, or go on training one.

    Prints the path of the checkpoint. Losses go to metrics.csv in the same folder.
    """
    from aecodec.training.recipe import DenoiserRecipe, load_recipe
    from aecodec.training.run import train_denoiser

    options: dict[str, Any] = {"resume": resume, "max_minutes": max_minutes, "device": device}
    loaded = load_recipe(recipe, DenoiserRecipe)
    _run(lambda: train_denoiser(loaded, data, _folder(out, recipe), **options))


@app.command(
    epilog="[bold]Examples[/]\n"
    "  aecodec train hash --data photos --out runs/mine --max-minutes 60\n"
    "  aecodec train hash --data photos --out runs/mine --resume\n"
    "  aecodec index photos --model runs/mine/hash.safetensors"
)
def hash(
    data: _Data,
    recipe: _Recipe = "hash-photo",
    out: _Out = None,
    max_minutes: _MaxMinutes = None,
    resume: _Resume = False,
    device: Device = "auto",
) -> None:
    """Train a hash model, or go on training one.

    Folders may also hold packed images, train*.npz. Prints the path of the checkpoint.
    Losses go to metrics.csv in the same folder.
    """
    from aecodec.training.recipe import HashRecipe, load_recipe
    from aecodec.training.run import train_hash

    options: dict[str, Any] = {"resume": resume, "max_minutes": max_minutes, "device": device}
    loaded = load_recipe(recipe, HashRecipe)
    _run(lambda: train_hash(loaded, data, _folder(out, recipe), **options))


def _folder(out: Path | None, recipe: str) -> Path:
    return out or Path("runs", Path(recipe).stem)


def _run(train: Callable[[], Path]) -> None:
    try:
        checkpoint = train()
    except SystemExit as error:  # Lightning's answer to Ctrl-C
        if isinstance(error.__context__, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise
    print(checkpoint)
