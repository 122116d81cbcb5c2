"""A batch done in this process, one job after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aecodec.errors import explain, named
from aecodec.storage.atomic import write_atomically
from aecodec.workflows.batch.plan import Job
from aecodec.workflows.notes import collect_notes
from aecodec.workflows.standard_input import input_file, without_path


@dataclass(frozen=True)
class Product:
    """What a workflow made of one input.

    Attributes:
        data: the output file.
        facts: for the JSON report.
        summary: for a line on the terminal, after the file names.
        pixels: counted towards the bits per pixel of the whole batch; 0 leaves it out.
    """

    data: bytes | memoryview
    facts: dict[str, Any]
    summary: str
    pixels: int = 0


@dataclass
class Outcome:
    """How one job ended. `size` is the output's and `before` the input's, in bytes, if known."""

    source: str
    target: str | None
    error: str = ""
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    size: int = 0
    pixels: int = 0
    before: int = 0
    skipped: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "input": self.source,
            "output": None if self.error else self.target,
            "error": self.error or None,
            "notes": self.notes,
            **({"skipped": True} if self.skipped else {}),
            **self.facts,
        }


Work = Callable[[Path], Product]
"""From an input's path to what becomes of it."""


def run(jobs: Sequence[Job], load: Callable[[], Work], *, force: bool) -> Iterator[Outcome]:
    """Do the jobs one after the other. A job that fails does not stop the rest.

    Args:
        jobs: from `plan`.
        load: called once, if there is anything to do; gives the function that does it. That may
            take a while (models).
        force: existing outputs may be overwritten.

    Yields:
        What came of each job, as soon as it is done.
    """
    work = load() if any(not (job.problem or job.done) for job in jobs) else None
    for job in jobs:
        yield foreseen(job) if job.problem or job.done or work is None else do(job, work, force)


def rehearse(jobs: Sequence[Job]) -> Iterator[Outcome]:
    """What `run` would do: the problems that are known beforehand, and nothing done."""
    return map(foreseen, jobs)


def foreseen(job: Job) -> Outcome:
    """What comes of a job that is not to be done."""
    source, target = str(job.source), str(job.target)
    if job.problem:
        return Outcome(source, target, named(job.source, job.problem))
    notes = [job.note] if job.note else []
    return Outcome(source, target, notes=notes, skipped=job.done)


def do(job: Job, work: Work, force: bool) -> Outcome:
    """Do one job."""

    def write(data: bytes | memoryview) -> None:
        write_atomically(job.target, data, overwrite=force)

    outcome = attempt_file(str(job.source), str(job.target), work, write)
    outcome.notes[:0] = [job.note] if job.note else []
    if not outcome.error:
        outcome.before = os.path.getsize(job.source)
    return outcome


def attempt_file(
    source: str, target: str | None, work: Work, write: Callable[[bytes | memoryview], None]
) -> Outcome:
    """As `attempt`, of a file, of "-", which is standard input, or of a pipe."""
    path = Path(source)

    def work_on_file() -> Product:
        nonlocal path
        with input_file(source) as path:
            return work(path)

    outcome = attempt(source, target, work_on_file, write)
    outcome.error = without_path(outcome.error, path, source)
    outcome.notes[:] = [without_path(note, path, source) for note in outcome.notes]
    return outcome


def attempt(
    source: str,
    target: str | None,
    work: Callable[[], Product],
    write: Callable[[bytes | memoryview], None],
) -> Outcome:
    """Work, and write what comes of it; errors that a user could bring about are outcomes."""
    notes: list[str] = []
    try:
        with collect_notes() as notes:
            product = work()
        write(product.data)
    except Exception as error:
        return Outcome(source, target, named(source, explain(error)), notes)
    return Outcome(
        source,
        target,
        notes=notes,
        facts=product.facts,
        summary=product.summary,
        size=len(product.data),
        pixels=product.pixels,
    )
