"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

_RAY = "Many cores or machines"


def examples(*commands: str) -> str:
    """What stands at the end of a command's help."""
    return "\n  ".join(["[bold]Examples[/]", *commands])


def optional(metavar: str, help: str, default: str | bool = False, *names: str, **rest: Any) -> Any:
    """An option that may be left out.

    Args:
        metavar: what stands for its value in the help.
        help: what it does.
        default: what is so without it, in words; False: nothing.
        names: of it, if not the parameter's.
        rest: as of `typer.Option`.
    """
    return typer.Option(*names, metavar=metavar, help=help, show_default=default, **rest)


def _file_name(text: str) -> str:
    if text == "-":
        raise typer.BadParameter("standard output takes no files; give a name")
    return text


def output_file(text: str) -> Path:
    """The parser of an option that names a file to write."""
    return Path(_file_name(text))


def output_option(metavar: str, help: str) -> Any:
    """The option -o for what has to be written."""
    return optional(metavar, help, False, "--output", "-o", parser=output_file)


def inputs(metavar: str, help: str) -> typer.models.ArgumentInfo:
    """The argument for input files and folders; of text where URLs are taken, which Path breaks."""
    return typer.Argument(metavar=metavar, help=help, show_default=False)


DataPath = Annotated[Path, inputs("DATA", "A folder of images, or .npy, .npz, .csv, .parquet.")]
Output = Annotated[
    str | None,
    optional(
        "FILE|DIR",
        "Output file, or folder if there are several inputs.",
        "next to each input",
        "--output",
        "-o",
        parser=_file_name,
    ),
]
OutputOrPipe = Annotated[
    str | None,
    optional(
        "FILE|DIR|-",
        "Output file, or folder if there are several inputs; - is standard output.",
        "next to each input",
        "--output",
        "-o",
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
    return optional(
        "NAME|FILE",
        f"Weights of the {model}: shipped ones ('aecodec models'), or what"
        f" 'aecodec train {kind}' wrote.",
        default,
        name,
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
    optional("png|jpg|webp|...", "Image format to write.", "that of -o FILE, or png", "--format"),
]

Jobs = Annotated[
    int | None,
    optional(
        "N",
        "Processes, each with its own model.",
        "by cores, memory and files",
        "--jobs",
        min=1,
        rich_help_panel=_RAY,
    ),
]
Threads = Annotated[
    int | None,
    optional(
        "N",
        "Threads of each process.",
        "the cores, shared",
        "--threads",
        min=1,
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
    optional(
        "auto|HOST:PORT",
        "The Ray cluster.",
        "one of its own, on this machine",
        rich_help_panel=_RAY,
    ),
]
