"""What commands print: results to stdout, all else to stderr; progress if someone watches."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from aecodec.errors import named, on_one_line
from aecodec.workflows.batch.local import Outcome
from aecodec.workflows.notes import collect_notes


def say(line: str) -> None:
    """Tell how a long job is going, without mixing into its result."""
    print(on_one_line(line), file=sys.stderr, flush=True)


def tell(line: str) -> None:
    """A line of a command's result."""
    print(on_one_line(line))


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


@contextmanager
def noting() -> Iterator[None]:
    """Warnings meant for the user, such as of pixels converted, as notes, each but once."""
    notes: list[str] = []
    try:
        with collect_notes() as notes:
            yield
    finally:
        for note in notes:
            say(f"note: {note}")


class Progress:
    """Tells how far a job is, and prints lines that do not tear its bar apart.

    Args:
        bar: of rich; None: nobody is watching.
        total: of what is to be done, if it is known already.
    """

    def __init__(self, bar: Any = None, total: int | None = None) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total) if bar else None

    def __call__(self, done: int, total: int) -> None:
        if self._bar:
            self._bar.update(self._task, completed=done, total=total)

    def print(self, line: str, stream: Any) -> None:
        line = on_one_line(line)
        if self._bar and stream.isatty():  # the same terminal as the bar: print above it
            self._bar.console.out(line, highlight=False)
        else:
            print(line, file=stream, flush=True)


@contextmanager
def progress_bar(quiet: bool = False, total: int | None = None) -> Iterator[Progress]:
    """With a bar if there is someone to watch it."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Rich must leave stdout alone: it may be a file, and rich would send it to the terminal.
    with Bar(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        yield Progress(bar, total)


def report(
    outcomes: Iterable[Outcome],
    count: int,
    *,
    as_json: bool,
    quiet: bool = False,
    results: str = "",
    rehearsal: bool = False,
) -> None:
    """Print what becomes of files, each as soon as it is done.

    Args:
        outcomes: of a batch.
        count: how many there will be.
        as_json: print one JSON list instead of lines.
        quiet: only errors, notes and JSON.
        results: last line, in place of one for each file that was done.
        rehearsal: nothing is done, and these are what would be.

    Raises:
        typer.Exit: with code 1, after all is reported, when a file failed.
    """
    seen, start = [], time.perf_counter()
    with progress_bar(quiet or count < 2, count) as progress:
        for outcome in outcomes:
            for note in outcome.notes:
                progress.print(f"note: {named(outcome.source, note)}", sys.stderr)
            if outcome.error:
                progress.print(f"error: {outcome.error}", sys.stderr)
            elif not (as_json or quiet or results):
                how = "is there: skipped" if outcome.skipped else outcome.summary
                line = f"{outcome.source} -> {outcome.target}  {how}".rstrip()
                progress.print(line, sys.stdout)
            seen.append(outcome)
            progress(len(seen), count)
    if as_json:
        print_json([outcome.as_json() for outcome in seen])
    elif not quiet:
        if results or count > 1:
            print(_total(seen, time.perf_counter() - start, rehearsal))
        if results:
            print(results)
    if any(outcome.error for outcome in seen):
        raise typer.Exit(1)


def _total(outcomes: list[Outcome], seconds: float, rehearsal: bool) -> str:
    """The last line of a batch; 0 pixels leave out the bits per pixel."""
    done = [outcome for outcome in outcomes if not (outcome.error or outcome.skipped)]
    if rehearsal:
        return f"total: {len(done)} of {len(outcomes)} files would be done; nothing was written"
    size, pixels = sum(o.size for o in done), sum(o.pixels for o in done)
    before = sum(o.before for o in done)
    parts = [f"total: {len(done)} of {len(outcomes)} files"]
    if skipped := sum(outcome.skipped for outcome in outcomes):
        parts.append(f"{skipped} skipped")
    parts.append(f"{before:,} -> {size:,} bytes" if before else f"{size:,} bytes")
    if pixels:
        parts.append(f"{8 * size / pixels:.3f} bpp")
    return "  ".join([*parts, f"{seconds:.1f} s"])
