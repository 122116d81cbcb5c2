"""The command line, called in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aecodec_cli.app import main
from tests.hashing.conftest import weights  # noqa: F401  (a fixture)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command line: (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


def one_line(text: str) -> bool:
    """Whether it is one error, told in one line."""
    return text.startswith("error: ") and text.count("\n") == 1 and "Traceback" not in text


def refused(result: tuple[int, str, str], *named: str, code: int = 1) -> str:
    """What `run` gave is one error, told in one line that has these words; the line."""
    found, out, err = result
    assert code != 2 or not out  # it was not even begun
    lines = [line for line in err.splitlines() if not line.startswith("see '")]
    assert (found, len(lines)) == (code, 1), err
    assert err.startswith("error: ")
    for words in named:
        assert words in err
    return err
