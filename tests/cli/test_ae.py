"""Autoencoders from the command line, on scikit-learn's digits."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

import aecodec
from aecodec.autoencoders import AnomalyDetector, Autoencoder, load
from aecodec.images import Picture
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
        assert (
            run("ae", "fit", "linear", data, "-o", model, "--set", "solver=svd", "--components", 3)[
                0
            ]
            == 0
        )
        models.append(load(model).transform(digits))
    np.testing.assert_allclose(models[0], models[1], atol=1e-6)


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
def test_the_rows_of_a_csv(run: Run, text: str, rows: int, tmp_path: Path) -> None:
    table, model = tmp_path / "table.csv", tmp_path / "m.safetensors"
    table.write_text(text)
    code, out, err = run(
        "ae", "fit", "linear", table, "-o", model, "--set", "solver=svd", "--components", 1
    )
    assert (code, err) == (0, "")
    assert f" {rows} x " in out


def test_words_for_switches(run: Run, table: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    settings = ("--set", "tied=False", "--set", "early_stopping=True", "--epochs", 2)
    assert run("ae", "fit", "linear", table, "-o", model, *settings)[0] == 0
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


def test_images_are_brought_to_the_size_asked_for(run: Run, folder: Path, tmp_path: Path) -> None:
    Image.new("L", (9, 8)).save(folder / "wide.png")
    model = tmp_path / "m.safetensors"
    code, _, err = run("ae", "fit", "linear", folder, "-o", model)
    assert code == 1
    assert one_line(err)
    assert "--size" in err
    size = ("--size", "6x4", "--components", 2, "--epochs", 2)
    assert run("ae", "fit", "linear", folder, "-o", model, *size)[0] == 0
    assert load(model).image_shape_ == (4, 6, 1)
    assert run("ae", "reconstruct", model, folder, "-o", tmp_path / "back")[0] == 0
    assert Image.open(tmp_path / "back" / "wide.png").size == (6, 4)


def test_photos_are_made_small_one_by_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a folder of photos would not fit into memory."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        Image.new("RGB", (90, 60), (number, 99, 0)).save(photos / f"{number}.png")
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
    size = ("--size", "6x4", "--components", 2, "--epochs", 1)
    code, out, _ = run("ae", "fit", "autoencoder", photos, "-o", tmp_path / "m.safetensors", *size)
    assert code == 0
    assert "4 x 72" in out
    assert most <= 2


def test_what_was_converted_is_noted_once(run: Run, folder: Path, tmp_path: Path) -> None:
    for name in "ab":
        Image.new("CMYK", (8, 8)).save(folder / f"{name}.jpg")
    model = tmp_path / "m.safetensors"
    code, _, err = run(
        "ae", "fit", "linear", folder, "-o", model, "--set", "solver=svd", "--components", 2
    )
    assert (code, err) == (0, "note: CMYK pixels were converted to RGB\n")


def test_no_advice_that_a_command_does_not_take(run: Run, table: Path, folder: Path) -> None:
    model = table.with_name("m.safetensors")
    assert (
        run("ae", "fit", "linear", table, "-o", model, "--set", "solver=svd", "--components", 2)[0]
        == 0
    )
    Image.new("L", (9, 8)).save(folder / "wide.png")
    for command in ("transform", "reconstruct", "anomalies", "plot-codes"):
        output = () if command == "anomalies" else ("-o", table.with_name("out.npy"))
        if command == "plot-codes":
            output = ("-o", table.with_name("out.png"))
        code, _, err = run("ae", command, model, folder, *output)
        assert code == 1
        assert one_line(err)
        assert "9x8" in err
        assert "--size" not in err


def test_channels_that_no_picture_has(run: Run, folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, rgba = tmp_path / "first.npy", tmp_path / "rgba.npy"
    np.save(first, rng.random((12, 3, 8, 8)))
    np.save(rgba, rng.random((12, 8, 8, 4)))
    for data in (first, rgba):
        model = data.with_suffix(".safetensors")
        assert (
            run("ae", "fit", "variational", data, "-o", model, "--components", 2, "--epochs", 1)[0]
            == 0
        )
        picture = run("ae", "sample", model, "-o", data.with_suffix(".png"))
        back = run("ae", "reconstruct", model, folder, "-o", tmp_path / "back")
        drawn = run("ae", "anomalies", model, data, "--picture", tmp_path / f"{data.stem}-odd.png")
        for code, _, err in (back, *([picture, drawn] if data == first else [])):
            assert code == 1
            assert one_line(err)
            assert "channels" in err
    assert Image.open(tmp_path / "rgba.png").mode == "RGBA"


def test_a_saved_detector_is_taken_as_it_is(
    run: Run, table: Path, digits: Array, tmp_path: Path
) -> None:
    model = tmp_path / "detector.safetensors"
    detector = AnomalyDetector(
        autoencoder=Autoencoder(4, max_epochs=5),
        contamination=0.01,
        scoring="relative",
        random_state=0,
    ).fit(digits)
    detector.save(model)
    code, out, err = run("ae", "anomalies", model, table, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["scoring"], report["contamination"]) == ("relative", 0.01)
    assert report["threshold"] == -detector.offset_
    found = {int(s["name"]) for s in report["samples"] if s["anomaly"]}
    assert found == set(np.flatnonzero(detector.predict(digits) == -1))
    for option in (("--normal", table), ("--contamination", 0.1), ("--scoring", "relative")):
        code, _, err = run("ae", "anomalies", model, table, *option)
        assert code == 2
        assert "own threshold" in err
    assert run("ae", "transform", model, table, "-o", tmp_path / "codes.npy")[0] == 0


def test_the_codec_takes_pictures_as_they_are(run: Run, tmp_path: Path) -> None:
    photos, picture = tmp_path / "photos", tmp_path / "odd.png"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for name, size in (("a", (40, 24)), ("b", (24, 40)), ("c", (300, 150))):
        noise = rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x010E] = 5000 * "a"  # which takes no bits of the picture
        Image.fromarray(noise).save(photos / f"{name}.png", exif=exif if name == "a" else None)
    code, out, _ = run("ae", "anomalies", "codec", photos, "--json", "--picture", picture)
    assert code == 0
    samples = json.loads(out)["samples"]
    assert [s["name"] for s in samples][0] == "c.png"
    bits = {s["name"]: s["error"] for s in samples}
    pixels = Image.open(photos / "b.png")
    assert bits["b.png"] == 8 * len(aecodec.compress(pixels))
    assert bits["a.png"] < 1.5 * bits["b.png"]
    assert Image.open(picture).size == (3 * 129 - 1, 64)


def test_the_codec_finds_noise_strange(run: Run, folder: Path) -> None:
    code, out, err = run("ae", "anomalies", "codec", folder)
    assert code == 0
    assert "--normal" in err
    first, *_, last = out.splitlines()
    assert first.split()[1:] == ["anomaly", str(Path("deep", "noise.png"))]
    assert "(bits)" in last


def test_what_cannot_be_scored_or_drawn_is_refused_before_the_work(
    run: Run, folder: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, picture = tmp_path / "m.safetensors", tmp_path / "odd.png"
    assert (
        run("ae", "fit", "linear", table, "-o", model, "--set", "solver=svd", "--components", 2)[0]
        == 0
    )

    def work(*_: object) -> None:
        raise AssertionError("worked")

    monkeypatch.setattr(AnomalyDetector, "fit", work)
    monkeypatch.setattr("aecodec.compress", work)
    for arguments, named in (
        (("codec", folder, "--scoring", "relative"), "--scoring bits only"),
        ((model, tmp_path / "none.csv", "--scoring", "bits"), "kind mdl"),
        ((model, table, "--picture", picture), f"{table}: --picture needs images"),
    ):
        code, out, err = run("ae", "anomalies", *arguments)
        assert (code, out, one_line(err)) == (1, "", True)
        assert named in err


def test_a_threshold_from_normal_data(run: Run, table: Path, digits: Array, tmp_path: Path) -> None:
    model, strange = tmp_path / "m.safetensors", tmp_path / "strange.csv"
    noise = np.random.default_rng(0).random((3, 64))
    pl.DataFrame(np.r_[digits[:2], noise]).write_csv(strange)
    assert run("ae", "fit", "mdl", table, "-o", model, "--components", 2, "--epochs", 5)[0] == 0
    code, out, err = run("ae", "anomalies", model, strange, "--normal", table, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["scoring"] == "bits"
    low, high = report["threshold_interval"]
    assert low <= report["threshold"] <= high
    relative = ("--scoring", "relative", "--normal", table)
    code, out, _ = run("ae", "anomalies", model, strange, *relative)
    assert code == 0
    assert out.endswith("(error relative to the sample)\n")
    strangest = report["samples"][:3]
    assert {s["name"] for s in strangest} == {"2", "3", "4"}
    assert all(s["anomaly"] for s in strangest)


def test_samples(run: Run, folder: Path, table: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    assert (
        run("ae", "fit", "variational", folder, "-o", model, "--components", 2, "--epochs", 2)[0]
        == 0
    )
    assert run("ae", "sample", model, "-n", 6, "-o", tmp_path / "s.png")[0] == 0
    assert Image.open(tmp_path / "s.png").size == (3 * 9 - 1, 2 * 9 - 1)
    assert run("ae", "sample", model, "-n", 6, "-o", tmp_path / "s.npy")[0] == 0
    assert np.load(tmp_path / "s.npy").shape == (6, 64)
    rows = tmp_path / "rows.safetensors"
    assert (
        run("ae", "fit", "variational", table, "-o", rows, "--components", 2, "--epochs", 1)[0] == 0
    )
    code, _, err = run("ae", "sample", rows, "-o", tmp_path / "t.png")
    assert code == 1
    assert one_line(err)
    linear = tmp_path / "linear.safetensors"
    assert run("ae", "fit", "linear", table, "-o", linear, "--set", "solver=svd")[0] == 0
    code, _, err = run("ae", "sample", linear, "-o", tmp_path / "t.npy")
    assert code == 1
    assert "variational" in err


def test_a_map_of_codes(run: Run, table: Path, tmp_path: Path) -> None:
    model, labels = tmp_path / "m.safetensors", tmp_path / "labels.txt"
    assert (
        run("ae", "fit", "linear", table, "-o", model, "--set", "solver=svd", "--components", 3)[0]
        == 0
    )
    labels.write_text("\n".join(map(str, load_digits().target[:300])))
    target = tmp_path / "map.png"
    assert run("ae", "plot-codes", model, table, "-o", target, "--labels", labels)[0] == 0
    colours = np.asarray(Image.open(target).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 10
    labels.write_bytes(b"\x93NUMPY")
    code, _, err = run(
        "ae", "plot-codes", model, table, "-o", target, "--labels", labels, "--force"
    )
    assert code == 1
    assert one_line(err)
    labels.write_text("one\ntwo")
    code, _, err = run(
        "ae", "plot-codes", model, table, "-o", target, "--labels", labels, "--force"
    )
    assert code == 1
    assert "2 lines for 300" in err


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


def test_reconstructions_never_replace_the_images(
    run: Run, small: Image.Image, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        small.rotate(90 * number).resize((16, 16)).save(photos / f"{number}.png")
    assert run("ae", "fit", "linear", photos, "-o", tmp_path / "m", "--components", 2)[0] == 0
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    code, _, err = run("ae", "reconstruct", tmp_path / "m", photos, "-o", photos, "--force")
    assert (code, one_line(err)) == (1, True)
    assert "would overwrite an input" in err
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before


def test_a_map_of_few_samples_with_labels_that_are_no_formula(
    run: Run, table: Path, tmp_path: Path
) -> None:
    rows = np.load(table)[:12]
    np.save(tmp_path / "few.npy", rows)
    (tmp_path / "labels").write_text("a$b_$\\frac\nother\n" * 6)
    assert run("ae", "fit", "linear", table, "-o", tmp_path / "m", "--components", 4)[0] == 0
    labels, target = ("--labels", tmp_path / "labels"), tmp_path / "map.svg"
    for method in ("pca", "tsne"):
        what = ("ae", "plot-codes", tmp_path / "m", tmp_path / "few.npy", "-o", target, "--force")
        assert run(*what, *labels, "--method", method)[0] == 0
        assert target.stat().st_size > 1000
