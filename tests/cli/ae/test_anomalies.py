"""`aecodec ae anomalies`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import aecodec
from aecodec.autoencoders import AnomalyDetector, Autoencoder
from tests.cli.ae.conftest import SVD, Array, Fit
from tests.cli.conftest import Run, one_line, refused


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
        refused(run("ae", "anomalies", model, table, *option), "own threshold", code=2)
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
    for file in folder.rglob("*.png"):  # of 64 pixels the container takes most of the bits
        image = Image.open(file).resize((64, 64), Image.Resampling.BICUBIC)
        if file.stem == "noise":
            pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
            image = Image.fromarray(pixels)
        image.save(file)
    code, out, err = run("ae", "anomalies", "codec", folder)
    assert code == 0
    assert "--normal" in err
    first, *_, last = out.splitlines()
    assert first.split()[1:] == ["anomaly", str(Path("deep", "noise.png"))]
    assert "(bits)" in last


def test_what_cannot_be_scored_or_drawn_is_refused_before_the_work(
    run: Run, fit: Fit, folder: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "odd.png"
    model = fit("linear", table, *SVD, "--components", 2)

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


def test_a_threshold_from_normal_data(
    run: Run, fit: Fit, table: Path, digits: Array, tmp_path: Path
) -> None:
    strange = tmp_path / "strange.csv"
    noise = np.random.default_rng(0).random((3, 64))
    pl.DataFrame(np.r_[digits[:2], noise]).write_csv(strange)
    model = fit("mdl", table, "--components", 2, "--epochs", 5)
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
