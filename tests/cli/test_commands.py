"""The promises of the command line, through the same `main` that the script calls."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import aecodec
from aecodec.codec.config import CodecConfig
from aecodec.weights import weight_file
from aecodec.workflows.sizes import parse_size
from tests.cli.conftest import Run, one_line, refused
from tests.conftest import psnr


@pytest.fixture
def folder(small: Image.Image, tmp_path: Path) -> Path:
    """A tree with two images and a text file that calls itself one."""
    root = tmp_path / "fotos äöü"
    (root / "deep").mkdir(parents=True)
    small.save(root / "a.png")
    small.convert("L").save(root / "deep" / "b.jpg")
    (root / "broken.png").write_text("not an image")
    (root / ".hidden.png").write_text("skipped")
    return root


def test_a_name_with_a_line_break_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    refused(run("compress", tmp_path / "no\nsuch.png"))


def test_there_and_back(run: Run, photo: Path, small: Image.Image) -> None:
    code, out, _ = run("compress", photo)
    packed = photo.with_suffix(".aec")
    assert code == 0
    alone = aecodec.compress(small, 50)
    assert packed.stat().st_size == len(alone) + 46  # the hash, for `aecodec index`
    assert aecodec.decompress(packed.read_bytes()) == aecodec.decompress(alone)
    assert f"{packed.stat().st_size:,} bytes" in out
    assert "q50" in out
    assert run("decompress", packed, "-o", photo.with_name("back.png"))[0] == 0
    assert psnr(small, Image.open(photo.with_name("back.png"))) > 25


def test_quality_and_targets(run: Run, photo: Path) -> None:
    target = photo.with_suffix(".aec")
    sizes = []
    for quality in (10, 90):
        assert run("compress", photo, "--quality", quality, "--force")[0] == 0
        sizes.append(target.stat().st_size)
    assert sizes[0] < sizes[1]
    assert run("compress", photo, "--max-size", "0.9kB", "--force")[0] == 0
    assert target.stat().st_size <= 900
    assert run("compress", photo, "--bpp", "0.8", "--force")[0] == 0
    assert 8 * target.stat().st_size <= 0.8 * 7000
    assert run("compress", photo, "--psnr", "28", "--effort", "fast", "--force")[0] == 0
    assert psnr(Image.open(photo), aecodec.decompress(target.read_bytes())) >= 28


def test_an_unreachable_target_is_one_line(run: Run, photo: Path) -> None:
    refused(run("compress", photo, "--max-size", "20"), "of quality 1")
    assert not photo.with_suffix(".aec").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--quality", "101"], "quality"),
        (["--quality", "0"], "quality"),
        (["--quality", "50", "--bpp", "1"], "bpp"),
        (["--psnr", "30", "--max-size", "2kB"], "max-size"),
        (["--bpp", "-1"], "bpp"),
        (["--max-size", "lots"], "lots"),
        (["--effort", "heroic"], "effort"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, photo: Path, arguments: list[str], named: str) -> None:
    refused(run("compress", photo, *arguments), named, code=2)
    assert not photo.with_suffix(".aec").exists()


def test_a_folder_is_mirrored_and_one_bad_file_does_not_stop_the_rest(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    out_dir = tmp_path / "out"
    code, out, err = run("compress", folder, "-o", out_dir)
    assert code == 1
    assert one_line(err)
    assert "broken.png" in err
    found = sorted(str(p.relative_to(out_dir)) for p in out_dir.rglob("*") if p.is_file())
    assert found == ["a.aec", os.path.join("deep", "b.aec")]
    assert "total: 2 of 3 files" in out
    assert run("decompress", out_dir, "-o", tmp_path / "back", "--format", "webp")[0] == 0
    assert (tmp_path / "back" / "deep" / "b.webp").exists()


def test_nothing_is_overwritten_without_force(run: Run, photo: Path) -> None:
    target = photo.with_suffix(".aec")
    target.write_bytes(b"precious")
    refused(run("compress", photo), "--force")
    assert target.read_bytes() == b"precious"
    assert run("compress", photo, "--force")[0] == 0
    assert target.read_bytes() != b"precious"


def test_the_input_is_never_overwritten(run: Run, photo: Path) -> None:
    before = photo.read_bytes()
    refused(run("compress", photo, "-o", photo, "--force"), "would overwrite the input")
    assert photo.read_bytes() == before


def test_a_failed_write_leaves_nothing_behind(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = photo.with_suffix(".aec")
    target.write_bytes(b"precious")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused(run("compress", photo, "--force"), "no space left")
    assert target.read_bytes() == b"precious"
    assert sorted(p.name for p in photo.parent.iterdir()) == ["photo.aec", "photo.png"]


def test_several_processes_write_the_same_files(run: Run, folder: Path, tmp_path: Path) -> None:
    written = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        code, _, err = run("compress", folder, "-o", out, "--jobs", jobs, "--device", "cpu")
        assert code == 1
        assert "broken.png" in err
        written.append({path.name: path.stat().st_size for path in out.rglob("*.aec")})
    assert len(written[0]) == 2
    # Here torch may run the networks: its float sums differ in the last bits.
    assert written[0] == pytest.approx(written[1], rel=0.02)
    assert "--engine local" in run("compress", folder, "--engine", "ray", "--jobs", "2")[2]


def test_json_is_all_there_is_on_stdout(run: Run, folder: Path, tmp_path: Path) -> None:
    code, out, _ = run("compress", folder, "-o", tmp_path / "out", "--json")
    assert code == 1
    results = {Path(r["input"]).name: r for r in json.loads(out)}
    assert set(results) == {"a.png", "b.jpg", "broken.png"}
    assert results["broken.png"]["output"] is None
    assert "not an image" in results["broken.png"]["error"]
    good = results["a.png"]
    assert good["error"] is None
    assert good["bytes"] == Path(good["output"]).stat().st_size
    assert (good["width"], good["height"], good["quality"]) == (100, 70, 50)


def test_notes_name_the_file(run: Run, small: Image.Image, tmp_path: Path) -> None:
    small.convert("CMYK").save(tmp_path / "press.tif")
    code, _, err = run("compress", tmp_path / "press.tif")
    assert code == 0
    assert "press.tif: CMYK pixels were converted to RGB" in err
    assert err.startswith("note: ")


@pytest.mark.parametrize("damage", [lambda d: d[:-9], lambda d: b"text", lambda d: d + b"x"])
def test_damaged_files_are_refused_in_one_line(
    run: Run, photo: Path, damage: Callable[[bytes], bytes]
) -> None:
    run("compress", photo)
    packed = photo.with_suffix(".aec")
    packed.write_bytes(damage(packed.read_bytes()))
    for command in (["decompress", packed, "-o", photo.with_name("x.png")], ["info", packed]):
        refused(run(*command), "photo.aec")
    assert not photo.with_name("x.png").exists()


def test_missing_files_and_empty_folders(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nowhere.png", tmp_path / "empty"):
        refused(run("compress", path), path.name)


def test_formats_that_do_not_fit_say_so(run: Run, small: Image.Image, tmp_path: Path) -> None:
    small.convert("RGBA").save(tmp_path / "x.png")
    run("compress", tmp_path / "x.png")
    refused(run("decompress", tmp_path / "x.aec", "--format", "jpg"), "JPEG cannot hold this image")
    assert run("decompress", tmp_path / "x.aec", "--format", "doc")[0] == 2
    clash = ("decompress", tmp_path / "x.aec", "-o", tmp_path / "y.png", "--format", "webp")
    refused(run(*clash), "y.png is not .webp", code=2)
    assert not (tmp_path / "y.png").exists()
    same = ("decompress", tmp_path / "x.aec", "-o", tmp_path / "y.tif", "--format", "tiff")
    assert run(*same)[0] == 0


def test_nothing_is_written_to_a_file_called_dash(
    run: Run, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("compress", photo, "-o", "-")
    assert (code, "AEC" in out[:8]) == (0, True)
    assert not Path("-").exists()
    refused(run("corrupt", photo, "-o", "-"), "give a name", code=2)


def test_info_shows_header_and_chunks(run: Run, photo: Path) -> None:
    run("compress", photo, "-q", 33)
    packed = photo.with_suffix(".aec")
    about = json.loads(run("info", packed, "--json")[1])
    assert (about["width"], about["height"], about["quality"]) == (100, 70, 33)
    assert about["bytes"] == packed.stat().st_size
    assert about["model"] == "codec-balanced"
    assert [chunk["type"] for chunk in about["chunks"]] == ["tile", "hash"]
    assert about["chunks"][0]["bytes"] < about["bytes"]
    text = run("info", packed)[1]
    for word in ("width", "quality", "weights", "tile", "bpp"):
        assert word in text


def test_models_lists_what_ships(run: Run) -> None:
    cards = json.loads(run("models", "--json")[1])
    assert "codec-psnr" in [card["id"] for card in cards]
    for card in cards:
        assert card["bytes"] < 25e6
        assert len(card["sha256"]) == 64
        assert card["steps"] > 0
    assert "codec-psnr: codec for PSNR, " in run("models")[1]


def test_weights_for_psnr_are_found_by_the_file(run: Run, photo: Path, small: Image.Image) -> None:
    assert run("compress", photo, "-q", 90, "--tune", "psnr")[0] == 0
    packed = photo.with_suffix(".aec")
    assert json.loads(run("info", packed, "--json")[1])["model"] == "codec-psnr"
    assert run("compress", photo, "--tune", "psnr", "--weights", "codec-balanced")[0] == 2
    back = photo.with_name("back.png")
    assert run("decompress", packed, "-o", back)[0] == 0
    assert psnr(Image.open(back), small) > 25


def test_own_weights_there_and_back(
    run: Run, photo: Path, small: Image.Image, tmp_path: Path
) -> None:
    weights, shipped = tmp_path / "mine.safetensors", load_file(weight_file("codec-psnr"))
    save_file(shipped, weights, metadata={"config": own_config().to_json()})
    own = ["--weights", weights]
    assert run("compress", photo, "-o", tmp_path / "own.aec", *own)[0] == 0
    assert run("compress", photo, "-o", tmp_path / "shipped.aec", "--weights", "codec-psnr")[0] == 0
    refused(
        run("decompress", tmp_path / "own.aec"),
        "own.aec: the file was written with weights",
        "--weights",
    )
    for name in ("own", "shipped"):  # what ships is known in any case
        assert run("decompress", tmp_path / f"{name}.aec", *own)[0] == 0
        assert psnr(Image.open(tmp_path / f"{name}.png"), small) > 25
    refused(run("compress", photo, "--weights", "codec-none"), "codec-none: no such weight file")
    lacking = tmp_path / "lacking.safetensors"
    rest = dict(list(shipped.items())[1:])
    save_file(rest, lacking, metadata={"config": own_config().to_json()})
    err = refused(run("compress", photo, "--force", "--weights", lacking))
    assert "lacking.safetensors: not a codec weight file" in err


def own_config() -> CodecConfig:
    """Of the shipped codec, as if it were another."""
    with safe_open(weight_file("codec-psnr"), framework="pt") as file:
        config = CodecConfig.from_json(file.metadata()["config"])
    return replace(config, lambda_min=2 * config.lambda_min)


def test_train_resumes_only_what_exists(run: Run, folder: Path, tmp_path: Path) -> None:
    refused(
        run("train", "codec", "--data", folder, "--out", tmp_path / "run", "--resume"),
        "nothing to resume",
    )
    refused(
        run("train", "codec", "--data", folder, "--recipe", "none"),
        "known: codec-balanced, codec-fast, codec-gpu, codec-psnr",
    )
    refused(
        run("train", "codec", "--data", folder, "--start", "none"),
        "none: no such weight file, and none of that name ships",
        "codec-balanced, codec-psnr",
    )


def test_version(run: Run) -> None:
    assert run("--version")[1].split() == ["aecodec", aecodec.__version__]


@given(st.integers(1, 10**6), st.sampled_from(["", "B", "kB", "KB", "k", "MB", "KiB", "MiB"]))
def test_sizes(number: int, unit: str) -> None:
    factor = {"": 1, "B": 1, "MB": 10**6, "KiB": 1024, "MiB": 1024**2}.get(unit, 1000)
    assert parse_size(f"{number}{unit}") == number * factor
    assert parse_size(f" {number} {unit} ") == number * factor


@pytest.mark.parametrize("text", ["", "kB", "-1", "1e3", "5 apples", "0", "0.1"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="size|byte"):
        parse_size(text)
