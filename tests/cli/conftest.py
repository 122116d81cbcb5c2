"""The command line, called in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aecodec_cli.app import main

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
