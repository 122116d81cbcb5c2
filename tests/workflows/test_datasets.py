"""Tables as other programs write them."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.images import Picture
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


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", "."), (";", ","), ("\t", "."), ("|", ".")]
)
@pytest.mark.parametrize("header", [True, False])
def test_other_separators(
    tmp_path: Path, table: pd.DataFrame, separator: str, decimal: str, header: bool
) -> None:
    table.to_csv(tmp_path / "x.csv", sep=separator, decimal=decimal, index=False, header=header)
    data = datasets.read(tmp_path / "x.csv")
    np.testing.assert_allclose(data.rows, table.to_numpy())
    assert data.columns == (["height", "width", "3rd"] if header else None)


def test_all_formats_are_read_alike(tmp_path: Path, table: pd.DataFrame) -> None:
    rows = table.to_numpy()
    np.save(tmp_path / "x.npy", rows)
    np.savez(tmp_path / "x.npz", rows=rows)
    table.to_csv(tmp_path / "x.csv", index=False)
    pl.DataFrame(rows, schema=list(table)).write_parquet(tmp_path / "x.parquet")
    for suffix in datasets.SUFFIXES:
        np.testing.assert_allclose(datasets.read(tmp_path / f"x{suffix}").rows, rows)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("0.5,1\n2,3\n4,6\n", 3),  # numbers from the first line on
        ("a,b\n2,3\n4,6\n", 2),
        ("1,b\n2,3\n4,6\n", 2),
        ("0,1,2\n2,3,4\n4,6,9\n", 2),  # how pandas writes columns without names
        ("a,b\n" + 150 * "1,2\n" + "0.5,1\n", 151),  # fractional late
    ],
)
def test_the_rows_of_a_csv(tmp_path: Path, text: str, rows: int) -> None:
    (tmp_path / "x.csv").write_text(text)
    assert len(datasets.read(tmp_path / "x.csv").rows) == rows


@pytest.mark.parametrize(
    "text",
    [
        "a, b, c\n0, 0.5, 1\n2, , 3\n",
        'a , "b" , c\n0 , "0.5" , 1\n2 , "" , 3\n',
        "a; b; c\n0; 0,5; 1\n2; ; 3\n",
    ],
)
def test_spaces_beside_separators_are_no_matter(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    data = datasets.read(tmp_path / "x.csv")
    assert data.columns == ["a", "b", "c"]
    np.testing.assert_array_equal(data.rows, [[0, 0.5, 1], [2, np.nan, 3]])
    (tmp_path / "x.csv").write_text(text.replace("2", "two"))
    with pytest.raises(AecodecError, match="column 'a' is not numeric"):
        datasets.read(tmp_path / "x.csv")


def test_photos_are_made_small_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a folder of photos would not fit into memory."""
    for number in range(4):
        Image.new("RGB", (90, 60), (number, 99, 0)).save(tmp_path / f"{number}.png")
    large: list[Any] = []
    most = 0
    from_image = Picture.from_image

    def watch(image: Image.Image) -> Any:
        nonlocal most
        picture = from_image(image)
        large.append(weakref.ref(picture.pixels))
        most = max(most, sum(ref() is not None for ref in large))
        return picture

    monkeypatch.setattr(Picture, "from_image", watch)
    data = datasets.read(tmp_path, size=(4, 6))
    assert (data.rows.shape, data.image_shape) == ((4, 72), (4, 6, 3))
    assert len(large) == 4
    assert most <= 2
