"""Many inputs, one output each: plan, run, report.

All commands that turn files into files go through here, and so agree on folders,
overwriting, failures, progress and JSON. Such a command calls `plan` and then `run`.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import typer

from aecodec.errors import AecodecError
from aecodec.files import why_not_written, write_atomically

from .inputs import find_files, identity
from .options import on_one_line

if TYPE_CHECKING:
    from rich.progress import Progress


@dataclass(frozen=True)
class Job:
    """One input, its output, and why it cannot be done if that is known beforehand."""

    source: Path
    target: Path
    problem: str = ""


@dataclass(frozen=True)
class Product:
    """What a command made of one input.

    Attributes:
        data: the output file.
        facts: for the JSON report.
        summary: for the line on the terminal, after the file names.
        pixels: counted towards the bits per pixel of the whole batch; 0 leaves it out.
    """

    data: bytes | memoryview
    facts: dict[str, Any]
    summary: str
    pixels: int = 0


@dataclass
class Outcome:
    """How one job ended. `size` is the output's, in bytes."""

    job: Job
    error: str = ""
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    size: int = 0
    pixels: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "input": str(self.job.source),
            "output": None if self.error else str(self.job.target),
            "error": self.error or None,
            "notes": self.notes,
            **self.facts,
        }


Work = Callable[[Path], Product]


# ---- plan ------------------------------------------------------------------------------


def plan(
    inputs: Sequence[Path],
    output: str | None,
    *,
    suffixes: Collection[str],
    suffix: str,
    force: bool,
) -> list[Job]:
    """Which output each input gets.

    Files go beside their input, or into the folder `output`; the tree of a folder is
    mirrored, below a folder of its own name if there are other inputs. If `output` is
    not an existing folder and there is just one input file, it is the output file.

    Args:
        inputs: files and folders.
        output: file or folder; None is beside each input.
        suffixes: of the inputs, lower-case and with dot: what is looked for in folders.
        suffix: of the outputs.
        force: existing outputs may be overwritten.
    """
    jobs: list[Job] = []
    for path in inputs:
        if os.path.isdir(path):  # Path.is_dir raises where permission is missing
            jobs += _plan_folder(path, _root(path, inputs, output), suffixes, suffix)
        else:
            jobs.append(Job(path, _target(path, inputs, output, suffixes, suffix)))
    return _check(jobs, force)


def takes_file_name(inputs: Sequence[Path], output: str | None) -> bool:
    """Whether `output` names a file rather than a folder."""
    if output is None or len(inputs) != 1 or os.path.isdir(inputs[0]):
        return False
    return not (output.endswith(("/", os.sep)) or os.path.isdir(output))


def _folder(output: str) -> Path:
    if os.path.exists(output) and not os.path.isdir(output):
        raise typer.BadParameter(
            f"{output} is a file, but these inputs need a folder", param_hint="--output"
        )
    return Path(output)


def _root(path: Path, inputs: Sequence[Path], output: str | None) -> Path:
    if output is None:
        return path
    # With several inputs, folders of like content (camera names) must not mix.
    return _folder(output) if len(inputs) == 1 else _folder(output) / path.resolve().name


def _target(
    path: Path, inputs: Sequence[Path], output: str | None, suffixes: Collection[str], suffix: str
) -> Path:
    if output is None:
        return path.with_name(renamed(path, suffixes, suffix))
    if takes_file_name(inputs, output):
        return Path(output)
    return _folder(output) / renamed(path, suffixes, suffix)


def renamed(path: PurePath, suffixes: Collection[str], suffix: str) -> str:
    """The output's name; `photo.v2`, whose suffix is none of ours, keeps it."""
    return (path.stem if path.suffix.lower() in suffixes else path.name) + suffix


def _plan_folder(folder: Path, root: Path, suffixes: Collection[str], suffix: str) -> list[Job]:
    errors: list[OSError] = []
    files = find_files(folder, suffixes, errors.append)
    jobs = [Job(Path(error.filename), root, explain(error)) for error in errors]
    jobs += _without_outputs(
        Job(file, root / file.relative_to(folder).with_name(renamed(file, suffixes, suffix)))
        for file in files
    )
    if not jobs:
        known = ", ".join(sorted(suffixes))
        jobs = [Job(folder, root, f"no files to work on in this folder (looked for {known})")]
    return jobs


def _without_outputs(jobs: Iterable[Job]) -> list[Job]:
    """Leave out what an earlier run made of other files of the folder, from images to images."""
    places = [(job, _place(job.source), _place(job.target)) for job in jobs]
    made = {target for _, source, target in places if target != source}
    return [job for job, source, target in places if source == target or source not in made]


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _check(jobs: Sequence[Job], force: bool) -> list[Job]:
    """Drop repeated inputs and mark the jobs that would destroy a file."""
    sources = {identity(job.source) for job in jobs} - {None}
    seen: set[tuple[str, str]] = set()
    taken: dict[str, Path] = {}  # output -> the input it belongs to
    checked = []
    for job in jobs:
        output = _place(job.target)
        if (pair := (_place(job.source), output)) in seen:
            continue
        seen.add(pair)
        problem = job.problem or _problem(job, sources, force)
        if not problem and (first := taken.setdefault(output, job.source)) is not job.source:
            problem = f"its output {job.target} is already that of {first}; do it on its own"
        checked.append(replace(job, problem=problem))
    return checked


def _problem(job: Job, sources: set[Any], force: bool) -> str:
    """Why the job must not be done, or nothing."""
    try:
        job.source.stat()
    except OSError as error:
        return explain(error)
    if identity(job.target) in sources:
        return f"would overwrite the input {job.target}; choose another -o"
    return why_not_written(job.target, force)


# ---- run -------------------------------------------------------------------------------


def run(jobs: Sequence[Job], load: Callable[[], Work], *, force: bool, as_json: bool) -> None:
    """Do the jobs one after the other, and report. A job that fails does not stop the rest.

    Args:
        jobs: from `plan`.
        load: called once, if there is anything to do; gives the function from an
            input's path to what becomes of it. That may take a while (models).
        force: existing outputs may be overwritten.
        as_json: print one JSON list instead of lines.

    Raises:
        typer.Exit: with code 1, after all is reported, when a job failed.
    """
    work = load() if any(not job.problem for job in jobs) else None
    outcomes = []
    with _terminal(len(jobs)) as terminal:
        for job in jobs:
            outcome = _do(job, work, force=force)
            terminal.report(outcome, as_json=as_json)
            outcomes.append(outcome)
    if as_json:
        print(json.dumps([outcome.as_json() for outcome in outcomes], indent=2))
    elif len(jobs) > 1:
        done = [outcome for outcome in outcomes if not outcome.error]
        size, pixels = sum(o.size for o in done), sum(o.pixels for o in done)
        print(total(len(done), len(outcomes), size, pixels))
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _do(job: Job, work: Work | None, *, force: bool) -> Outcome:
    if job.problem or work is None:
        return Outcome(job, error=named(job.source, job.problem))
    return attempt(job, work, lambda data: write_atomically(job.target, data, overwrite=force))


def attempt(job: Job, work: Work, write: Callable[[bytes | memoryview], None]) -> Outcome:
    """Work, and write what comes of it; errors that a user could bring about are outcomes."""
    notes: list[str] = []
    try:
        with _noting(notes):
            product = work(job.source)
        write(product.data)
    except Exception as error:
        message = named(job.source, explain(error))
        return Outcome(job, error=message, notes=notes)
    return Outcome(
        job,
        notes=notes,
        facts=product.facts,
        summary=product.summary,
        size=len(product.data),
        pixels=product.pixels,
    )


@contextmanager
def _noting(notes: list[str]) -> Iterator[None]:
    """Collect the warnings meant for the user; torch's are about its own inside."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for warning in caught:
                ours = "torch" not in Path(warning.filename).parts
                if issubclass(warning.category, UserWarning) and ours:
                    notes.append(str(warning.message))
            notes[:] = dict.fromkeys(notes)


# ---- report ----------------------------------------------------------------------------


def explain(error: BaseException) -> str:
    """One line for a person: what happened to which file and what to do about it.

    Raises:
        BaseException: the error itself, if it is none that a user could bring about.
    """
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return "not enough memory"
    if isinstance(error, AecodecError):
        return on_one_line(str(error))
    if not isinstance(error, OSError):
        raise error
    if error.errno is None or error.strerror is None:
        return on_one_line(str(error))
    reason = error.strerror[:1].lower() + error.strerror[1:]
    file = f"{error.filename}: " if error.filename else ""
    return on_one_line(f"{file}{reason}{_ADVICE.get(error.errno, '')}")


_ADVICE = {
    errno.EACCES: "; check the permissions",
    errno.EPERM: "; check the permissions",
    errno.EROFS: "; choose another place",
    errno.ENOSPC: "; make room, or choose another place",
    errno.EDQUOT: "; make room, or choose another place",
}


def _is_out_of_memory(error: BaseException) -> bool:
    """Torch says so by a RuntimeError; its GPU kind is a subclass, without torch unknown here."""
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "allocate memory" in text or "size calculation overflow" in text
    )


def named(source: object, message: str) -> str:
    """The message, led by the file's name unless it has it already."""
    start = f"{on_one_line(str(source))}: "
    return message if message.startswith(start) else start + message


def total(done: int, files: int, size: int, pixels: int) -> str:
    """The last line of a batch; 0 pixels leave out the bits per pixel."""
    parts = [f"total: {done} of {files} files", f"{size:,} bytes"]
    if pixels:
        parts.append(f"{8 * size / pixels:.3f} bpp")
    return "  ".join(parts)


class _Terminal:
    """Lines for stdout and stderr that do not tear a progress bar apart."""

    def __init__(self, progress: Progress | None = None, files: int = 0) -> None:
        self.progress = progress
        self.task = progress.add_task("", total=files) if progress else None

    def report(self, outcome: Outcome, *, as_json: bool) -> None:
        for note in outcome.notes:
            self._print(f"note: {named(outcome.job.source, note)}", sys.stderr)
        if outcome.error:
            self._print(f"error: {outcome.error}", sys.stderr)
        elif not as_json:
            job = outcome.job
            self._print(f"{job.source} -> {job.target}  {outcome.summary}", sys.stdout)
        if self.progress and self.task is not None:
            self.progress.advance(self.task)

    def _print(self, line: str, stream: Any) -> None:
        line = on_one_line(line)
        if self.progress and stream.isatty():  # the same terminal as the bar: print above it
            self.progress.console.out(line, highlight=False)
        else:
            print(line, file=stream, flush=True)


@contextmanager
def _terminal(files: int) -> Iterator[_Terminal]:
    """With a progress bar if there is someone to watch it and something to watch."""
    if files < 2 or sys.stderr is None or not sys.stderr.isatty():
        yield _Terminal()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Rich must leave stdout alone: it may be a file, and rich would send it to the terminal.
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False)
    with bar:
        yield _Terminal(bar, files)
