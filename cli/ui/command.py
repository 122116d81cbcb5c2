"""`aecodec ui`: a page on the user's own machine."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from aecodec.errors import AecodecError, require

from ..hash_common import Index
from ..options import Device
from ..output import say

app = typer.Typer()


@app.command(rich_help_panel="Explore")
def ui(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Images to search: the page shows none from elsewhere.",
            show_default="the current folder",
        ),
    ] = Path(),
    index: Index = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="0: any that is free.")
    ] = 7860,
    browser: Annotated[bool, typer.Option("--browser", help="Open it in the browser.")] = False,
    device: Device = "auto",
) -> None:
    """Open a page in which to compress, denoise, search and explore.

    Only this machine can reach it, and it asks nothing of any other. Ctrl-C ends it.
    """
    require("the page", "ui", "gradio")
    if port and _is_busy(port):
        raise AecodecError(f"port {port} is taken by another program; give --port 0 for a free one")
    from .page import serve

    def ready(address: str) -> None:
        say(f"{address} shows images below {folder.resolve()}; Ctrl-C ends it")
        if browser:
            typer.launch(address)

    serve(folder.resolve(), index, device, port, ready)


def _is_busy(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # as servers do: a port that was left a moment ago is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
