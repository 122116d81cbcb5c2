"""Fitting, encoding, decoding, sampling and drawing from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aecodec.autoencoders import load
from tests.cli.ae.conftest import Array, Fit
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
    assert run("ae", "transform", model, table, "-o", tmp_path / "codes.npy")[0] == 0
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), expected, rtol=1e-12)
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


def test_samples_and_a_map_of_codes(run: Run, fit: Fit, folder: Path, tmp_path: Path) -> None:
    model = fit("variational", folder, "--components", 3, "--epochs", 2)
    assert run("ae", "sample", model, "-n", 6, "-o", tmp_path / "s.png")[0] == 0
    assert Image.open(tmp_path / "s.png").size == (3 * 9 - 1, 2 * 9 - 1)
    labels, target = tmp_path / "labels.txt", tmp_path / "map.png"
    labels.write_text("\n".join(map(str, range(21))))
    plot = ("ae", "plot-codes", model, folder, "-o", target, "--labels", labels)
    assert run(*plot)[0] == 0
    colours = np.asarray(Image.open(target).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 10
    refused(run(*plot), "--force")
