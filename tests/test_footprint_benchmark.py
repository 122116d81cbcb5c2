"""`benchmarks/footprint.py` measures processes and folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from benchmarks.footprint import run, size_of


@pytest.mark.skipif(os.name == "nt", reason="wait4")
def test_memory_of_a_process_is_what_it_took(tmp_path: Path) -> None:
    """100 MB more, where it holds as many."""
    peaks = [run([sys.executable, "-c", f"len(b'x' * {n})"], tmp_path)[1] for n in (0, 10**8)]
    assert 90 < peaks[1] - peaks[0] < 115
    with pytest.raises(CalledProcessError):
        run([sys.executable, "-c", "exit(3)"], tmp_path)


def test_sizes_are_of_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(bytes(700))
    (tmp_path / "b").write_bytes(bytes(23))
    assert size_of(tmp_path) == 723
