"""Standard input and output in the place of files, written as "-"."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from aecodec.storage.atomic import refuse_to_overwrite, write_atomically
from aecodec.workflows.batch.local import Work, attempt_file
from aecodec.workflows.standard_input import STANDARD

from .output import How, report


def is_piped(inputs: Sequence[object], output: str | None) -> bool:
    """Whether one of them is standard input, or the output is standard output."""
    return output == STANDARD or STANDARD in map(str, inputs)


def run_piped(
    inputs: Sequence[object], output: str | None, load: Callable[[], Work], how: How
) -> None:
    """One input to one output, of which at least one is a pipe.

    Args:
        inputs: exactly one; "-" is standard input.
        output: a file; None or "-" is standard output.
        load: makes the function that does it.
        how: with nothing that is for files only.

    Raises:
        typer.BadParameter: it cannot be done so.
        typer.Exit: with code 1, when it failed.
    """
    to_standard = output in (None, STANDARD)
    if len(inputs) != 1:
        raise typer.BadParameter("'-' is for one input and one output")
    if how.engine != "local" or how.skip_existing or how.dry_run:
        raise typer.BadParameter("'-' takes no --engine, --skip-existing or --dry-run")
    if to_standard and how.as_json:
        raise typer.BadParameter("standard output has the file; give -o FILE for --json")
    if to_standard and sys.stdout.isatty():
        raise typer.BadParameter("standard output is a terminal; redirect it, or give -o FILE")
    if not to_standard:
        refuse_to_overwrite(Path(str(output)), how.force)

    def write(data: bytes | memoryview) -> None:
        if to_standard:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write_atomically(Path(str(output)), data, overwrite=how.force)

    target = STANDARD if to_standard else output
    outcome = attempt_file(str(inputs[0]), target, load(), write)
    # Standard output has the result then, and nothing else.
    report([outcome], 1, as_json=how.as_json, quiet=how.quiet or to_standard)
