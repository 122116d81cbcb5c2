"""`aecodec viewer`: a page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Force, output_option
from .output import write_all

app = typer.Typer()


@app.command(rich_help_panel="Compression")
def viewer(
    output: Annotated[Path, output_option("DIR", "Folder for the page.")],
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Codec whose files the page shall show; may be given several times.",
            show_default="all that ship",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write a page that shows .aec files in a browser, for any static host.

    All that it needs lies beside it, 5 to 8 MB for each codec and 14 MB for ONNX Runtime; it asks
    no other host for anything. viewer.html takes files that are dropped on it; in other
    pages, the module aec-img.js makes `<aec-img src="photo.aec">` work. Browsers run neither
    from a file: URL; try it with `python -m http.server -d DIR`.
    """
    from aecodec.weights import shipped_codecs
    from aecodec.workflows.viewer import viewer_files

    files = dict(viewer_files(weights or shipped_codecs()))
    write_all(output, files, force)
    print(f"{output / 'viewer.html'}  {sum(map(len, files.values())):,} bytes in all")
