import json
import re
import sys
from pathlib import Path

import pytest

from aecodec.evaluation.results import (
    Result,
    command_line,
    commit,
    make_result,
    provenance,
    read_result,
    with_provenance,
    write_result,
)

TABLES = "# Title\n\n| a |\n| :-- |\n"


def test_a_file_says_what_was_measured_by_which_command_where_and_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "x"])
    figures = {"rate": [0.5, float("nan")], "gain": float("inf")}
    written = write_result(tmp_path / "new" / "rate.json", figures, TABLES)
    saved = read_result(tmp_path / "new" / "rate.json")
    assert saved["figures"] == {"rate": [0.5, None], "gain": None}
    assert (saved["name"], saved["command"]) == ("rate", "bench x")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", saved["date"] or "")
    assert saved["machine"] == written["machine"]
    assert saved["machine"] is not None
    assert {"aecodec", "torch", "pillow", "avif", "webp"} < set(saved["machine"]["versions"])
    assert saved["commit"] == commit()
    text = (tmp_path / "new" / "rate.md").read_text()
    assert text == with_provenance(TABLES, saved)
    assert text.startswith("# Title\n\n`bench x`; commit ")
    assert text.endswith("\n\n| a |\n| :-- |\n")


def test_what_was_not_recorded_is_said(tmp_path: Path) -> None:
    old: Result = {
        "name": "old",
        "command": None,
        "commit": None,
        "date": None,
        "machine": None,
        "figures": {},
    }
    line = provenance(old)
    for what in ("Command", "commit", "date", "machine"):
        assert f"{what} not recorded" in line
    assert provenance(json.loads(json.dumps(old))) == line


def test_versions_of_what_is_not_there_are_left_out() -> None:
    result = make_result("x", {})
    assert result["machine"] is not None
    result["machine"]["versions"] = {"torch": "2.9", "bm3d": None}
    line = provenance(result, ("torch", "bm3d", "cv9"))
    assert line.endswith("torch 2.9.")
    assert "bm3d" not in line


def test_commands_are_kept_without_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/bin/aecodec", "bench", "--data", "/home/me/kodak"])
    assert command_line() == "aecodec bench --data kodak"
    line = ["/x/bin/python", "benchmarks/effort.py", "--out=/home/me/out", "--name", "a b"]
    monkeypatch.setattr(sys, "argv", line[1:])
    monkeypatch.setattr(sys, "orig_argv", line)
    assert command_line() == "python benchmarks/effort.py --out=out --name 'a b'"


def test_the_commit_is_this_checkouts() -> None:
    found = commit()
    if not (Path(__file__).parents[2] / ".git").exists():
        pytest.skip("not a checkout")
    assert found is not None
    assert re.fullmatch(r"[0-9a-f]{7,}(-dirty)?", found)
