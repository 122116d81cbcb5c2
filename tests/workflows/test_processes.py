"""A batch in several processes gives what one process gives, and says what went wrong."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from aecodec.errors import AecodecError
from aecodec.workflows.batch.local import Outcome, Product, Work, run
from aecodec.workflows.batch.plan import Job
from aecodec.workflows.batch.processes import good_number, run_here, run_in_processes


def reader(kept: str) -> Work:
    """A work that other processes can load."""
    return partial(_read, kept)


def _read(kept: str, source: Path) -> Product:
    text = source.read_text()
    if text == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "bad":
        raise AecodecError("this one is bad")
    return Product((kept + text).encode(), {"threads": os.environ["OMP_NUM_THREADS"]}, text)


def no_model() -> Work:
    raise AecodecError("no such weights")


def jobs_for(folder: Path, *texts: str) -> list[Job]:
    jobs = []
    for number, text in enumerate(texts):
        source = folder / f"{number}.txt"
        source.write_text(text)
        jobs.append(Job(source, folder / f"{number}.out"))
    return jobs


def in_two(jobs: list[Job], force: bool = False) -> list[Outcome]:
    load = partial(reader, "of ")
    return list(run_in_processes(jobs, load, force=force, processes=2, threads=3))


def test_two_processes_do_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    jobs = jobs_for(tmp_path, "a", "bad", "c", "d")
    jobs.insert(1, Job(tmp_path / "none", tmp_path / "none.out", problem="is not there"))
    there = in_two(jobs)
    assert [job.target.read_text() for job in jobs if job.target.exists()] == [
        "of a",
        "of c",
        "of d",
    ]
    assert there == list(run(jobs, partial(reader, "of "), force=True))
    assert all(outcome.error for outcome in in_two(jobs))  # not overwritten without force


def test_what_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    batch = run_in_processes(jobs_for(tmp_path, "a"), no_model, force=False, processes=1, threads=1)
    with pytest.raises(AecodecError, match="no such weights"):
        list(batch)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_process_that_is_killed_is_an_error_of_its_files(tmp_path: Path) -> None:
    (outcome,) = in_two(jobs_for(tmp_path, "killed"))
    assert "0.txt" in outcome.error
    assert "fewer --jobs" in outcome.error


def test_few_files_are_done_in_one_process() -> None:
    assert good_number(0) == good_number(7) == 1
    assert 1 <= good_number(10_000) <= (os.cpu_count() or 1)


def kept_by(path: Path, sources: list[Path]) -> None:
    """Notes, in a file of each process, what it was told of."""
    (path / str(os.getpid())).write_text("\n".join(source.name for source in sources))


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_each_process_is_told_what_there_is_to_do(
    tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    jobs = jobs_for(tmp_path, "a", "b", "c")
    jobs.append(Job(tmp_path / "done", tmp_path / "done.out", done=True))
    (told := tmp_path / "told").mkdir()
    load = partial(reader, "of ")
    outcomes = list(
        run_here(jobs, load, force=False, processes=processes, prepare=partial(kept_by, told))
    )
    assert [outcome.skipped for outcome in outcomes] == [False] * 3 + [True]
    assert [job.target.read_text() for job in jobs[:3]] == ["of a", "of b", "of c"]
    notes = [path.read_text().split() for path in told.iterdir()]
    shares = {1: ["0.txt", "1.txt", "2.txt"], 2: ["0.txt", "2.txt"], 9: ["0.txt"]}
    assert notes == [shares[processes]] * min(processes, 3)
