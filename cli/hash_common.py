"""What the commands of the hash model share: options and galleries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aecodec.storage.atomic import write_atomically

from .options import optional, output_file
from .output import say

PANEL = "Search by content"
_LENGTHS = (16, 32, 64, 128, 256)  # of all models that ship

Index = Annotated[
    Path | None, optional("PATH", "The index file.", "in your data folder", "--index")
]
Backend = Annotated[
    str | None,
    optional(
        "URL",
        "Search the codes in PostgreSQL (postgresql://USER@HOST/DATABASE) or Milvus"
        " (milvus://HOST:PORT, milvus:///FOLDER/NAME.db).",
        "FAISS on this machine",
        envvar="AECODEC_BACKEND",
    ),
]
Html = Annotated[
    Path | None, optional("FILE", "Write a gallery with thumbnails.", parser=output_file)
]


def _bits(text: str | int) -> int:
    if str(text) not in map(str, _LENGTHS):
        raise typer.BadParameter(f"{text!r} is none of {', '.join(map(str, _LENGTHS))}")
    return int(text)


def bits_option(default: str) -> Any:
    return optional(
        "64|128|256", "Code length; with hash-cifar10 one of 16, 32, 64.", default, parser=_bits
    )


def write_html(path: Path, page: bytes, force: bool, quiet: bool) -> None:
    write_atomically(path, page, overwrite=force)
    if not quiet:
        say(f"gallery: {path}")
