"""Data that autoencoders are given on the command line."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from aecodec.autoencoders import load
from aecodec.images import Picture
from tests.cli.ae.conftest import SVD, Array, Fit
from tests.cli.conftest import Run, one_line, refused


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_all_formats_are_read_alike(
    run: Run, fit: Fit, suffix: str, table: Path, digits: Array, tmp_path: Path
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
        model = fit("linear", data, *SVD, "--components", 3, name=f"m{data.suffix}")
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
    code, out, err = run("ae", "fit", "linear", table, "-o", model, *SVD, "--components", 1)
    assert (code, err) == (0, "")
    assert f" {rows} x " in out


def test_images_are_brought_to_the_size_asked_for(
    run: Run, fit: Fit, folder: Path, tmp_path: Path
) -> None:
    Image.new("L", (9, 8)).save(folder / "wide.png")
    model = tmp_path / "m.safetensors"
    refused(run("ae", "fit", "linear", folder, "-o", model), "--size")
    size = ("--size", "6x4", "--components", 2, "--epochs", 2)
    model = fit("linear", folder, *size)
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
    code, _, err = run("ae", "fit", "linear", folder, "-o", model, *SVD, "--components", 2)
    assert (code, err) == (0, "note: CMYK pixels were converted to RGB\n")


def test_no_advice_that_a_command_does_not_take(
    run: Run, fit: Fit, table: Path, folder: Path
) -> None:
    model = fit("linear", table, *SVD, "--components", 2)
    Image.new("L", (9, 8)).save(folder / "wide.png")
    for command in ("transform", "reconstruct", "anomalies", "plot-codes"):
        output = () if command == "anomalies" else ("-o", table.with_name("out.npy"))
        if command == "plot-codes":
            output = ("-o", table.with_name("out.png"))
        err = refused(run("ae", command, model, folder, *output), "9x8")
        assert "--size" not in err


def test_channels_that_no_picture_has(run: Run, fit: Fit, folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, rgba = tmp_path / "first.npy", tmp_path / "rgba.npy"
    np.save(first, rng.random((12, 3, 8, 8)))
    np.save(rgba, rng.random((12, 8, 8, 4)))
    for data in (first, rgba):
        model = fit("variational", data, "--components", 2, "--epochs", 1, name=data.stem)
        picture = run("ae", "sample", model, "-o", data.with_suffix(".png"))
        back = run("ae", "reconstruct", model, folder, "-o", tmp_path / "back")
        drawn = run("ae", "anomalies", model, data, "--picture", tmp_path / f"{data.stem}-odd.png")
        for code, _, err in (back, *([picture, drawn] if data == first else [])):
            assert code == 1
            assert one_line(err)
            assert "channels" in err
    assert Image.open(tmp_path / "rgba.png").mode == "RGBA"
