"""What is wrong with the arguments or files of autoencoders."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run, refused


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        ("fit magic digits.npy -o m", 2, "magic"),
        ("fit linear digits.npy -o m --set x=1", 2, "'x'"),
        ("fit linear digits.npy -o m --set x", 2, "NAME=VALUE"),
        ("fit linear digits.npy -o m --set tied=no", 2, "tied='no'"),
        ("fit linear digits.npy -o m --set random_state=5", 2, "--seed"),
        ("fit linear digits.npy -o m --set device=magic", 2, "--device"),
        ("fit sparse digits.npy -o m --set activation={}", 2, "activation={}"),
        ("fit linear missing.npy -o m --set x=1", 2, "'x'"),
        ("fit linear digits.npy -o m --size 4x4", 2, "not a folder"),
        ("fit linear digits.npy -o m --seed 5000000000", 2, "--seed"),
        ("sample broken.npy -o m.npy --seed 5000000000", 2, "--seed"),
        ("anomalies broken.npy digits.npy --picture m.jpg", 2, "m.jpg is not .png"),
        ("fit linear digits.npy -o m --size 8", 2, "WIDTHxHEIGHT"),
        ("fit linear digits.npy -o m --set solver=magic", 2, "magic"),
        ("fit sparse digits.npy -o m --set hidden_layers=8", 2, "(64, 32)"),
        ("fit linear missing.npy -o m", 1, "missing.npy"),
        ("fit linear text.csv -o m", 1, "'name'"),
        ("fit linear broken.npy -o m", 1, "broken.npy"),
        ("fit linear broken.parquet -o m", 1, "broken.parquet"),
        ("fit linear nan.npy -o m", 1, "NaN"),
        ("fit linear digits.npy -o digits.npy", 1, "--force"),
        ("transform broken.npy digits.npy -o c.npy", 1, "broken.npy"),
        ("transform broken.npy digits.npy -o c.txt", 2, "c.txt is not one of .npy"),
        ("reconstruct broken.npy digits.npy -o c.jpg", 2, "c.jpg is not one of .npy"),
        ("plot-codes broken.npy digits.npy -o c.jpg", 2, "c.jpg is not one of .png"),
        ("anomalies codec digits.npy", 1, "needs images"),
        ("anomalies codec wide.npy", 1, "from 0 to 1"),
        ("fit linear photoz -o m", 1, "photoz: no such"),
        ("fit linear '' -o m", 2, "empty file name"),
        ("fit linear . -o m --size 99999999999x1", 2, "over"),
        ("fit linear digits.npy -o .. --force", 1, "is a folder"),
        ("fit autoencoder digits.npy -o m --components 2000000000", 1, "memory"),
        ("fit autoencoder digits.npy -o m --components 99999999999999999999", 2, "--components"),
        ("fit conv digits.npy -o m --set channels=[100000000000000000000]", 2, "large"),
        ("fit linear digits.npy -o -", 2, "standard output"),
        ("fit linear digits.npy -o text.csv/m", 1, "text.csv is a file"),
        ("fit linear digits.npy -o digits.npy --force", 1, "an input"),
        ("transform broken.npy digits.npy -o digits.npy --force", 1, "an input"),
        ("sample broken.npy -o m.jpg", 2, ".png"),
        ("anomalies broken.npy digits.npy --normal ''", 2, "empty file name"),
        ("fit linear header.csv -o m", 1, "header.csv: no rows"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    run: Run,
    table: Path,
    arguments: str,
    code: int,
    named: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(table.parent)
    Path("text.csv").write_text("x,name\n1,a\n2,b\n")
    Path("header.csv").write_text("a,b,c\n")
    Path("broken.npy").write_text("not numbers")
    Path("broken.parquet").write_text("not numbers")
    np.save("nan.npy", np.full((5, 3), np.nan))
    np.save("wide.npy", np.full((2, 8, 8), 255.0))
    before = sorted(Path().iterdir())
    result = run("ae", *shlex.split(arguments))
    assert result[1] == ""
    err = refused(result, named.strip("'"), code=code)
    assert "--set" not in arguments or "digits.npy" not in err  # nothing is wrong with that
    assert sorted(Path().iterdir()) == before
