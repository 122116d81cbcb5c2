"""Data that autoencoders are given on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aecodec.autoencoders import load
from tests.cli.ae.conftest import SVD, Fit
from tests.cli.conftest import Run, one_line, refused


def test_images_are_brought_to_the_size_asked_for(
    run: Run, fit: Fit, folder: Path, tmp_path: Path
) -> None:
    Image.new("L", (9, 8)).save(folder / "wide.png")
    model = tmp_path / "m.safetensors"
    refused(run("ae", "fit", "linear", folder, "-o", model), "--size")
    model = fit("linear", folder, "--size", "6x4", "--components", 2, "--epochs", 2)
    assert load(model).image_shape_ == (4, 6, 1)
    assert run("ae", "reconstruct", model, folder, "-o", tmp_path / "back")[0] == 0
    assert Image.open(tmp_path / "back" / "wide.png").size == (6, 4)


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
