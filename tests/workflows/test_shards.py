"""What a batch on Ray plans, writes and goes on with; the workers here are this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aecodec.errors import AecodecError
from aecodec.workflows.batch.local import Product, Work

pytest.importorskip("pyarrow", reason="make test-ray")

from aecodec.storage.stores import place_of
from aecodec.workflows.batch import ray, shards


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def cluster(address: str | None) -> Iterator[None]:
        yield

    def in_turn(_: None, load: Callable[[], Any], items: Sequence[Any], **__: Any) -> Iterator[Any]:
        work = load()
        yield from (work(item) for item in items)

    monkeypatch.setattr(ray, "import_ray", lambda: None)
    monkeypatch.setattr(ray, "cluster", cluster)
    monkeypatch.setattr(ray, "map_on_actors", in_turn)


def copying(fail: str) -> Work:
    def work(source: Path) -> Product:
        if fail in source.name:
            raise AecodecError(f"{source}: too odd")
        data = source.read_bytes()
        return Product(data, {"lossless": True, "width": 2, "height": 3, "bpp": 1.5}, "")

    return work


def run(*inputs: object, output: object, fail: str = "bad", **options: bool) -> ray.RayBatch:
    return ray.run_on_ray(
        "copy",
        [str(path) for path in inputs],
        str(output),
        partial(copying, fail=fail),
        suffixes={".txt"},
        suffix=".out",
        address=None,
        gpus=False,
        **({"force": False} | options),
    )


def test_a_batch_is_done_once(tmp_path: Path) -> None:
    for name in ("a.txt", "deep/b.txt", "bad.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    first = run(tmp_path / "in", output=tmp_path / "out")
    assert (first.parts, first.there) == (3, 0)
    found = {Path(one.source).name: one for one in first.outcomes}
    assert found["bad.txt"].error == f"{tmp_path}/in/bad.txt: too odd"
    assert found["bad.txt"].target is None
    good = found["b.txt"]
    assert good.target == str(tmp_path / "out" / "deep" / "b.out")
    assert Path(good.target).read_text() == "deep/b.txt"
    assert (good.size, good.pixels, good.facts["lossless"]) == (10, 6, True)
    again = run(tmp_path / "in", output=tmp_path / "out")
    assert again.there == 3
    assert again.outcomes == first.outcomes
    with pytest.raises(AecodecError, match="holds another batch"):
        run(tmp_path / "in", output=tmp_path / "out", fail="none")


def test_no_file_is_destroyed(tmp_path: Path) -> None:
    names = ("a.txt", "a.TXT", "a.txt.TXT")
    (tmp_path / "in").mkdir()
    for name in (*names, "b.txt"):
        (tmp_path / "in" / name).write_text(name)
    tops, out = [place_of(str(tmp_path / "in"))], place_of(str(tmp_path / "out"))
    files, problems = shards.plan(tops, out, {".txt"}, ".out")
    assert not problems
    targets = {file.found.place.name: file.target.name for file in files if file.target}
    assert targets == {**{name: f"{name}.out" for name in names}, "b.txt": "b.out"}
    notes = {file.note for file in files}
    first, second, third = (f"would be that of several; this is {targets[n]}" for n in names)
    assert notes == {"", f"a.out {first}", f"a.out {second}", f"a.txt.out {third}"}
    _, problems = shards.plan(tops, tops[0], {".txt"}, ".txt")
    assert all("would overwrite the input" in reason for _, reason in problems)
    (tmp_path / "empty").mkdir()
    (_, reason), *_ = shards.plan([place_of(str(tmp_path / "empty"))], out, {".txt"}, ".out")[1]
    assert "no files to work on in this folder (looked for .txt)" in reason


def test_existing_outputs_are_kept_and_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    top, out = tmp_path / "in", tmp_path / "out"
    top.mkdir()
    out.mkdir()
    for name in ("a.txt", "b.txt", "b.TXT"):
        (top / name).write_text(name)
    (out / "a.out").write_text("of an earlier run without Ray")
    with pytest.raises(AecodecError, match="is not empty"):
        run(top, output=out, dry_run=True)
    planned = run(top, output=out, dry_run=True, skip_existing=True)
    assert [path.name for path in out.iterdir()] == ["a.out"]
    done = run(top, output=out, skip_existing=True)
    for batch in (planned, done):
        assert {Path(str(one.target)).name: one.skipped for one in batch.outcomes} == {
            "a.out": True,
            "b.txt.out": False,
            "b.TXT.out": False,
        }
        notes = [note for one in batch.outcomes for note in one.notes]
        assert all("would be that of several" in note for note in notes)
        assert len(notes) == 2
    assert (out / "a.out").read_text() == "of an earlier run without Ray"
    assert (out / "b.TXT.out").read_text() == "b.TXT"
    (out / "b.txt.out").unlink()  # a part that is there is not looked at again
    again = run(top, output=out, skip_existing=True, dry_run=True)
    assert all(one.skipped for one in again.outcomes)
    assert again.there == again.parts == 3
