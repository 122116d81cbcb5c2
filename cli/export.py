"""`aecodec export`: networks for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aecodec.storage.atomic import refuse_to_overwrite, write_atomically

from .options import Force, output_file


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(rich_help_panel="Models")(export)


def export(
    weights: Annotated[
        str, typer.Argument(metavar="MODEL", help="Name of a model that ships, or a weight file.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", parser=output_file, metavar="DIR", help="Folder for the files."
        ),
    ],
    force: Force = False,
) -> None:
    """Write a model's networks as ONNX files, weights inside, for other programs.

    aecodec itself needs none of them. Maps are channels-last; inputs named as tensors of the weight
    file are what these tables have at a quality.
    """
    from aecodec.workflows.onnx_export import onnx_files

    for name, data in onnx_files(weights):
        path = output / name
        refuse_to_overwrite(path, force)
        output.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data, overwrite=force)
        print(f"{path}  {len(data):,} bytes")
