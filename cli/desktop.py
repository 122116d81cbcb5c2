"""`aecodec desktop`."""

from __future__ import annotations

from typing import Annotated

import typer

from .output import say, tell

app = typer.Typer()


@app.command(rich_help_panel="Compression")
def desktop(
    install: Annotated[
        bool, typer.Option("--install", help="Write the files, for this user only.")
    ] = False,
) -> None:
    """Let the desktop know .aec files: their type, and small pictures of them.

    Writes a type and a thumbnailer below ~/.local/share, and a line for 'file' to ~/.magic.
    """
    if not install:
        raise typer.BadParameter("say --install; it writes below ~/.local/share and to ~/.magic")
    from aecodec.workflows import desktop as work

    files, notes = work.install()
    for file in files:
        tell(str(file))
    for note in notes:
        say(f"note: {note}")
