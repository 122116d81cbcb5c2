"""`aecodec thumbnail`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from aecodec.codec import SUFFIX
from aecodec.workflows.batch.plan import plan
from aecodec.workflows.compress import thumbnailer

from .batch import run_here
from .images import image_suffix
from .options import AsJson, Force, Format, OutputOrPipe, Quiet, inputs
from .output import How
from .pipes import is_piped, run_piped

app = typer.Typer()


@app.command(rich_help_panel="Compression")
def thumbnail(
    inputs: Annotated[
        list[Path],
        inputs("INPUT", "Images and .aec files, and folders of them; - is standard input."),
    ],
    output: OutputOrPipe = None,
    size: Annotated[
        int, typer.Option("--size", "-s", min=1, max=8192, metavar="N", help="Longest side.")
    ] = 512,
    format: Format = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make small pictures of .aec files, and of images.

    Where an eighth or a sixteenth of each side is enough, an .aec file is not decoded to pixels.
    Writes NAME-thumbnail.png next to each input, or NAME.png into the folder -o.
    """
    from aecodec.images import IMAGE_SUFFIXES

    suffix = image_suffix(format, inputs, output)
    load = partial(thumbnailer, suffix.removeprefix("."), size)
    if is_piped(inputs, output):
        run_piped(inputs, output, load, How(force, as_json, quiet))
        return
    name = suffix if output else "-thumbnail" + suffix
    jobs = plan(inputs, output, suffixes=IMAGE_SUFFIXES | {SUFFIX}, suffix=name, force=force)
    run_here(jobs, load, How(force, as_json, quiet))
