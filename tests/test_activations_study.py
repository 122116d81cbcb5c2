"""`benchmarks.studies.activations`: its measures on the shipped weights, small."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.studies import activations
from benchmarks.studies.held_out import load_model


def test_the_study_prints_its_tables(
    tmp_path: Path,
    cat: Image.Image,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number, side in enumerate((0, 150)):
        cat.crop((side, 60, side + 128, 188)).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(activations, "KINDS", ("flag", "noise"))
    monkeypatch.setattr(activations, "SIZE", (128, 128))
    data = ["--data", str(tmp_path), "--photos", "1", "--others", "1"]
    activations.main(["codec-psnr", *data])
    out = capsys.readouterr().out
    assert "| flag |" in out.replace("  ", " ")
    for row in ("flag, 90", "noise, 90", "1 other photos, 20", "1 other photos, 90"):
        assert row in out


def test_a_photo_is_within_its_own_range(cat: Image.Image) -> None:
    model = load_model("codec-psnr")
    pixels = torch.tensor(list(cat.crop((0, 0, 128, 128)).tobytes()), dtype=torch.uint8)
    photo = pixels.view(128, 128, 3).permute(2, 0, 1)[None]
    ranges = activations.photo_ranges(model, [photo])
    assert set(ranges) == set(activations.bounded(model).values())
    assert max(activations.excess(model, ranges, photo, 50).values()) < 1e-3
    free, by_channel, by_convolution = activations.three_psnr(model, ranges, photo, 50)
    assert by_channel == pytest.approx(free, abs=1e-3)
    assert by_convolution == pytest.approx(free, abs=1e-3)
    assert not any(layer.low.isfinite().any() for layer in ranges)  # left as it was
