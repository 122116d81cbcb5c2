"""Tables as other programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aecodec.workflows import datasets


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(6, 3)).round(4), columns=["height", "width", "3rd"])


def test_the_index_of_pandas_is_no_feature(tmp_path: Path, table: pd.DataFrame) -> None:
    for name, frame in (("all", table), ("some", table.iloc[[1, 4, 5]])):
        frame.to_csv(tmp_path / f"{name}.csv")
        with pytest.warns(UserWarning, match="pandas' index"):
            data = datasets.read(tmp_path / f"{name}.csv")
        np.testing.assert_allclose(data.rows, frame.to_numpy())
        assert data.columns == ["height", "width", "3rd"]


def test_a_table_without_an_index_keeps_all_columns(tmp_path: Path, table: pd.DataFrame) -> None:
    table.insert(0, "number", range(6))
    table.to_csv(tmp_path / "x.csv", index=False)
    data = datasets.read(tmp_path / "x.csv")
    assert data.columns == ["number", "height", "width", "3rd"]
    assert data.rows.shape == (6, 4)


@pytest.mark.parametrize(("separator", "decimal"), [(";", "."), (";", ","), ("\t", ".")])
@pytest.mark.parametrize("header", [True, False])
def test_other_separators(
    tmp_path: Path, table: pd.DataFrame, separator: str, decimal: str, header: bool
) -> None:
    table.to_csv(tmp_path / "x.csv", sep=separator, decimal=decimal, index=False, header=header)
    data = datasets.read(tmp_path / "x.csv")
    np.testing.assert_allclose(data.rows, table.to_numpy())
    assert data.columns == (["height", "width", "3rd"] if header else None)
