"""What benchmarks write: figures with all that says where they come from, and tables."""

from __future__ import annotations

import json
import math
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypedDict

from aecodec.evaluation import machine
from aecodec.storage.atomic import write_atomically

NOT_RECORDED = "not recorded"
VERSIONS = ("aecodec", "torch", "numpy", "pillow")
# What libraries of `machine.describe` are called in a text, if otherwise.
_LABELS = {
    "pillow": "Pillow",
    "webp": "libwebp",
    "avif": "libavif",
    "jpg_2000": "OpenJPEG",
    "HEIF encoder": "HEIF by",
    "opencv-python-headless": "OpenCV",
    "compressai": "CompressAI",
}


class Result(TypedDict):
    """A benchmark's result file.

    Attributes:
        name: of the benchmark.
        command: that measured it, without the folders of paths; None if not recorded.
        commit: of the checkout, "-dirty" where files had changed; None outside of one.
        date: UTC, ISO 8601; None if not recorded.
        machine: from `machine.describe`; None if not recorded.
        figures: what was measured.
    """

    name: str
    command: str | None
    commit: str | None
    date: str | None
    machine: dict[str, Any] | None
    figures: Any


def command_line() -> str:
    """How this process was started. Of absolute paths only the last part is kept."""
    installed = not sys.argv[0].endswith(".py")  # a command, which an interpreter runs
    first, *rest = sys.argv if installed else sys.orig_argv
    return shlex.join([Path(first).name, *map(_without_folder, rest)])


def _without_folder(word: str) -> str:
    option, equals, value = word.rpartition("=")
    return option + equals + (Path(value).name if Path(value).is_absolute() else value)


def commit() -> str | None:
    """The checkout's commit that this code is from; None where there is no checkout."""

    def git(*words: str) -> str:
        line = ["git", "-C", str(Path(__file__).parent), *words]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # not another project's checkout
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def make_result(name: str, figures: Any) -> Result:
    """Figures with this process's command, the commit, the date, the machine."""
    return {
        "name": name,
        "command": command_line(),
        "commit": commit(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "figures": figures,
    }


def write_result(
    file: Path, figures: Any, tables: str, *, versions: Sequence[str] = VERSIONS
) -> Result:
    """Write a benchmark's figures, as of `make_result`, and its tables beside them.

    Args:
        file: NAME.json; the tables go into NAME.md.
        figures: ready for JSON, but for nan and infinities, which become null.
        tables: Markdown that begins with a title; `provenance` goes below that.
        versions: of the libraries that matter.

    Returns:
        What NAME.json holds.
    """
    result = make_result(file.stem, figures)
    write_json(file, result)
    write_bytes(file.with_suffix(".md"), with_provenance(tables, result, versions).encode())
    return result


def with_provenance(tables: str, result: Result, versions: Sequence[str] = VERSIONS) -> str:
    """Markdown with where its figures come from below its title."""
    title, _, rest = tables.partition("\n")
    return f"{title}\n\n{provenance(result, versions)}\n{rest}"


def read_result(file: Path) -> Result:
    """What `write_result` wrote as JSON."""
    result: Result = json.loads(file.read_text("utf-8"))
    return result


def provenance(result: Result, versions: Sequence[str] = VERSIONS) -> str:
    """Where figures come from, in a line.

    Args:
        result: as of `write_result`.
        versions: of which libraries; those that were not there are left out.
    """
    about, date = result["machine"], result["date"]
    parts = [f"`{result['command']}`" if result["command"] else f"Command {NOT_RECORDED}"]
    parts.append(f"commit {result['commit'] or NOT_RECORDED}")
    parts.append(date[:10] if date else f"date {NOT_RECORDED}")
    if about is None:
        return "; ".join([*parts, f"machine {NOT_RECORDED}"]) + "."
    parts.append(f"{about['cpu']}, {about['threads']} threads, load {about['load_average']}")
    found = [(name, about["versions"].get(name)) for name in versions]
    parts.append(", ".join(f"{_LABELS.get(name, name)} {v}" for name, v in found if v))
    return "; ".join(parts) + "."


def _finite(value: Any) -> Any:
    """The value with nan and infinities, which JSON does not know, as None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_bytes(path: Path, data: bytes) -> None:
    """Write a result, in the place of an earlier one."""
    write_atomically(path, data, overwrite=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; nan and infinities become null."""
    write_bytes(path, json.dumps(_finite(value), indent=1, allow_nan=False).encode() + b"\n")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A GitHub table: first column to the left, the others to the right."""
    lines = [header, [":--", *("--:" for _ in header[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
