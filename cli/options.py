"""Options that several commands share."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer


def _path(text: str) -> Path:
    if not text:  # Path("") would be the current folder, and "$unset" all that is in it
        raise typer.BadParameter("an empty file name")
    return Path(text)


def inputs(metavar: str, help: str) -> typer.models.ArgumentInfo:
    """The argument for input files and folders."""
    return typer.Argument(parser=_path, metavar=metavar, help=help, show_default=False)


Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE|DIR",
        help="Output file, or folder if there are several inputs.",
        show_default="next to each input",
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite existing files.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where the model runs.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


def say(line: str) -> None:
    """Tell how a long job is going, without mixing into its result."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def noting() -> Iterator[None]:
    """Warnings meant for the user, such as of pixels converted, as notes, each but once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            theirs = [w for w in caught if "torch" not in Path(w.filename).parts]
            for message in dict.fromkeys(str(warning.message) for warning in theirs):
                say(f"note: {message}")
