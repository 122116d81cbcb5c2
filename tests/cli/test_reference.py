"""docs/reference/cli.md is what the help says, and the help says nothing that is no use."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from aecodec import autoencoders  # noqa: F401  (registers all kinds)
from aecodec.autoencoders.family import KINDS
from aecodec_cli.ae import Kind
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]


def test_the_reference_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs" / "cli_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    ["", "compress", "denoise", "index", "search", "models", "train", "ae fit", "bench rd"],
)
def test_help_names_no_types_of_python(run: Run, command: str) -> None:
    code, out, _ = run(*command.split(), "--help")
    assert code == 0
    assert not re.search(r"<(bool|list|Path|Any|int|float|str)", out)


def test_all_kinds_of_autoencoders_can_be_fitted() -> None:
    assert set(get_args(Kind)) == set(KINDS)
