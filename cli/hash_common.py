"""What the commands of the hash model share: options and galleries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aecodec.storage.atomic import write_atomically

from .options import output_file
from .output import say

PANEL = "Search by content"
_LENGTHS = (16, 32, 64, 128, 256)  # of all models that ship

Index = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="PATH",
        help="The index file.",
        show_default="in your data folder",
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="AECODEC_BACKEND",
        help="Search the codes in PostgreSQL (postgresql://USER@HOST/DATABASE) or Milvus"
        " (milvus://HOST:PORT, milvus:///FOLDER/NAME.db).",
        show_default="FAISS on this machine",
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        parser=output_file,
        metavar="FILE",
        help="Write a gallery with thumbnails.",
        show_default=False,
    ),
]


def _bits(text: str | int) -> int:
    if str(text) not in map(str, _LENGTHS):
        raise typer.BadParameter(f"{text!r} is none of {', '.join(map(str, _LENGTHS))}")
    return int(text)


def bits_option(default: str) -> Any:
    return typer.Option(
        parser=_bits,
        metavar="64|128|256",
        help="Code length; with hash-cifar10 one of 16, 32, 64.",
        show_default=default,
    )


def write_html(path: Path, page: bytes, force: bool, quiet: bool) -> None:
    write_atomically(path, page, overwrite=force)
    if not quiet:
        say(f"gallery: {path}")
