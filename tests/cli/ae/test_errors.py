"""What is wrong with the arguments or files of autoencoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.cli.conftest import Run, one_line

Array = npt.NDArray[Any]


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("ae", "fit", "magic", "digits.npy", "-o", "m"), 2, "magic"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--set", "x=1"), 2, "'x'"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--set", "x"), 2, "NAME=VALUE"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--set", "tied=no"), 2, "tied='no'"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--set", "random_state=5"), 2, "--seed"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--set", "device=magic"), 2, "--device"),
        (
            ("ae", "fit", "sparse", "digits.npy", "-o", "m", "--set", "activation={}"),
            2,
            "activation={}",
        ),
        (("ae", "fit", "linear", "missing.npy", "-o", "m", "--set", "x=1"), 2, "'x'"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--size", "4x4"), 2, "not a folder"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--seed", "5000000000"), 2, "--seed"),
        (("ae", "sample", "broken.npy", "-o", "m.npy", "--seed", "5000000000"), 2, "--seed"),
        (
            ("ae", "anomalies", "broken.npy", "digits.npy", "--picture", "m.jpg"),
            2,
            "m.jpg is not .png",
        ),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--size", "8"), 2, "WIDTHxHEIGHT"),
        (("ae", "fit", "linear", "digits.npy", "-o", "m", "--set", "solver=magic"), 2, "magic"),
        (
            ("ae", "fit", "sparse", "digits.npy", "-o", "m", "--set", "hidden_layers=8"),
            2,
            "(64, 32)",
        ),
        (("ae", "fit", "linear", "missing.npy", "-o", "m"), 1, "missing.npy"),
        (("ae", "fit", "linear", "text.csv", "-o", "m"), 1, "'name'"),
        (("ae", "fit", "linear", "broken.npy", "-o", "m"), 1, "broken.npy"),
        (("ae", "fit", "linear", "broken.parquet", "-o", "m"), 1, "broken.parquet"),
        (("ae", "fit", "linear", "nan.npy", "-o", "m"), 1, "NaN"),
        (("ae", "fit", "linear", "digits.npy", "-o", "digits.npy"), 1, "--force"),
        (("ae", "transform", "broken.npy", "digits.npy", "-o", "c.npy"), 1, "broken.npy"),
        (("ae", "transform", "broken.npy", "digits.npy", "-o", "c.txt"), 2, "c.txt"),
        (("ae", "anomalies", "codec", "digits.npy"), 1, "needs images"),
        (("ae", "anomalies", "codec", "wide.npy"), 1, "from 0 to 1"),
        (("ae", "fit", "linear", "photoz", "-o", "m"), 1, "photoz: no such"),
        (("ae", "fit", "linear", "", "-o", "m"), 2, "empty file name"),
        (("ae", "fit", "linear", ".", "-o", "m", "--size", "99999999999x1"), 2, "over"),
        (("ae", "fit", "linear", "digits.npy", "-o", "..", "--force"), 1, "is a folder"),
        (
            ("ae", "fit", "autoencoder", "digits.npy", "-o", "m", "--components", "2000000000"),
            1,
            "memory",
        ),
        (
            (
                "ae",
                "fit",
                "autoencoder",
                "digits.npy",
                "-o",
                "m",
                "--components",
                "99999999999999999999",
            ),
            2,
            "--components",
        ),
        (
            ("ae", "fit", "conv", "digits.npy", "-o", "m", "--set", f"channels=[{10**20}]"),
            2,
            "large",
        ),
        (("ae", "fit", "linear", "digits.npy", "-o", "-"), 2, "standard output"),
        (("ae", "fit", "linear", "digits.npy", "-o", "text.csv/m"), 1, "text.csv is a file"),
        (("ae", "fit", "linear", "digits.npy", "-o", "digits.npy", "--force"), 1, "an input"),
        (
            ("ae", "transform", "broken.npy", "digits.npy", "-o", "digits.npy", "--force"),
            1,
            "an input",
        ),
        (("ae", "sample", "broken.npy", "-o", "m.jpg"), 2, ".png"),
        (("ae", "anomalies", "broken.npy", "digits.npy", "--normal", ""), 2, "empty file name"),
        (("ae", "fit", "linear", "header.csv", "-o", "m"), 1, "header.csv: no rows"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    run: Run,
    table: Path,
    arguments: tuple[str, ...],
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
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert named.strip("'") in err
    assert "Traceback" not in err
    assert one_line(err) or code == 2
    assert "--set" not in arguments or "digits.npy" not in err  # nothing is wrong with that
    assert sorted(Path().iterdir()) == before
