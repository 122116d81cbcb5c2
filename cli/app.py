"""The application: all commands together, and what is done about errors."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from aecodec._version import __version__
from aecodec.errors import UsageError, explain

from . import (
    ae,
    bench,
    compress,
    denoise,
    desktop,
    duplicates,
    export,
    hashing,
    models,
    thumbnail,
    train,
    viewer,
)
from .help import simplify
from .options import examples
from .ui import command as ui

app = typer.Typer(
    name="aecodec",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback means a bug; a plain one is best to report
)
_ON_IMAGES = (compress, thumbnail, denoise, hashing, duplicates)
for family in (*_ON_IMAGES, models, export, viewer, train, ui, desktop):
    app.add_typer(family.app)
app.add_typer(ae.app, name="ae", rich_help_panel="Autoencoders on your own data")
app.add_typer(bench.app, name="bench", rich_help_panel="Models")

simplify(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print("aecodec", __version__)
        raise typer.Exit


@app.callback(
    epilog=examples(
        "aecodec compress photo.png",
        "aecodec decompress photo.aec -o restored.png",
        "aecodec COMMAND --help",
    )
)
def aecodec(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Autoencoders at work on images: compress, denoise, search, and explore arrays."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: instead of those in `sys.argv`.

    Returns:
        The exit code: 0 all done, 1 something failed, 2 wrong usage, 130 Ctrl-C.
    """
    _never_fail_to_print()
    arguments = sys.argv[1:] if arguments is None else arguments
    # Path("") would be the current folder, and "$unset" all that is in it.
    if any(not text or re.fullmatch("--[a-z-]+=", text) for text in arguments):
        print(
            "error: an empty file name, or other argument; is a variable not set?", file=sys.stderr
        )
        return 2
    try:
        os.getcwd()
    except FileNotFoundError:
        print("error: the working folder is gone; change to another", file=sys.stderr)
        return 1
    # Importing torch makes 170,000 objects, none of them garbage: looking for it again and
    # again takes a third of the import.
    gc.set_threshold(200_000)
    try:
        return app(arguments, standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        # Wrong usage is one of Click's or of Typer's own errors, depending on Typer's version.
        if hasattr(error, "format_message"):
            return _report_usage(error)
        print(f"error: {explain(error)}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _report_usage(error: Any) -> int:
    if message := error.format_message():  # none when the help was shown instead
        print(f"error: {message}", file=sys.stderr)
        if context := getattr(error, "ctx", None):
            print(f"see '{context.command_path} --help'", file=sys.stderr)
    return int(error.exit_code)


def _never_fail_to_print() -> None:
    """File names need not fit the terminal's encoding, or any."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
