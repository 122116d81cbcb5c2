"""Options that several commands share."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aecodec.hashing.scan import is_url

_RAY = "Many cores or machines"


def _file_name(text: str) -> str:
    if text == "-":
        raise typer.BadParameter("standard output takes no files; give a name")
    return text


def output_file(text: str) -> Path:
    """The parser of an option that names a file to write."""
    return Path(_file_name(text))


def inputs(metavar: str, help: str) -> typer.models.ArgumentInfo:
    """The argument for input files and folders."""
    return typer.Argument(metavar=metavar, help=help, show_default=False)


def places(metavar: str, help: str) -> typer.models.ArgumentInfo:
    """The argument for input files and folders that may be URLs; strings, as Path breaks those."""
    return typer.Argument(metavar=metavar, help=help, show_default=False)


Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        parser=_file_name,
        metavar="FILE|DIR",
        help="Output file, or folder if there are several inputs.",
        show_default="next to each input",
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite existing files.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where the model runs.")
]


def codec_weights(default: str) -> Any:
    """The option --weights of a command that runs the codec."""
    return typer.Option(
        "--weights",
        metavar="NAME|FILE",
        help="Weights of the codec: shipped ones ('aecodec models'), or what"
        " 'aecodec train codec' wrote.",
        show_default=default,
    )


CodecWeights = Annotated[str | None, codec_weights("codec-cpu")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]

Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(
        "--engine",
        help="ray works on many cores or machines, and takes s3:// and gs:// URLs.",
        rich_help_panel=_RAY,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="auto|HOST:PORT",
        help="The Ray cluster.",
        show_default="one of its own, on this machine",
        rich_help_panel=_RAY,
    ),
]


def local_paths(places: Sequence[str], ray_address: str | None) -> list[Path]:
    """The inputs of a command that is not to run on Ray.

    Raises:
        typer.BadParameter: something given is for Ray only.
    """
    if ray_address is not None:
        raise typer.BadParameter("--ray-address is for --engine ray")
    for place in places:
        if is_url(place):
            raise typer.BadParameter(f"{place} is a URL; these take --engine ray")
    return [Path(place) for place in places]


def say(line: str) -> None:
    """Tell how a long job is going, without mixing into its result."""
    print(on_one_line(line), file=sys.stderr, flush=True)


def tell(line: str) -> None:
    """A line of a command's result."""
    print(on_one_line(line))


def on_one_line(text: str) -> str:
    """File names and the messages of parsers may have line breaks."""
    return "\\n".join(text.splitlines())


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
