"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

_RAY = "Many cores or machines"


def _file_name(text: str) -> str:
    if text == "-":
        raise typer.BadParameter("standard output takes no files; give a name")
    return text


def output_file(text: str) -> Path:
    """The parser of an option that names a file to write."""
    return Path(_file_name(text))


def output_option(metavar: str, help: str) -> Any:
    """The option -o for what has to be written."""
    return typer.Option(
        "--output", "-o", parser=output_file, metavar=metavar, help=help, show_default=False
    )


def inputs(metavar: str, help: str) -> typer.models.ArgumentInfo:
    """The argument for input files and folders; of text where URLs are taken, which Path breaks."""
    return typer.Argument(metavar=metavar, help=help, show_default=False)


DataPath = Annotated[Path, inputs("DATA", "A folder of images, or .npy, .npz, .csv, .parquet.")]
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
OutputOrPipe = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE|DIR|-",
        help="Output file, or folder if there are several inputs; - is standard output.",
        show_default="next to each input",
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite existing files.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where the model runs.")
]


def weights_option(model: str, default: str, kind: str, name: str = "--weights") -> Any:
    """The option for the weights of a model.

    Args:
        model: whose weights.
        default: of which those that ship are used.
        kind: what `aecodec train` calls the model.
        name: of the option.
    """
    return typer.Option(
        name,
        metavar="NAME|FILE",
        help=f"Weights of the {model}: shipped ones ('aecodec models'), or what"
        f" 'aecodec train {kind}' wrote.",
        show_default=default,
    )


def codec_weights(default: str) -> Any:
    """The option --weights of a command that runs the codec."""
    return weights_option("codec", default, "codec")


CodecWeights = Annotated[str | None, codec_weights("codec-balanced")]
DenoiserWeights = Annotated[str | None, weights_option("denoiser", "denoise-cpu", "denoise")]
HashWeights = Annotated[str | None, weights_option("hash model", "hash-photo", "hash")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="Print only what was asked for, notes and errors.")
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing", help="Leave out what has its output: go on where an earlier run ended."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be written where; write nothing.")
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="png|jpg|webp|...",
        help="Image format to write.",
        show_default="that of -o FILE, or png",
    ),
]

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        metavar="N",
        help="Processes, each with its own model.",
        show_default="by cores, memory and files",
        rich_help_panel=_RAY,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="Threads of each process.",
        show_default="the cores, shared",
        rich_help_panel=_RAY,
    ),
]
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
