"""`--engine ray` for commands of one result a file: `compress`, `denoise`, `hash`.

A worker does a shard as `batch` does its jobs, and then writes its part of the results, a
Parquet file with a row for each file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .batch import Job, Work, attempt, named, total
from .options import say
from .ray_cluster import LOST, cluster, import_ray, map_on_actors

if TYPE_CHECKING:
    from .ray_shards import File, Shard

RESULTS = "aecodec-results"

Row = dict[str, Any]


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
    as_json: bool,
) -> None:
    """Do the files on Ray, and report. A file that fails does not stop the rest.

    Args:
        command: its name.
        inputs: files and folders, paths or URLs.
        output: folder, path or URL.
        load: called once in each worker; its keywords are what results depend on.
        suffixes: of the inputs, lower-case and with dot: what is looked for in folders.
        suffix: of the outputs; if there are none, empty, and the results are the output.
        address: of the Ray cluster; None starts one.
        gpus: workers take a GPU each where there are any.
        force: a folder that is not empty may be used, and what is done is done again.
        as_json: print one JSON list instead of lines.

    Raises:
        typer.Exit: with code 1, after all is reported, when a file failed.
        typer.BadParameter: no output folder is given.
        AecodecError: Ray or an input is missing, or something else is in the folder.
        OSError: the results cannot be written.
    """
    import_ray()
    from .places import place_of
    from .ray_shards import claim, cut, plan

    if not output or (suffix and output.lower().endswith(suffix)):
        raise typer.BadParameter("--engine ray needs a folder for its results: -o DIR")
    out, tops = place_of(output), [place_of(text) for text in inputs]
    results = out / RESULTS if suffix else out
    options = {k: v.absolute() if isinstance(v, Path) else v for k, v in load.keywords.items()}
    batch = {
        "command": command,
        "inputs": [str(top) for top in tops],
        "options": {name: str(value) for name, value in options.items()},
        "version": version("aecodec"),
    }
    files, problems = plan(tops, out if suffix else None, suffixes, suffix)
    shards = list(cut(files, results, batch))
    todo = claim(out, results, batch, shards, force)
    if todo:
        worker = partial(_worker, partial(load.func, **options))
        with cluster(address) as ray:
            for _ in map_on_actors(ray, worker, todo, gpus=gpus):
                pass
    rows = [row for shard in shards for row in _read_part(shard)]
    _report(rows, problems, as_json)
    if not as_json:
        print(f"results: {results}  {len(shards) - len(todo)} of {len(shards)} parts were there")
    if problems or any(row["error"] for row in rows):
        raise typer.Exit(1)


# ---- in a worker -----------------------------------------------------------------------


def _worker(load: Callable[[], Work]) -> Callable[[Shard], None]:
    work = load()
    return lambda shard: _do_shard(shard, work)


def _do_shard(shard: Shard, work: Work) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from .places import write

    table = pa.Table.from_pylist([_do(file, work) for file in shard.files], schema=_schema())
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    write(shard.part, buffer.getbuffer())


def _do(file: File, work: Work) -> Row:
    """As `batch` does a job, but nothing that is wrong with a file may stop the others."""
    from .places import local_copy, write

    source, target, copy = file.found.place, file.target, ""

    def keep(data: bytes | memoryview) -> None:
        if target:
            write(target, data)

    def work_on_copy(_: Path) -> Any:
        nonlocal copy
        with local_copy(source) as path:
            copy = str(path)
            return work(path)

    job = Job(Path(str(source)), Path())
    row: Row = {"path": str(source)}
    try:
        outcome = attempt(job, work_on_copy, keep)
    except Exception as error:
        row["error"] = named(source, f"{type(error).__name__}: {error}")
    else:
        row |= {"error": outcome.error or None, "notes": outcome.notes, **outcome.facts}
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
            "hash": pa.string(),
            "bytes": pa.int64(),
            "bpp": pa.float64(),
            "quality": pa.int64(),
            "width": pa.int64(),
            "height": pa.int64(),
            "mode": pa.string(),
            "noise": pa.string(),
            "sigma": pa.float64(),
            "strength": pa.float64(),
            "denoised": pa.struct({"noise": pa.string(), "sigma": pa.float64()}),
        }
    )


# ---- report ----------------------------------------------------------------------------


def _read_part(shard: Shard) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from .places import read

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


def _report(rows: Sequence[Row], problems: Sequence[str], as_json: bool) -> None:
    done = [row for row in rows if not row["error"]]
    for row in rows:
        for note in row["notes"] or []:
            say(f"note: {named(row['path'], note)}")
        if row["error"]:
            say(f"error: {row['error']}")
    for problem in problems:
        say(f"error: {problem}")
    if as_json:
        print(json.dumps([_json(row) for row in rows], indent=2))
    else:
        size = sum(row["bytes"] or 0 for row in done)
        pixels = sum(row["width"] * row["height"] for row in done if row["bpp"])
        print(total(len(done), len(rows) + len(problems), size, pixels))


def _json(row: Row) -> Row:
    """As without Ray."""
    facts = {name: value for name, value in row.items() if value is not None}
    first = {"input": facts.pop("path"), "output": None, "error": None, "notes": []}
    return first | facts
