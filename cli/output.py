"""What commands print: results to stdout, all else to stderr; progress if someone watches."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from aecodec.errors import named, on_one_line
from aecodec.progress import is_watched, progress_bar
from aecodec.storage.atomic import refuse_to_overwrite, write_atomically
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


def write_all(folder: Path, files: Mapping[str, bytes], force: bool) -> None:
    """Write files by their names; none of them if one is in the way."""
    for name in files:
        refuse_to_overwrite(folder / name, force)
    for name, data in files.items():
        write_atomically(folder / name, data, overwrite=force)


@dataclass(frozen=True)
class How:
    """The options of a command on many files that say what is written and printed, and by whom.

    Attributes:
        processes: how many; None: as many as suit.
        threads: of each; None: the cores are shared.
        engine: "local" or "ray".
        ray_address: of the cluster; None: one of its own.
    """

    force: bool
    as_json: bool
    quiet: bool
    processes: int | None = 1
    threads: int | None = None
    engine: str = "local"
    ray_address: str | None = None
    skip_existing: bool = False
    dry_run: bool = False


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
    with progress_bar(not quiet and count > 1 and is_watched(), count) as progress:
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
