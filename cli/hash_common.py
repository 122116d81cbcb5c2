"""What the commands of the hash model share: options, progress, galleries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecodec.files import write_atomically

from .aec_hash import aec_reader
from .options import output_file, say

if TYPE_CHECKING:
    from aecodec.hashing.duplicates import Match
    from aecodec.hashing.gallery import Section
    from aecodec.hashing.hasher import Hasher

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
Model = Annotated[
    str | None,
    typer.Option(metavar="photo|cifar10|FILE", help="Hash model.", show_default="photo"),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no summary.")]
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
        help="Code length; with the model cifar10 one of 16, 32, 64.",
        show_default=default,
    )


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Something to tell (done, total), which shows a bar if there is someone to watch it."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def load_hasher(model: str | None, bits: int | None) -> Hasher:
    from aecodec.errors import AecodecError
    from aecodec.hashing.hasher import Hasher
    from aecodec.hashing.weights import DEFAULT_MODEL

    hasher = Hasher(model or DEFAULT_MODEL)
    if bits is not None and bits not in hasher.lengths:
        known = ", ".join(map(str, hasher.lengths))
        raise AecodecError(f"this model has codes of {known} bits, not {bits}")
    return hasher


def code_of(hasher: Hasher, path: Path) -> bytes:
    """The longest code of an image or .aec file."""
    from aecodec.hashing.adding import StoredCode
    from aecodec.hashing.picture import read_preview

    read = aec_reader(lambda: hasher) if path.suffix.lower() == ".aec" else read_preview
    small = read(path)
    if isinstance(small, StoredCode):
        return small.code
    return hasher.codes([small.to_square(hasher.side)]).tobytes()


def match_json(match: Match) -> dict[str, Any]:
    entry = match.entry
    return {
        "path": entry.path,
        "distance": match.distance,
        "width": entry.width,
        "height": entry.height,
        "bytes": entry.size,
    }


def match_card(match: Match, webp: bytes | None, label: str | None = None) -> Any:
    from aecodec.hashing.gallery import Card

    entry = match.entry
    details = f"{entry.width}x{entry.height}, {entry.size:,} bytes"
    text = label or f"{match.distance} bits"
    return Card(entry.path, text, details, webp, first=label is not None)


def write_html(
    path: Path, title: str, summary: str, sections: list[Section], force: bool, quiet: bool
) -> None:
    from aecodec.hashing.gallery import page

    write_atomically(path, page(title, summary, sections), overwrite=force)
    if not quiet:
        say(f"gallery: {path}")
