"""Commands of one result a file: done here, on Ray, or from and to a pipe."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import typer

from aecodec.storage.folders import is_url
from aecodec.workflows.batch.local import Work, rehearse, run
from aecodec.workflows.batch.plan import Job, plan

from .output import How, report
from .pipes import is_piped, run_piped


def run_here(
    jobs: Sequence[Job],
    load: partial[Work],
    how: How,
    prepare: Callable[[Sequence[Path]], None] | None = None,
) -> None:
    """Do the jobs, or only say what they are, and print what comes of them; see `report`.

    Args:
        prepare: is told, in each process before `load`, what files there are to do, about.
    """
    from aecodec.nn.runtime import available_cores, may_have_gpu, use_threads
    from aecodec.workflows.batch.processes import good_number, run_in_processes

    sources = to_do(jobs)
    processes = how.processes
    if processes is None:
        on_gpu = load.keywords.get("device") != "cpu" and may_have_gpu()
        processes = 1 if on_gpu else good_number(len(sources))
    processes = max(1, min(processes, len(sources)))
    start = partial(_prepared, prepare, sources[::processes], load) if prepare else load
    if how.dry_run:
        outcomes = rehearse(jobs)
    elif processes > 1:
        threads = how.threads or max(1, available_cores() // processes)
        outcomes = run_in_processes(
            jobs, start, force=how.force, processes=processes, threads=threads
        )
    else:
        if how.threads:
            use_threads(how.threads)
        outcomes = run(jobs, start, force=how.force)
    report(outcomes, len(jobs), as_json=how.as_json, quiet=how.quiet, rehearsal=how.dry_run)


def _prepared(
    prepare: Callable[[Sequence[Path]], None], sources: Sequence[Path], load: Callable[[], Work]
) -> Work:
    prepare(sources)
    return load()


def to_do(jobs: Sequence[Job]) -> list[Path]:
    """The files of jobs that can and need be done."""
    return [job.source for job in jobs if not (job.problem or job.done)]


def run_batch(
    command: str,
    inputs: Sequence[str],
    output: str | None,
    load: partial[Work],
    how: How,
    *,
    suffixes: Collection[str],
    suffix: str,
    engine: str,
    ray_address: str | None,
    device: str,
    prepare: Callable[[Sequence[Path]], None] | None = None,
) -> None:
    """Files to files on this machine or on Ray, or a pipe; print what comes of them.

    Args:
        prepare: as of `run_here`.
    """
    if is_piped(inputs, output):
        run_piped(inputs, output, load, how, engine)
        return
    if engine == "ray":
        if how.processes or how.threads:
            raise typer.BadParameter("--jobs and --threads are for --engine local")
        run_cluster(
            command,
            inputs,
            output,
            load,
            how,
            suffixes=suffixes,
            suffix=suffix,
            address=ray_address,
            gpus=device != "cpu",
        )
        return
    jobs = plan(
        local_paths(inputs, ray_address),
        output,
        suffixes=suffixes,
        suffix=suffix,
        force=how.force,
        skip_existing=how.skip_existing,
    )
    run_here(jobs, load, how, prepare)


def run_cluster(
    command: str,
    inputs: Sequence[str],
    output: str | None,
    load: partial[Work],
    how: How,
    *,
    suffixes: Collection[str],
    suffix: str,
    address: str | None,
    gpus: bool,
) -> None:
    """As `run_batch`, on Ray; arguments as of `run_on_ray`."""
    from aecodec.workflows.batch.ray import run_on_ray

    # A file's path is made absolute for Ray; a name is of each machine's own file.
    options = {
        name: Path(value) if name.endswith("weights") and value and Path(value).is_file() else value
        for name, value in load.keywords.items()
    }
    batch = run_on_ray(
        command,
        inputs,
        output,
        partial(load.func, *load.args, **options),
        suffixes=suffixes,
        suffix=suffix,
        address=address,
        gpus=gpus,
        force=how.force,
        skip_existing=how.skip_existing,
        dry_run=how.dry_run,
    )
    there = f"results: {batch.results}  {batch.there} of {batch.parts} parts were there"
    report(
        batch.outcomes,
        len(batch.outcomes),
        as_json=how.as_json,
        quiet=how.quiet,
        results="" if how.dry_run else there,
        rehearsal=how.dry_run,
    )


def local_paths(places: Sequence[str], ray_address: str | None) -> list[Path]:
    """The inputs of a command that is not to run on Ray.

    Raises:
        typer.BadParameter: something given is for Ray only.
    """
    if ray_address is not None:
        raise typer.BadParameter("--ray-address is for --engine ray")
    for place in places:
        if is_url(place):
            raise typer.BadParameter(f"{place} is a URL; these take --engine ray")
    return [Path(place) for place in places]
