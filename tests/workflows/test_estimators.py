"""Autoencoders from files to files, from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from aecodec.autoencoders import load
from aecodec.errors import AecodecError, UsageError
from aecodec.workflows.anomalies import rank_anomalies
from aecodec.workflows.datasets import read_labels
from aecodec.workflows.estimators import (
    fit_file,
    plot_codes_file,
    reconstruct_files,
    sample_file,
    transform_file,
)
from tests.threads import one_thread  # noqa: F401  (a fixture)

SVD = {"solver": "svd", "n_components": 3}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = load_digits().data[:100, 8:24] / 16
    pl.DataFrame(rows, schema=[f"pixel{n}" for n in range(16)]).write_csv(tmp_path / "digits.csv")
    return tmp_path / "digits.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for number, image in enumerate(load_digits().images[:12]):
        Image.fromarray((15 * image).astype(np.uint8)).save(tmp_path / f"images/{number}.png")
    return tmp_path / "images"


def test_a_table_goes_through_a_fitted_model(table: Path, tmp_path: Path) -> None:
    model, back = tmp_path / "m", tmp_path / "back.csv"
    facts = fit_file("linear", table, model, settings=SVD)
    assert (facts["samples"], facts["features"], facts["components"]) == (100, 16, 3)
    rows = pl.read_csv(table).to_numpy()
    for suffix, reader in {
        ".npy": np.load,
        ".npz": lambda path: np.load(path)["arr_0"],
        ".csv": lambda path: pl.read_csv(path).to_numpy(),
        ".parquet": lambda path: pl.read_parquet(path).to_numpy(),
    }.items():
        codes = tmp_path / f"codes{suffix}"
        assert transform_file(model, table, codes) == (100, 3)
        np.testing.assert_allclose(reader(codes), load(model).transform(rows), rtol=1e-12)
    assert pl.read_csv(tmp_path / "codes.csv").columns == [
        f"linearautoencoder{n}" for n in (0, 1, 2)
    ]
    samples, error = reconstruct_files(model, table, back)
    assert pl.read_csv(back).columns == pl.read_csv(table).columns
    assert samples == 100
    assert error == pytest.approx(((pl.read_csv(back).to_numpy() - rows) ** 2).mean())
    (tmp_path / "labels").write_text("\n".join(map(str, load_digits().target[:100])))
    plot_codes_file(model, table, tmp_path / "map.pdf", labels=tmp_path / "labels")
    assert (tmp_path / "map.pdf").read_bytes().startswith(b"%PDF")


def test_columns_are_taken_by_their_names(table: Path, tmp_path: Path) -> None:
    model, codes, other = tmp_path / "m", tmp_path / "codes.npy", tmp_path / "other.csv"
    fit_file("linear", table, model, settings=SVD)
    transform_file(model, table, codes)
    wanted, frame = np.load(codes), pl.read_csv(table)
    frame.select(reversed(frame.columns)).write_csv(other)
    transform_file(model, other, codes, overwrite=True)
    np.testing.assert_allclose(np.load(codes), wanted, atol=1e-12)
    frame.select(pl.lit(1).alias("class"), *frame.columns).write_csv(other)
    with pytest.warns(UserWarning, match="does not know them: 'class'"):
        transform_file(model, other, codes, overwrite=True)
    np.testing.assert_allclose(np.load(codes), wanted, atol=1e-12)
    np.save(tmp_path / "rows.npy", frame.to_numpy())
    with pytest.warns(UserWarning, match="columns without names"):
        transform_file(model, tmp_path / "rows.npy", codes, overwrite=True)
    np.testing.assert_allclose(np.load(codes), wanted, atol=1e-12)
    frame.rename({"pixel3": "x"}).write_csv(other)
    with pytest.raises(AecodecError, match="no column 'pixel3'"):
        transform_file(model, other, codes, overwrite=True)


def test_the_images_of_a_folder_come_back_as_images(folder: Path, tmp_path: Path) -> None:
    model, back = tmp_path / "m", tmp_path / "back"
    fit_file("variational", folder, model, settings={"n_components": 2, "max_epochs": 1})
    assert reconstruct_files(model, folder, back)[0] == 12
    assert Image.open(back / "11.png").size == (8, 8)
    sample_file(model, tmp_path / "new.png", 4, seed=0)
    assert Image.open(tmp_path / "new.png").size == (17, 17)
    sample_file(model, tmp_path / "new.npy", 4, seed=0)
    assert np.load(tmp_path / "new.npy").shape == (4, 64)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(AecodecError, match="would overwrite an input"):
        reconstruct_files(model, folder, folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "0.jpg").write_bytes((folder / "0.png").read_bytes())
    with pytest.raises(AecodecError, match="differ only in their suffix"):
        reconstruct_files(model, folder, back, overwrite=True)
    (folder / "0.jpg").unlink()
    fit_file("linear", folder, model, settings=SVD, overwrite=True)
    with pytest.raises(AecodecError, match="only a variational autoencoder"):
        sample_file(model, tmp_path / "none.npy", 4, seed=0)


def test_labels_are_one_a_line(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("cat\ndog\n")
    assert read_labels(tmp_path / "labels", 2) == ["cat", "dog"]
    with pytest.raises(AecodecError, match="2 lines for 3 samples"):
        read_labels(tmp_path / "labels", 3)
    (tmp_path / "labels").write_bytes(b"\x93NUMPY")
    with pytest.raises(AecodecError, match="not text"):
        read_labels(tmp_path / "labels", 1)


def test_anomalies_are_ranked_and_drawn(folder: Path, tmp_path: Path) -> None:
    model, strange = tmp_path / "m", tmp_path / "strange.png"
    fit_file("linear", folder, model, settings=SVD)
    Image.effect_noise((8, 8), 99).save(folder / "noise.png")
    ranking = rank_anomalies(model, folder, picture=strange)
    assert ranking["threshold_from"] == "data"
    assert ranking["samples"][0]["name"] == "noise.png"
    assert [one["anomaly"] for one in ranking["samples"]].count(True) == 1  # of 13, at 5 %
    drawn, noise = (np.asarray(Image.open(file)) for file in (strange, folder / "noise.png"))
    assert drawn.shape == (3 * 9 - 1, 10 * 9 - 1)
    np.testing.assert_array_equal(drawn[:8, :8], noise)
    errors = {one["name"]: one["error"] for one in ranking["samples"]}
    assert [*errors.values()] == sorted(errors.values(), reverse=True)
    (folder / "noise.png").rename(tmp_path / "noise.png")
    (tmp_path / "odd").mkdir()
    (tmp_path / "noise.png").rename(tmp_path / "odd" / "noise.png")
    ranking = rank_anomalies(model, tmp_path / "odd", normal=folder, contamination=0.1)
    assert ranking["threshold_from"] == "normal"
    assert ranking["samples"] == [
        {"name": "noise.png", "error": pytest.approx(errors["noise.png"]), "anomaly": True}
    ]
    with pytest.raises(UsageError, match=r"odd.jpg is not \.png"):
        rank_anomalies(model, folder, picture=tmp_path / "odd.jpg")
