"""The one progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aecodec.errors import on_one_line


class Progress:
    """Tells how far a job is, and prints lines that do not tear its bar apart.

    Args:
        bar: of rich; None: nobody is watching.
        total: of what is to be done, if it is known already.
    """

    def __init__(self, bar: Any = None, total: int | None = None) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total) if bar else None

    def __call__(self, done: int, total: int, about: str = "") -> None:
        if self._bar:
            self._bar.update(self._task, completed=done, total=total, description=about)

    def print(self, line: str, stream: Any) -> None:
        line = on_one_line(line)
        if self._bar and stream.isatty():  # the same terminal as the bar: print above it
            self._bar.console.out(line, highlight=False)
        else:
            print(line, file=stream, flush=True)


def is_watched() -> bool:
    """Whether stderr, where bars go, is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress_bar(shown: bool, total: int | None = None) -> Iterator[Progress]:
    """A bar on stderr while the block lasts, if it is to be shown; in a log, how it ended."""
    if not shown:
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    about = TextColumn("{task.description}", markup=False)
    columns = (about, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Rich must leave stdout alone: it may be a file, and rich would send it to the terminal.
    seen = console.is_terminal
    with Bar(*columns, console=console, transient=seen, redirect_stdout=False) as bar:
        yield Progress(bar, total)
