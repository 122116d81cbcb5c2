"""A batch done in several processes of this machine, each with a model of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from aecodec.errors import named
from aecodec.nn.runtime import available_cores, machine_memory, may_have_gpu, use_threads
from aecodec.workflows.batch.local import Outcome, Work, do, foreseen, run
from aecodec.workflows.batch.plan import Job

_FILES_EACH = 8  # a process takes a second to start
_BYTES_EACH = 2 << 30  # of memory: a photo of 12 megapixels takes about half

_work: Work | Exception | None = None


def run_here(
    jobs: Sequence[Job],
    load: partial[Work],
    *,
    force: bool,
    processes: int | None = 1,
    threads: int | None = None,
    prepare: Callable[[Sequence[Path]], None] | None = None,
) -> Iterator[Outcome]:
    """As `aecodec.workflows.batch.local.run`, in one process or several.

    Args:
        load: can be pickled; its keyword "device", if it has one, tells where the model runs.
        processes: None: as many as suit the files and this machine; one if a GPU does the work.
        threads: of each process; None: the cores are shared.
        prepare: is told, in each process before `load`, what files there are to do, about.

    Returns:
        What came of each job, in their order.
    """
    sources = [job.source for job in jobs if not (job.problem or job.done)]
    if processes is None:
        on_gpu = load.keywords.get("device") != "cpu" and may_have_gpu()
        processes = 1 if on_gpu else good_number(len(sources))
    processes = max(1, min(processes, len(sources)))
    start = partial(_prepared, prepare, sources[::processes], load) if prepare else load
    if processes > 1:
        threads = threads or max(1, available_cores() // processes)
        return run_in_processes(jobs, start, force=force, processes=processes, threads=threads)
    if threads:
        use_threads(threads)
    return run(jobs, start, force=force)


def _prepared(
    prepare: Callable[[Sequence[Path]], None], sources: Sequence[Path], load: Callable[[], Work]
) -> Work:
    prepare(sources)
    return load()


def good_number(files: int) -> int:
    """How many processes suit so many files: by cores and memory."""
    return max(1, min(available_cores(), files // _FILES_EACH, machine_memory() // _BYTES_EACH))


def run_in_processes(
    jobs: Sequence[Job], load: Callable[[], Work], *, force: bool, processes: int, threads: int
) -> Iterator[Outcome]:
    """As `aecodec.workflows.batch.local.run`, in so many processes.

    Args:
        load: called once in each process; it can be pickled. What it raises is raised here.
        processes: at least 1.
        threads: of each process.

    Yields:
        What came of each job, in their order.
    """
    # Forked processes would have locks of threads that are not there.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start, (load, threads))
    try:
        futures = [
            None if job.problem or job.done else pool.submit(_do, job, force) for job in jobs
        ]
        for job, future in zip(jobs, futures, strict=True):
            yield _outcome(job, future) if future else foreseen(job)
    finally:
        pool.shutdown(cancel_futures=True)


def _outcome(job: Job, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        problem = "a process of the batch ended, as if out of memory; try with fewer --jobs"
        return Outcome(str(job.source), str(job.target), named(job.source, problem))


def _start(load: Callable[[], Work], threads: int) -> None:
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    use_threads(threads)
    try:
        _work = load()
    except Exception as error:  # raised here, it would only be said that the process ended
        _work = error


def _do(job: Job, force: bool) -> Outcome:
    assert _work is not None
    if isinstance(_work, Exception):
        raise _work
    return do(job, _work, force)
