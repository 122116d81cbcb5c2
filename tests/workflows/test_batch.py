"""What every command that turns files into files promises, without a codec."""

from __future__ import annotations

import errno
import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from aecodec.errors import AecodecError, UsageError, explain
from aecodec.workflows.batch.local import Product, Work, run
from aecodec.workflows.batch.plan import Job, plan
from aecodec_cli.output import report


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)


def planned(
    *inputs: str, output: str | None = None, force: bool = False, suffix: str = ".aec"
) -> dict[str, str]:
    """Input -> output, or -> the problem."""
    jobs = plan(
        [Path(name) for name in inputs],
        output,
        suffixes={".png", ".jpg"},
        suffix=suffix,
        force=force,
    )
    return {j.source.as_posix(): j.problem or j.target.as_posix() for j in jobs}


def test_outputs_go_next_to_their_inputs(there: Path) -> None:
    make("a.png", "b/C.JPG", "b/notes.txt")
    assert planned("a.png", "b") == {"a.png": "a.aec", "b/C.JPG": "b/C.aec"}


def test_a_single_file_may_name_its_output(there: Path) -> None:
    make("a.png", "folder/x")
    assert planned("a.png", output="new/b.aec") == {"a.png": "new/b.aec"}
    assert planned("a.png", output="folder") == {"a.png": "folder/a.aec"}
    assert planned("a.png", output="new/") == {"a.png": "new/a.aec"}


def test_several_inputs_need_a_folder(there: Path) -> None:
    make("a.png", "b.png", "file")
    assert planned("a.png", "b.png", output="o") == {"a.png": "o/a.aec", "b.png": "o/b.aec"}
    with pytest.raises(UsageError, match="file is a file"):
        planned("a.png", "b.png", output="file")


def test_a_folder_is_mirrored(there: Path) -> None:
    make("in/a.png", "in/x/y/b.png")
    expected = {"in/a.png": "out/a.aec", "in/x/y/b.png": "out/x/y/b.aec"}
    assert planned("in", output="out") == expected


def test_several_folders_do_not_mix(there: Path) -> None:
    make("2023/img1.png", "2024/img1.png", "z.png")
    assert planned("2023", "2024", "z.png", output="out") == {
        "2023/img1.png": "out/2023/img1.aec",
        "2024/img1.png": "out/2024/img1.aec",
        "z.png": "out/z.aec",
    }


def test_the_current_folder_has_a_name_too(there: Path) -> None:
    make("here/a.png", "b.png")
    os.chdir("here")
    assert planned(".", "../b.png", output="out")["a.png"] == "out/here/a.aec"


def test_folders_are_walked_in_order_and_without_hidden_files(there: Path) -> None:
    make("in/b.png", "in/a.png", "in/.a.png", "in/.git/x.png", "in/c/d.png", "in/no.gif")
    assert list(planned("in")) == ["in/a.png", "in/b.png", "in/c/d.png"]
    assert planned("in/.a.png") == {"in/.a.png": "in/.a.aec"}  # asked for by name


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_links_and_pipes(there: Path) -> None:
    make("in/a.png", "elsewhere/b.png")
    os.mkfifo("in/pipe.png")  # reading it would wait forever
    os.symlink("..", "in/loop")
    os.symlink("../elsewhere/b.png", "in/link.png")
    os.symlink("nowhere", "in/broken.png")
    result = planned("in")
    assert result.pop("in/broken.png").startswith("in/broken.png: no such file")
    assert result == {"in/a.png": "in/a.aec", "in/link.png": "in/link.aec"}


def test_names_with_other_dots_are_kept(there: Path) -> None:
    make("photo.v2", "c.1.png", "日本 ü.png", "-x.png")
    assert planned("photo.v2", "c.1.png", "日本 ü.png", "-x.png") == {
        "photo.v2": "photo.v2.aec",
        "c.1.png": "c.1.aec",
        "日本 ü.png": "日本 ü.aec",
        "-x.png": "-x.aec",
    }


def test_the_same_input_twice_is_done_once(there: Path) -> None:
    make("in/a.png")
    assert planned("in", "in/a.png", "./in") == {"in/a.png": "in/a.aec"}
    assert len(plan([Path("no")] * 2, None, suffixes={".png"}, suffix=".aec", force=False)) == 1


def test_one_output_belongs_to_one_input(there: Path) -> None:
    make("a.png", "a.jpg")
    result = planned("a.png", "a.jpg", force=True)
    assert result == {"a.png": "a.png.aec", "a.jpg": "a.jpg.aec"}
    make("in/a.png", "in/a.jpg", "in/a.jpg.png", "in/a.jpg.png.jpg")
    result = planned("in", output="out/")  # a.jpg.aec would be that of a.jpg.png, too, and so on
    assert result == {path: f"out/{Path(path).name}.aec" for path in result}
    assert len(result) == 4
    make("b/a.png", "c/a.png")  # no suffix tells these apart
    result = planned("b/a.png", "c/a.png", output="out/")
    assert result["b/a.png"] == "out/a.png.aec"
    assert "a.png.aec is already that of b/a.png" in result["c/a.png"]
    os.remove("a.png")  # what cannot be done claims nothing
    assert planned("a.png", "a.jpg")["a.jpg"] == "a.aec"


def test_no_input_is_overwritten_even_by_force(there: Path) -> None:
    make("a.png", "b.aec", "c.png")
    os.link("c.png", "c.aec")
    assert "overwrite the input" in planned("a.png", output="a.png", force=True)["a.png"]
    assert "overwrite the input" in planned("c.png", force=True)["c.png"]
    os.rename("a.png", "b.png")
    result = planned("b.png", "b.aec", force=True)  # b.aec is an input as well
    assert "overwrite the input b.aec" in result["b.png"]
    assert result["b.aec"] == "b.aec.aec"


@pytest.mark.parametrize("force", [False, True])
def test_what_a_run_made_of_a_folder_is_no_input_of_the_next(there: Path, force: bool) -> None:
    make("in/a.png", "in/deep/b.jpg", "in/lone-clean.png")
    first = planned("in", suffix="-clean.png")
    assert first == {
        "in/a.png": "in/a-clean.png",
        "in/deep/b.jpg": "in/deep/b-clean.png",
        "in/lone-clean.png": "in/lone-clean-clean.png",
    }
    make(*first.values())
    assert planned("in", suffix="-clean.png", force=force).keys() == first.keys() - {
        "in/lone-clean-clean.png"
    }
    make("new/a.png", "new/out/a.png", "new/out/other.png")
    again = planned("new", output="new/out", suffix=".png", force=force)
    assert again.keys() == {"new/a.png", "new/out/other.png"}
    own = planned("new/out", output="new/out", suffix=".png", force=force)
    assert all("overwrite the input" in problem for problem in own.values())
    assert len(own) == 2
    told = planned("in/a.png", "in/a-clean.png", suffix="-clean.png", force=force)
    assert "overwrite the input" in told["in/a.png"]


def test_existing_outputs(there: Path) -> None:
    make("a.png", "a.aec", "b.png", "b.aec/x")
    assert "--force" in planned("a.png")["a.png"]
    assert planned("a.png", force=True) == {"a.png": "a.aec"}
    assert "is a folder" in planned("b.png", force=True)["b.png"]


def test_a_folder_that_cannot_be_listed_is_one_problem_among_others(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("in/a.png", "in/locked/b.png")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = planned("in")
    assert result["in/a.png"] == "in/a.aec"
    assert "permission denied; check the permissions" in result["in/locked"]


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read everything")
def test_inputs_without_permission(there: Path) -> None:
    make("locked/a.png", "b.png")
    os.chmod("locked", 0)
    try:
        result = planned("locked/a.png", "b.png")
    finally:
        os.chmod("locked", 0o700)
    assert "permission denied" in result["locked/a.png"]
    assert result["b.png"] == "b.aec"


# ---- run -------------------------------------------------------------------------------


def run_and_report(jobs: list[Job], load: Any, as_json: bool = False) -> None:
    """As a command does."""
    report(run(jobs, load, force=False), len(jobs), as_json=as_json)


def copy(source: Path) -> Product:
    """Copies; inputs whose text is an error's name raise it instead, after a warning."""
    text = source.read_text()
    warnings.warn("a note", UserWarning, stacklevel=2)
    warnings.warn("a note", UserWarning, stacklevel=2)
    warnings.warn("not for users", RuntimeWarning, stacklevel=2)
    errors: dict[str, BaseException] = {
        "own": AecodecError("too odd"),
        "disk": OSError(errno.ENOSPC, "No space left on device", "out"),
        "memory": MemoryError(),
        "torch": RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        "bug": ZeroDivisionError("a bug"),
        "ctrl-c": KeyboardInterrupt(),
    }
    if text in errors:
        raise errors[text]
    return Product(text.encode(), {"letters": len(text)}, f"{len(text)} letters", pixels=8)


def jobs_for(texts: dict[str, str]) -> list[Job]:
    for name, text in texts.items():
        Path(name).write_text(text)
    return [Job(Path(name), Path(name).with_suffix(".out")) for name in texts]


@pytest.fixture
def quiet_warnings() -> Iterator[None]:
    """As the interpreter has them outside pytest."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        yield


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
@pytest.mark.usefixtures("there")
def test_a_name_with_line_breaks_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    run_and_report(jobs_for({"a\nb": "xyz"}), lambda: copy)
    assert capsys.readouterr().out == "a\\nb -> a\\nb.out  3 letters\n"


@pytest.mark.usefixtures("there", "quiet_warnings")
def test_failures_are_reported_and_the_rest_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = jobs_for({"a": "xyz", "b": "own", "c": "disk", "d": "memory", "e": "torch", "f": "x"})
    with pytest.raises(typer.Exit) as failed:
        run_and_report(jobs, lambda: copy)
    assert failed.value.exit_code == 1
    out, err = capsys.readouterr()
    assert re.sub(r"[0-9.]+ s$", "0.0 s", out.rstrip()).splitlines() == [
        "a -> a.out  3 letters",
        "f -> f.out  1 letters",
        "total: 2 of 6 files  4 -> 4 bytes  2.000 bpp  0.0 s",
    ]
    errors = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert errors == [
        "error: b: too odd",
        "error: c: out: no space left on device; make room, or choose another place",
        "error: d: not enough memory",
        "error: e: not enough memory",
    ]
    assert err.splitlines().count("note: a: a note") == 1
    assert "not for users" not in err


@pytest.mark.usefixtures("there", "quiet_warnings")
def test_json_has_one_object_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        run_and_report(jobs_for({"é": "xyz", "b": "own"}), lambda: copy, as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {"input": "é", "output": "é.out", "error": None, "notes": ["a note"], "letters": 3},
        {"input": "b", "output": None, "error": "b: too odd", "notes": ["a note"]},
    ]


@pytest.mark.usefixtures("there")
def test_one_file_has_no_total(capsys: pytest.CaptureFixture[str]) -> None:
    run_and_report(jobs_for({"a": "xyz"}), lambda: copy)
    assert capsys.readouterr().out == "a -> a.out  3 letters\n"


@pytest.mark.usefixtures("there")
def test_the_model_is_loaded_only_if_there_is_something_to_do() -> None:
    def load() -> Work:
        raise AssertionError("loaded")

    with pytest.raises(typer.Exit):
        run_and_report([Job(Path("a"), Path("b"), "no such file")], load)


@pytest.mark.usefixtures("there", "quiet_warnings")
@pytest.mark.parametrize(
    ("text", "error"), [("bug", ZeroDivisionError), ("ctrl-c", KeyboardInterrupt)]
)
def test_bugs_and_ctrl_c_are_not_swallowed(text: str, error: type[BaseException]) -> None:
    with pytest.raises(error):
        run_and_report(jobs_for({"a": text}), lambda: copy)
    assert os.listdir() == ["a"]


def test_an_explanation_is_one_line_that_names_the_file() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "x.png")
    assert explain(error) == "x.png: permission denied; check the permissions"
    with pytest.raises(KeyError):  # no user could bring that about
        explain(KeyError("x"))
