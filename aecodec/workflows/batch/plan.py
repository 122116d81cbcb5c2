"""Which output each input of a batch gets, and which of them cannot be done."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from aecodec.errors import UsageError, explain
from aecodec.storage.atomic import why_not_written
from aecodec.storage.folders import find_files, identity


@dataclass(frozen=True)
class Job:
    """One input, its output, and what is known of it beforehand.

    Attributes:
        source, target: input and output.
        problem: why it cannot be done, or nothing.
        note: for whoever wants the output, or nothing.
        done: the output is there, and is to be kept.
    """

    source: Path
    target: Path
    problem: str = ""
    note: str = ""
    done: bool = False


def plan(
    inputs: Sequence[Path],
    output: str | None,
    *,
    suffixes: Collection[str],
    suffix: str,
    force: bool,
    skip_existing: bool = False,
) -> list[Job]:
    """Which output each input gets.

    Files go beside their input, or into the folder `output`; the tree of a folder is
    mirrored, below a folder of its own name if there are other inputs. If `output` is
    not an existing folder and there is just one input file, it is the output file.
    Inputs that differ in their suffix only, IMG.JPG and IMG.PNG, keep it: IMG.JPG.aec.

    Args:
        inputs: files and folders.
        output: file or folder; None is beside each input.
        suffixes: of the inputs, lower-case and with dot: what is looked for in folders.
        suffix: of the outputs.
        force: existing outputs may be overwritten.
        skip_existing: inputs whose output exists are done.

    Raises:
        UsageError: `output` is a file, and these inputs need a folder.
    """
    jobs: list[Job] = []
    for path in inputs:
        if os.path.isdir(path):  # Path.is_dir raises where permission is missing
            jobs += _plan_folder(path, _root(path, inputs, output), suffixes, suffix)
        else:
            jobs.append(Job(path, _target(path, inputs, output, suffixes, suffix)))
    return _check(_apart(jobs, suffix), force, skip_existing)


def takes_file_name(inputs: Sequence[Path], output: str | None) -> bool:
    """Whether `output` names a file rather than a folder."""
    if output is None or len(inputs) != 1 or os.path.isdir(inputs[0]):
        return False
    return not (output.endswith(("/", os.sep)) or os.path.isdir(output))


# ---- what a batch on a cluster has in common -------------------------------------------


def renamed(path: PurePath, suffixes: Collection[str], suffix: str) -> str:
    """The output's name; `photo.v2`, whose suffix is none of ours, keeps it."""
    return (path.stem if path.suffix.lower() in suffixes else path.name) + suffix


def not_apart(pairs: Sequence[tuple[str, str]], own: Sequence[str]) -> set[int]:
    """Of (input, output), the numbers of those that are to have a name of their own.

    That may be the output of yet another input: x.jpg.aec is that of x.jpg, if there is an x.png,
    and would be that of x.jpg.png.

    Args:
        own: the outputs that they would have then.
    """
    found: set[int] = set()
    while True:
        now = [(s, own[n] if n in found else target) for n, (s, target) in enumerate(pairs)]
        several = _shared(now)
        more = {n for n, (_, target) in enumerate(now) if target in several} - found
        if not more:
            return found
        found |= more


def _shared(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Of (input, output), the outputs that several inputs would have."""
    inputs: dict[str, set[str]] = {}
    for source, target in pairs:
        inputs.setdefault(target, set()).add(source)
    return {target for target, sources in inputs.items() if len(sources) > 1}


def own_name(source: str, target: str, suffix: str) -> tuple[str, str]:
    """The output's name of an input that would share it, IMG.JPG.aec, and a note of that."""
    name = source + suffix
    return name, f"{target} would be that of several; this is {name}"


def nothing_in(suffixes: Collection[str]) -> str:
    """What is wrong with a folder without inputs."""
    known = ", ".join(sorted(suffixes))
    return f"no files to work on in this folder (looked for {known})"


class Outputs:
    """Sees to it that no output overwrites an input, or another output.

    Args:
        inputs: what identifies each input, so that two paths to one file are equal.
    """

    def __init__(self, inputs: Iterable[object]) -> None:
        self._inputs = set(inputs) - {None}
        self._taken: dict[str, object] = {}  # output -> the input it belongs to

    def overwrites(self, target: object, identity: object) -> str:
        """Why an output must not be written, or nothing."""
        if identity in self._inputs:
            return f"would overwrite the input {target}; choose another -o"
        return ""

    def claim(self, place: str, source: object, target: object) -> str:
        """Take the output for an input; why that cannot be, or nothing."""
        first = self._taken.setdefault(place, source)
        if first == source:
            return ""
        return f"its output {target} is already that of {first}; do it on its own"


# ---- on this machine -------------------------------------------------------------------


def _folder(output: str) -> Path:
    if os.path.exists(output) and not os.path.isdir(output):
        raise UsageError(f"{output} is a file, but these inputs need a folder")
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


def _plan_folder(folder: Path, root: Path, suffixes: Collection[str], suffix: str) -> list[Job]:
    errors: list[OSError] = []
    files = [Path(path) for path in find_files([folder], suffixes, errors.append)]
    jobs = [Job(Path(error.filename), root, explain(error)) for error in errors]
    jobs += _without_outputs(
        Job(file, root / file.relative_to(folder).with_name(renamed(file, suffixes, suffix)))
        for file in files
    )
    return jobs or [Job(folder, root, nothing_in(suffixes))]


def _without_outputs(jobs: Iterable[Job]) -> list[Job]:
    """Leave out what an earlier run made of other files of the folder, from images to images."""
    places = [(job, _place(job.source), _place(job.target)) for job in jobs]
    made = {target for _, source, target in places if target != source}
    return [job for job, source, target in places if source == target or source not in made]


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _apart(jobs: Sequence[Job], suffix: str) -> list[Job]:
    """Inputs that would share an output keep their suffixes in its name."""
    apart = list(jobs)
    able = [n for n, job in enumerate(jobs) if not job.problem and os.path.exists(job.source)]
    names = [own_name(jobs[n].source.name, jobs[n].target.name, suffix) for n in able]
    own = [jobs[n].target.with_name(name) for n, (name, _) in zip(able, names, strict=True)]
    pairs = [(_place(jobs[n].source), _place(jobs[n].target)) for n in able]
    for number in not_apart(pairs, [_place(target) for target in own]):
        n = able[number]
        apart[n] = replace(jobs[n], target=own[number], note=names[number][1])
    return apart


def _check(jobs: Sequence[Job], force: bool, skip_existing: bool) -> list[Job]:
    """Drop repeated inputs and mark the jobs that would destroy a file."""
    outputs = Outputs(identity(job.source) for job in jobs)
    seen: set[tuple[str, str]] = set()
    checked = []
    for job in jobs:
        output = _place(job.target)
        if (pair := (_place(job.source), output)) in seen:
            continue
        seen.add(pair)
        done = skip_existing and not job.problem and os.path.isfile(job.target)
        problem = job.problem or _problem(job, outputs, force or done)
        problem = problem or outputs.claim(output, job.source, job.target)
        checked.append(replace(job, problem=problem, done=done and not problem))
    return checked


def _problem(job: Job, outputs: Outputs, force: bool) -> str:
    """Why the job must not be done, or nothing."""
    try:
        job.source.stat()
    except OSError as error:
        return explain(error)
    overwrites = outputs.overwrites(job.target, identity(job.target))
    return overwrites or why_not_written(job.target, force)
