"""`aecodec export`: networks for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Force, output_option
from .output import write_all

app = typer.Typer()


@app.command(rich_help_panel="Models")
def export(
    weights: Annotated[
        str, typer.Argument(metavar="MODEL", help="Name of a model that ships, or a weight file.")
    ],
    output: Annotated[Path, output_option("DIR", "Folder for the files.")],
    force: Force = False,
) -> None:
    """Write a model's networks as ONNX files, weights inside, for other programs.

    aecodec itself needs none of them. Maps are channels-last; inputs named as tensors of the weight
    file are what these tables have at a quality.
    """
    from aecodec.workflows.onnx_export import onnx_files

    files = dict(onnx_files(weights))
    write_all(output, files, force)
    for name, data in files.items():
        print(f"{output / name}  {len(data):,} bytes")
