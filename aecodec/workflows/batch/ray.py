"""A batch on Ray, of one result a file.

A worker does a shard as `local` does its jobs, and then writes its part of the results, a
Parquet file with a row for each file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecodec.errors import UsageError, named
from aecodec.workflows.batch.cluster import LOST, cluster, import_ray, map_on_actors
from aecodec.workflows.batch.local import Outcome, Product, Work, attempt

if TYPE_CHECKING:
    from aecodec.workflows.batch.shards import File, Shard

RESULTS = "aecodec-results"

Row = dict[str, Any]


@dataclass(frozen=True)
class RayBatch:
    """What a batch on Ray came to.

    Attributes:
        outcomes: of all files, those of an earlier start included.
        results: folder of the Parquet files.
        parts, there: how many of those it has, and how many of them were there before.
    """

    outcomes: list[Outcome]
    results: str
    parts: int
    there: int


def run_on_ray(
    command: str,
    inputs: Sequence[str],
    output: str | None,
    load: partial[Work],
    *,
    suffixes: Collection[str],
    suffix: str,
    address: str | None,
    gpus: bool,
    force: bool,
    skip_existing: bool = False,
    dry_run: bool = False,
) -> RayBatch:
    """Do the files on Ray. A file that fails does not stop the rest.

    Args:
        command: a name for what is done.
        inputs: files and folders, paths or URLs.
        output: folder, path or URL.
        load: called once in each worker; its keywords are what results depend on.
        suffixes: of the inputs, lower-case and with dot: what is looked for in folders.
        suffix: of the outputs; if there are none, empty, and the results are the output.
        address: of the Ray cluster; None starts one.
        gpus: workers take a GPU each where there are any.
        force: a folder that is not empty may be used, and what is done is done again.
        skip_existing: such a folder may be used, and inputs whose output is there are done.
        dry_run: only tell what would be done.

    Raises:
        UsageError: no output folder is given.
        AecodecError: Ray or an input is missing, or something else is in the folder.
        OSError: the results cannot be written.
    """
    import_ray()
    from aecodec.storage.stores import place_of
    from aecodec.workflows.batch.shards import claim, cut, plan

    if not output or (suffix and output.lower().endswith(suffix)):
        raise UsageError("--engine ray needs a folder for its results: -o DIR")
    out, tops = place_of(output), [place_of(text) for text in inputs]
    results = out / RESULTS if suffix else out
    options = {name: _everywhere(name, value) for name, value in load.keywords.items()}
    batch = {
        "command": command,
        "inputs": [str(top) for top in tops],
        "options": {name: str(value) for name, value in options.items()},
        "version": version("aecodec"),
    }
    files, problems = plan(tops, out if suffix else None, suffixes, suffix)
    shards = list(cut(files, results, batch))
    todo = claim(
        out,
        results,
        batch,
        shards,
        force=force,
        any_folder=skip_existing,
        dry_run=dry_run,
    )
    failed = [Outcome(source, None, problem) for source, problem in problems]
    if dry_run:
        left = {shard.part.name for shard in todo}
        outcomes = [
            _foreseen(file, shard.part.name not in left or (skip_existing and _is_there(file)))
            for shard in shards
            for file in shard.files
        ]
        return RayBatch(outcomes + failed, str(results), len(shards), len(shards) - len(todo))
    if todo:
        worker = partial(_worker, partial(load.func, *load.args, **options), skip_existing)
        with cluster(address) as ray:
            for _ in map_on_actors(ray, worker, todo, gpus=gpus):
                pass
    outcomes = [_outcome(row) for shard in shards for row in _read_part(shard)]
    return RayBatch(outcomes + failed, str(results), len(shards), len(shards) - len(todo))


def _everywhere(name: str, value: Any) -> Any:
    """An option as workers take it: of a file the whole path; names are of their own files."""
    is_file = name.endswith("weights") and value and Path(value).is_file()
    return Path(value).absolute() if is_file or isinstance(value, Path) else value


# ---- in a worker -----------------------------------------------------------------------


def _worker(load: Callable[[], Work], skip_existing: bool) -> Callable[[Shard], None]:
    work = load()
    return lambda shard: _do_shard(shard, work, skip_existing)


def _do_shard(shard: Shard, work: Work, skip_existing: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aecodec.storage.stores import write

    rows = [_do(file, work, skip_existing) for file in shard.files]
    table = pa.Table.from_pylist(rows, schema=_schema())
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    write(shard.part, buffer.getbuffer())


def _is_there(file: File) -> bool:
    from aecodec.storage.stores import is_file

    return file.target is not None and is_file(file.target)


def _do(file: File, work: Work, skip_existing: bool) -> Row:
    """As `local` does a job, but nothing that is wrong with a file may stop the others."""
    from aecodec.storage.stores import local_copy, write

    source, target, copy = file.found.place, file.target, ""

    def keep(data: bytes | memoryview) -> None:
        if target:
            write(target, data)

    def work_on_copy() -> Product:
        nonlocal copy
        with local_copy(source) as path:
            copy = str(path)
            return work(path)

    row: Row = {"path": str(source)}
    try:
        if skip_existing and _is_there(file):
            return row | {"output": str(target), "skipped": True}
        outcome = attempt(str(source), None, work_on_copy, keep)
    except Exception as error:
        row["error"] = named(source, f"{type(error).__name__}: {error}")
    else:
        notes = [file.note, *outcome.notes] if file.note else outcome.notes
        row |= {"error": outcome.error or None, "notes": notes, **outcome.facts}
        if target and not outcome.error:
            row |= {"output": str(target), "bytes": outcome.size}
    return {name: _shown(value, copy, str(source)) for name, value in row.items()}


def _shown(value: Any, copy: str, source: str) -> Any:
    """With the user's name for the file instead of its copy's, and names that are no text."""
    if isinstance(value, list):
        return [_shown(one, copy, source) for one in value]
    if not isinstance(value, str):
        return value
    text = value.replace(copy, source) if copy else value
    return text.encode(errors="backslashreplace").decode()


def _schema() -> Any:
    """One for all commands; what does not apply to one is null."""
    import pyarrow as pa

    return pa.schema(
        {
            "path": pa.string(),
            "output": pa.string(),
            "error": pa.string(),
            "notes": pa.list_(pa.string()),
            "skipped": pa.bool_(),
            "hash": pa.string(),
            "bytes": pa.int64(),
            "bpp": pa.float64(),
            "quality": pa.int64(),
            "lossless": pa.bool_(),
            "width": pa.int64(),
            "height": pa.int64(),
            "mode": pa.string(),
            "noise": pa.string(),
            "sigma": pa.float64(),
            "strength": pa.float64(),
            "denoised": pa.struct({"noise": pa.string(), "sigma": pa.float64()}),
        }
    )


# ---- results ---------------------------------------------------------------------------


def _read_part(shard: Shard) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aecodec.storage.stores import read

    try:
        data = read(shard.part)
    except FileNotFoundError:
        sources = [file.found.place for file in shard.files]
        nothing: Row = dict.fromkeys(_schema().names)
        return [nothing | {"path": str(s), "error": named(s, LOST)} for s in sources]
    # Not read_table: its threads may outlive the interpreter, which aborts the process.
    file = pq.ParquetFile(pa.BufferReader(data))
    rows: list[Row] = file.read(use_threads=False).to_pylist()
    return rows


def _outcome(row: Row) -> Outcome:
    """As without Ray; what does not apply to a command is left out of the facts."""
    facts = {name: value for name, value in row.items() if value is not None}
    source, target = facts.pop("path"), facts.pop("output", None)
    error, notes = facts.pop("error", ""), facts.pop("notes", [])
    skipped = facts.pop("skipped", False)
    pixels = facts["width"] * facts["height"] if "bpp" in facts else 0
    size = facts.get("bytes", 0)
    return Outcome(source, target, error, notes, facts, "", size, pixels, skipped=skipped)


def _foreseen(file: File, done: bool) -> Outcome:
    target = str(file.target) if file.target else None
    notes = [file.note] if file.note else []
    return Outcome(str(file.found.place), target, notes=notes, skipped=done)
