"""Fitting, encoding, decoding, sampling and drawing from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image
from sklearn.datasets import load_digits

from aecodec.autoencoders import load
from tests.cli.ae.conftest import SVD, Array, Fit
from tests.cli.conftest import Run, refused


def test_fit_transform_reconstruct(run: Run, table: Path, digits: Array, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    settings = ("--set", "hidden_layers=[32]", "--set", "activation=tanh", "--seed", 5)
    code, out, err = run(
        "ae", "fit", "autoencoder", table, "-o", model, "--components", 4, "--epochs", 5, *settings
    )
    assert (code, err) == (0, "")
    assert "300 x 64 -> 4" in out
    estimator = load(model)
    assert (estimator.hidden_layers, estimator.activation) == ((32,), "tanh")
    assert (estimator.max_epochs, estimator.random_state) == (5, 5)
    expected = estimator.transform(digits)
    for suffix, reader in {
        ".npy": np.load,
        ".npz": lambda p: np.load(p)["arr_0"],
        ".csv": lambda p: pl.read_csv(p).to_numpy(),
        ".parquet": lambda p: pl.read_parquet(p).to_numpy(),
    }.items():
        codes = tmp_path / f"codes{suffix}"
        assert run("ae", "transform", model, table, "-o", codes)[0] == 0
        np.testing.assert_allclose(reader(codes), expected, rtol=1e-12)
    assert list(pl.read_csv(tmp_path / "codes.csv").columns) == [
        f"autoencoder{n}" for n in range(4)
    ]
    assert run("ae", "reconstruct", model, table, "-o", tmp_path / "back.npy")[0] == 0
    np.testing.assert_allclose(np.load(tmp_path / "back.npy"), estimator.reconstruct(digits))


def test_words_for_switches(run: Run, fit: Fit, table: Path, tmp_path: Path) -> None:
    settings = ("--set", "tied=False", "--set", "early_stopping=True", "--epochs", 2)
    model = fit("linear", table, *settings)
    estimator = load(model)
    assert (estimator.tied, estimator.early_stopping) == (False, True)


def test_a_folder_of_images(run: Run, folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    settings = ("--components", 3, "--epochs", 30, "--set", "channels=[4]", "--set", "batch_size=8")
    code, out, _ = run("ae", "fit", "conv", folder, "-o", model, *settings)
    assert code == 0
    assert "21 x 64 -> 3" in out
    assert load(model).image_shape_ == (8, 8, 1)
    back = tmp_path / "back"
    assert run("ae", "reconstruct", model, folder, "-o", back)[0] == 0
    written = sorted(str(p.relative_to(back)) for p in back.rglob("*.png"))
    assert written == sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png"))
    assert Image.open(back / "deep" / "noise.png").size == (8, 8)

    picture = tmp_path / "strange.png"
    code, out, err = run("ae", "anomalies", model, folder, "--json", "--picture", picture)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["samples"][0]["name"] == str(Path("deep", "noise.png"))
    assert [s["anomaly"] for s in report["samples"]].count(True) == 1  # of 21, at 5 %
    errors = [s["error"] for s in report["samples"]]
    assert errors == sorted(errors, reverse=True)
    image = Image.open(picture)
    assert image.size == (10 * 9 - 1, 3 * 9 - 1)
    noise = np.asarray(Image.open(folder / "deep" / "noise.png"))
    np.testing.assert_array_equal(np.asarray(image)[:8, :8], noise)


def test_reconstructions_never_replace_the_images(
    run: Run, fit: Fit, small: Image.Image, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        small.rotate(90 * number).resize((16, 16)).save(photos / f"{number}.png")
    model = fit("linear", photos, "--components", 2)
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    onto_itself = run("ae", "reconstruct", model, photos, "-o", photos, "--force")
    refused(onto_itself, "would overwrite an input")
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before


def test_samples(run: Run, fit: Fit, folder: Path, table: Path, tmp_path: Path) -> None:
    model = fit("variational", folder, "--components", 2, "--epochs", 2)
    assert run("ae", "sample", model, "-n", 6, "-o", tmp_path / "s.png")[0] == 0
    assert Image.open(tmp_path / "s.png").size == (3 * 9 - 1, 2 * 9 - 1)
    assert run("ae", "sample", model, "-n", 6, "-o", tmp_path / "s.npy")[0] == 0
    assert np.load(tmp_path / "s.npy").shape == (6, 64)
    rows = tmp_path / "rows.safetensors"
    rows = fit("variational", table, "--components", 2, "--epochs", 1, name="rows")
    refused(run("ae", "sample", rows, "-o", tmp_path / "t.png"))
    linear = tmp_path / "linear.safetensors"
    linear = fit("linear", table, *SVD, name="linear")
    refused(run("ae", "sample", linear, "-o", tmp_path / "t.npy"), "variational")


def test_a_map_of_codes(run: Run, fit: Fit, table: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    model = fit("linear", table, *SVD, "--components", 3)
    labels.write_text("\n".join(map(str, load_digits().target[:300])))
    target = tmp_path / "map.png"
    assert run("ae", "plot-codes", model, table, "-o", target, "--labels", labels)[0] == 0
    colours = np.asarray(Image.open(target).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 10
    labels.write_bytes(b"\x93NUMPY")
    again = ("ae", "plot-codes", model, table, "-o", target, "--labels", labels, "--force")
    refused(run(*again))
    labels.write_text("one\ntwo")
    refused(run(*again), "2 lines for 300")


def test_a_map_of_few_samples_with_labels_that_are_no_formula(
    run: Run, fit: Fit, table: Path, tmp_path: Path
) -> None:
    rows = np.load(table)[:12]
    np.save(tmp_path / "few.npy", rows)
    (tmp_path / "labels").write_text("a$b_$\\frac\nother\n" * 6)
    model = fit("linear", table, "--components", 4)
    labels, target = ("--labels", tmp_path / "labels"), tmp_path / "map.svg"
    for method in ("pca", "tsne"):
        what = ("ae", "plot-codes", model, tmp_path / "few.npy", "-o", target, "--force")
        assert run(*what, *labels, "--method", method)[0] == 0
        assert target.stat().st_size > 1000
