"""Commands of one result a file: done here, on Ray, or from and to a pipe."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import typer

from aecodec.storage.folders import is_url
from aecodec.workflows.batch.local import Work, rehearse
from aecodec.workflows.batch.plan import Job, plan

from .output import How, report
from .pipes import is_piped, run_piped

Prepare = Callable[[Sequence[Path]], None]


def run_here(
    jobs: Sequence[Job], load: partial[Work], how: How, prepare: Prepare | None = None
) -> None:
    """Do the jobs, or only say what they are, and print what comes of them; see `report`.

    Args:
        prepare: as of `aecodec.workflows.batch.processes.run_here`.
    """
    from aecodec.workflows.batch import processes

    if how.dry_run:
        outcomes = rehearse(jobs)
    else:
        outcomes = processes.run_here(
            jobs,
            load,
            force=how.force,
            processes=how.processes,
            threads=how.threads,
            prepare=prepare,
        )
    report(outcomes, len(jobs), as_json=how.as_json, quiet=how.quiet, rehearsal=how.dry_run)


def run_batch(
    command: str,
    inputs: Sequence[str],
    output: str | None,
    load: partial[Work],
    how: How,
    *,
    suffixes: Collection[str],
    suffix: str,
    prepare: Prepare | None = None,
) -> None:
    """Files to files on this machine or on Ray, or a pipe; print what comes of them.

    Args:
        prepare: as of `run_here`.
    """
    if is_piped(inputs, output):
        run_piped(inputs, output, load, how)
        return
    if how.engine == "ray":
        if how.processes or how.threads:
            raise typer.BadParameter("--jobs and --threads are for --engine local")
        run_cluster(command, inputs, output, load, how, suffixes=suffixes, suffix=suffix)
        return
    jobs = plan(
        local_paths(inputs, how.ray_address),
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
) -> None:
    """As `run_batch`, on Ray; arguments as of `run_on_ray`."""
    from aecodec.workflows.batch.ray import run_on_ray

    batch = run_on_ray(
        command,
        inputs,
        output,
        load,
        suffixes=suffixes,
        suffix=suffix,
        address=how.ray_address,
        gpus=load.keywords["device"] != "cpu",
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
