"""`aecodec train` and `aecodec bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, refused
from tests.pictures import photograph

RECIPE = """
model: {width: 8, blocks: [1, 1], deep_width: 8, deep_blocks: [1, 1], latent_channels: 64,
        hyper_channels: 8, mean_width: 8, scale_width: 8, anchors: 3}
steps: 3
batch: 2
crop: 64
large_crop: 64
drawn: 0.0
scales: [1.0]
warmup: 1
ema_every: 1
held_out: 1
validate_every: 2
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("astronaut", "chelsea"):
        photograph(name).crop((100, 20, 340, 196)).save(folder / f"{name}.png")
    return folder


def test_train_prints_the_checkpoint_and_resumes(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    train = ["train", "codec", "--data", photos, "--recipe", "tiny.yaml", "--device", "cpu"]
    code, out, _ = run(*train, "--max-minutes", 0)  # stops after the first step
    assert code == 0
    checkpoint = Path(out.splitlines()[-1])
    assert checkpoint.parent == Path("runs/tiny")
    assert checkpoint.is_file()
    code, _, err = run(*train)
    assert (code, "--resume" in err) == (1, True)
    assert run(*train, "--resume")[0] == 0
    start = ["--start", "runs/tiny/codec.safetensors", "--out", "finer", "--max-minutes", 0]
    assert run(*train, *start)[0] == 0
    assert json.loads(Path("finer/codec.json").read_text())["start"].startswith("codec.saf")


def test_train_without_a_folder_of_photos(run: Run, tmp_path: Path) -> None:
    refused(run("train", "codec", "--data", tmp_path / "nowhere"), "nowhere", code=2)
    refused(run("train", "codec"), "--data", code=2)


def test_ctrl_c_while_training(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aecodec.training.run

    def interrupted(*_: Any, **__: Any) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit(1)  # noqa: B904 - as Lightning does

    monkeypatch.setattr(aecodec.training.run, "train", interrupted)
    assert run("train", "codec", "--data", photos, "--out", tmp_path / "run")[0] == 130


def test_bench_rd(run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aecodec.evaluation.classic_codecs import Jpeg
    from aecodec.evaluation.rd import measure

    monkeypatch.setattr(measure, "available", lambda: [Jpeg()])  # the others take their time
    monkeypatch.setitem(measure.run_rd.__kwdefaults__, "qualities", (30, 60))
    (photos / "astronaut.png").unlink()
    out = tmp_path / "results"
    page = tmp_path / "page.html"
    arguments = ["bench", "rd", "--data", photos, "--out", out, "--device", "cpu", "--html", page]
    code, printed, progress = run(*arguments)
    assert code == 0
    assert "Plotly.newPlot(" in page.read_text()
    assert "BD-rate" in printed
    assert "1 of 1: chelsea.png" in progress
    assert json.loads((out / "rd.json").read_text())["figures"]["images"] == 1
    (out / "rd.json").unlink()
    for kept in ("rd.md", "rd_psnr.png", "page.html"):  # one after another is in the way
        refused(run(*arguments), f"{kept} exists; choose another name, or use --force")
        for path in out.glob("rd.md" if kept == "rd.md" else "*"):
            path.unlink()
    assert not list(out.iterdir())


def test_bench_speed_passes_its_options_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aecodec.evaluation.speed import measure  # measured for real in its own tests

    def fake(out: Path, *, device: str, progress: Any) -> None:
        progress(f"on {device}")
        (out / "speed.md").write_text("# Time\n")

    monkeypatch.setattr(measure, "run_speed", fake)
    assert run("bench", "speed", "--out", tmp_path) == (0, "# Time\n\n", "on cpu\n")
