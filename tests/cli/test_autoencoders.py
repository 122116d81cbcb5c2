"""Autoencoders from the command line, on scikit-learn's digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from aecodec.autoencoders import load
from tests.cli.conftest import Run

Array = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits() -> Array:
    return load_digits().data[:300] / 16


@pytest.fixture
def table(digits: Array, tmp_path: Path) -> Path:
    path = tmp_path / "digits.npy"
    np.save(path, digits)
    return path


@pytest.fixture
def folder(digits: Array, tmp_path: Path) -> Path:
    """Twenty zeros as images, and one that is noise."""
    root = tmp_path / "images"
    (root / "deep").mkdir(parents=True)
    zeros = digits[load_digits().target[:300] == 0][:20]
    for number, row in enumerate(zeros):
        Image.fromarray((255 * row.reshape(8, 8)).astype(np.uint8)).save(root / f"{number:02}.png")
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(noise).save(root / "deep" / "noise.png")
    return root


def one_line(text: str) -> bool:
    return text.startswith("error: ") and text.count("\n") == 1 and "Traceback" not in text


def test_fit_transform_reconstruct(run: Run, table: Path, digits: Array, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    settings = ("--set", "hidden_layers=[32]", "--set", "activation=tanh", "--seed", 5)
    code, out, err = run(
        "fit", "autoencoder", table, "-o", model, "-n", 4, "--epochs", 5, *settings
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
        assert run("transform", model, table, "-o", codes)[0] == 0
        np.testing.assert_allclose(reader(codes), expected, rtol=1e-12)
    assert list(pl.read_csv(tmp_path / "codes.csv").columns) == [
        f"autoencoder{n}" for n in range(4)
    ]
    assert run("reconstruct", model, table, "-o", tmp_path / "back.npy")[0] == 0
    np.testing.assert_allclose(np.load(tmp_path / "back.npy"), estimator.reconstruct(digits))


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_all_formats_are_read_alike(
    run: Run, suffix: str, table: Path, digits: Array, tmp_path: Path
) -> None:
    other = tmp_path / f"digits{suffix}"
    frame = pl.DataFrame(digits, schema=[f"p{n}" for n in range(64)])
    if suffix == ".npz":
        np.savez(other, digits=digits)
    elif suffix == ".csv":
        frame.write_csv(other)
    else:
        frame.write_parquet(other)
    models = []
    for data in (table, other):
        model = tmp_path / f"m{data.suffix}.safetensors"
        assert run("fit", "linear", data, "-o", model, "--set", "solver=svd", "-n", 3)[0] == 0
        models.append(load(model).transform(digits))
    np.testing.assert_allclose(models[0], models[1], atol=1e-6)


def test_a_folder_of_images(run: Run, folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    settings = ("-n", 3, "--epochs", 30, "--set", "channels=[4]", "--set", "batch_size=8")
    code, out, _ = run("fit", "conv", folder, "-o", model, *settings)
    assert code == 0
    assert "21 x 64 -> 3" in out
    assert load(model).image_shape_ == (8, 8, 1)
    back = tmp_path / "back"
    assert run("reconstruct", model, folder, "-o", back)[0] == 0
    written = sorted(str(p.relative_to(back)) for p in back.rglob("*.png"))
    assert written == sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png"))
    assert Image.open(back / "deep" / "noise.png").size == (8, 8)

    picture = tmp_path / "strange.png"
    code, out, err = run("anomalies", model, folder, "--json", "--picture", picture)
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


def test_images_are_brought_to_the_size_asked_for(run: Run, folder: Path, tmp_path: Path) -> None:
    Image.new("L", (9, 8)).save(folder / "wide.png")
    model = tmp_path / "m.safetensors"
    code, _, err = run("fit", "linear", folder, "-o", model)
    assert code == 1
    assert one_line(err)
    assert "--size" in err
    size = ("--size", "6x4", "-n", 2, "--epochs", 2)
    assert run("fit", "linear", folder, "-o", model, *size)[0] == 0
    assert load(model).image_shape_ == (4, 6, 1)
    assert run("reconstruct", model, folder, "-o", tmp_path / "back")[0] == 0
    assert Image.open(tmp_path / "back" / "wide.png").size == (6, 4)


def test_the_codec_finds_noise_strange(run: Run, folder: Path) -> None:
    code, out, err = run("anomalies", "codec", folder)
    assert code == 0
    assert "--normal" in err
    first, *_, last = out.splitlines()
    assert first.split()[1:] == ["anomaly", str(Path("deep", "noise.png"))]
    assert "(bits)" in last


def test_a_threshold_from_normal_data(run: Run, table: Path, digits: Array, tmp_path: Path) -> None:
    model, strange = tmp_path / "m.safetensors", tmp_path / "strange.csv"
    noise = np.random.default_rng(0).random((3, 64))
    pl.DataFrame(np.r_[digits[:2], noise]).write_csv(strange)
    assert run("fit", "mdl", table, "-o", model, "-n", 2, "--epochs", 5)[0] == 0
    code, out, err = run("anomalies", model, strange, "--normal", table, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["scoring"] == "bits"
    low, high = report["threshold_interval"]
    assert low <= report["threshold"] <= high
    relative = ("--scoring", "relative", "--normal", table)
    code, out, _ = run("anomalies", model, strange, *relative)
    assert code == 0
    assert out.endswith("(error relative to the sample)\n")
    strangest = report["samples"][:3]
    assert {s["name"] for s in strangest} == {"2", "3", "4"}
    assert all(s["anomaly"] for s in strangest)


def test_samples(run: Run, folder: Path, table: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    assert run("fit", "variational", folder, "-o", model, "-n", 2, "--epochs", 2)[0] == 0
    assert run("sample", model, "-n", 6, "-o", tmp_path / "s.png")[0] == 0
    assert Image.open(tmp_path / "s.png").size == (3 * 9 - 1, 2 * 9 - 1)
    assert run("sample", model, "-n", 6, "-o", tmp_path / "s.npy")[0] == 0
    assert np.load(tmp_path / "s.npy").shape == (6, 64)
    rows = tmp_path / "rows.safetensors"
    assert run("fit", "variational", table, "-o", rows, "-n", 2, "--epochs", 1)[0] == 0
    code, _, err = run("sample", rows, "-o", tmp_path / "t.png")
    assert code == 1
    assert one_line(err)
    linear = tmp_path / "linear.safetensors"
    assert run("fit", "linear", table, "-o", linear, "--set", "solver=svd")[0] == 0
    code, _, err = run("sample", linear, "-o", tmp_path / "t.npy")
    assert code == 1
    assert "variational" in err


def test_a_map_of_codes(run: Run, table: Path, tmp_path: Path) -> None:
    model, labels = tmp_path / "m.safetensors", tmp_path / "labels.txt"
    assert run("fit", "linear", table, "-o", model, "--set", "solver=svd", "-n", 3)[0] == 0
    labels.write_text("\n".join(map(str, load_digits().target[:300])))
    target = tmp_path / "map.png"
    assert run("plot-codes", model, table, "-o", target, "--labels", labels)[0] == 0
    colours = np.asarray(Image.open(target).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 10
    labels.write_text("one\ntwo")
    code, _, err = run("plot-codes", model, table, "-o", target, "--labels", labels, "--force")
    assert code == 1
    assert "2 lines for 300" in err


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("fit", "magic", "digits.npy", "-o", "m"), 2, "magic"),
        (("fit", "linear", "digits.npy", "-o", "m", "--set", "x=1"), 2, "'x'"),
        (("fit", "linear", "digits.npy", "-o", "m", "--set", "x"), 2, "NAME=VALUE"),
        (("fit", "linear", "digits.npy", "-o", "m", "--size", "8"), 2, "WIDTHxHEIGHT"),
        (("fit", "linear", "digits.npy", "-o", "m", "--set", "solver=magic"), 1, "magic"),
        (("fit", "sparse", "digits.npy", "-o", "m", "--set", "hidden_layers=8"), 1, "(64, 32)"),
        (("fit", "linear", "missing.npy", "-o", "m"), 1, "missing.npy"),
        (("fit", "linear", "text.csv", "-o", "m"), 1, "'name'"),
        (("fit", "linear", "broken.npy", "-o", "m"), 1, "broken.npy"),
        (("fit", "linear", "broken.parquet", "-o", "m"), 1, "broken.parquet"),
        (("fit", "linear", "nan.npy", "-o", "m"), 1, "NaN"),
        (("fit", "linear", "digits.npy", "-o", "digits.npy"), 1, "--force"),
        (("transform", "broken.npy", "digits.npy", "-o", "c.npy"), 1, "broken.npy"),
        (("transform", "broken.npy", "digits.npy", "-o", "c.txt"), 2, "c.txt"),
        (("anomalies", "codec", "digits.npy"), 1, "needs images"),
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
    Path("broken.npy").write_text("not numbers")
    Path("broken.parquet").write_text("not numbers")
    np.save("nan.npy", np.full((5, 3), np.nan))
    before = sorted(Path().iterdir())
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert named.strip("'") in err
    assert "Traceback" not in err
    assert one_line(err) or code == 2
    assert sorted(Path().iterdir()) == before
