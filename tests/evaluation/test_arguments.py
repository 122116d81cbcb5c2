from __future__ import annotations

from pathlib import Path

import pytest

from aecodec.evaluation.arguments import arguments


def test_data_and_out_must_be_given_and_others_can_be_added(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = arguments("One line.\n\n    a command\n", out=None)
    parser.add_argument("--limit", type=int)
    assert parser.parse_args(["--data", "x", "--limit", "3"]).data == Path("x")
    assert "One line.\n\n    a command\n" in parser.format_help()
    for line, said in ((["--limit", "3"], "--data"), (["--data", "x", "--out", "y"], "--out")):
        with pytest.raises(SystemExit):
            parser.parse_args(line)
        assert said in capsys.readouterr().err
