"""`aecodec denoise`, `corrupt`, `bench denoise`, `compress --denoise`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run, one_line, refused
from tests.conftest import psnr


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network that leaves pictures as they are, as all do before training."""
    from safetensors.torch import save_file

    from aecodec.denoising.config import DenoiserConfig
    from aecodec.denoising.model import DenoiserModel

    config = DenoiserConfig((8, 8, 8), (1, 1, 1))
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(DenoiserModel(config).state_dict(), path, metadata={"config": config.to_json()})
    return path


@pytest.fixture
def photo(cat: Image.Image, tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cat.save(path)
    return path


def test_denoise_writes_beside_the_input_and_says_what_it_found(
    run: Run, photo: Path, weights: Path
) -> None:
    code, out, _ = run("denoise", photo, "--weights", weights)
    assert code == 0
    assert "gaussian noise, sigma" in out
    target = photo.with_name("photo-denoised.png")
    assert Image.open(target).tobytes() == Image.open(photo).tobytes()
    assert run("denoise", photo, "--weights", weights)[0] == 1  # kept
    code, out, _ = run("denoise", photo, "--weights", weights, "--force", "--sigma", 25, "--json")
    (report,) = json.loads(out)
    assert code == 0
    assert (report["sigma"], report["noise"], report["error"]) == (25, "gaussian", None)
    assert (report["width"], report["height"], report["mode"]) == (451, 300, "RGB")


def test_denoise_takes_folders_and_chooses_the_format_by_the_output(
    run: Run, photo: Path, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    photo.rename(tmp_path / "in" / "deep" / "a.png")
    (tmp_path / "in" / "broken.jpg").write_text("not an image")
    code, out, err = run("denoise", tmp_path / "in", "-o", tmp_path / "out", "--weights", weights)
    assert code == 1
    assert one_line(err)
    assert "broken.jpg" in err
    assert "total: 1 of 2 files" in out
    source = tmp_path / "out" / "deep" / "a.png"
    assert source.is_file()
    assert run("denoise", source, "-o", tmp_path / "b.webp", "--weights", weights)[0] == 0
    assert Image.open(tmp_path / "b.webp").format == "WEBP"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--sigma", "-1"], "sigma"),
        (["--strength", "3"], "strength"),
        (["--noise", "hum"], "hum"),
        (["-o", "photo.doc"], "doc"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, photo: Path, arguments: list[str], named: str) -> None:
    refused(run("denoise", photo, *arguments), named, code=2)


def test_without_weights_one_line_says_what_to_do(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecodec.denoising.weights.DEFAULT_MODEL", "none-such")
    for command in (["denoise", photo], ["compress", photo, "--denoise", "auto"]):
        refused(run(*command), "aecodec train denoise")
    assert [p.name for p in photo.parent.iterdir()] == ["photo.png"]


def test_corrupt_is_seeded_and_keeps_files(run: Run, photo: Path, cat: Image.Image) -> None:
    arguments = ["corrupt", photo, "--noise", "gaussian", "--sigma", 25, "--seed"]
    noisy = photo.with_name("photo-noisy.png")
    code, out, _ = run(*arguments, 0)
    assert code == 0
    assert "gaussian, sigma 25" in out
    first = noisy.read_bytes()
    assert psnr(cat, Image.open(noisy)) == pytest.approx(20.3, abs=0.5)
    assert run(*arguments, 0)[0] == 1
    assert run(*arguments, 0, "--force")[0] == 0
    assert noisy.read_bytes() == first
    run(*arguments, 1, "--force")
    assert noisy.read_bytes() != first


@pytest.mark.parametrize(
    "options",
    [
        ["poisson-gaussian", "--photons", 50, "--sigma", 5],
        ["camera", "--iso", 6400, "--quality", 90],
        ["speckle", "--deviation", 0.3],
        ["salt-and-pepper", "--fraction", 0.3],
        ["masking"],
        ["jpeg", "--quality", 10],
    ],
)
def test_every_process_corrupts(
    run: Run, photo: Path, cat: Image.Image, tmp_path: Path, options: list[Any]
) -> None:
    target = tmp_path / "noisy.png"
    code, out, _ = run("corrupt", photo, "-o", target, "--noise", *options, "--json")
    assert code == 0
    assert json.loads(out)[0]["noise"] == options[0]
    assert 5 < psnr(cat, Image.open(target)) < 32


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["gaussian", "--fraction", "0.1"], "--fraction is not for gaussian"),
        (["salt-and-pepper", "--fraction", "1.1"], "fraction"),
        (["gaussian", "--sigma", "-3"], "sigma"),
        (["jpeg", "--quality", "0"], "quality"),
    ],
)
def test_levels_that_do_not_fit(run: Run, photo: Path, options: list[str], named: str) -> None:
    refused(run("corrupt", photo, "--noise", *options), named, code=2)


def test_compress_denoises_first(
    run: Run, photo: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Image.Image] = []

    class Recorder:
        """Stands in for the codec, whose weights have nothing to do with this."""

        def __init__(self, *_: object) -> None: ...

        def compress(self, image: Image.Image, quality: int, **_: object) -> bytes:
            seen.append(image)
            return b"data"

    about = {
        "bytes": 4,
        "bpp": 1.0,
        "quality": 50,
        "lossless": False,
        "width": 451,
        "height": 300,
        "mode": "RGB",
    }
    monkeypatch.setattr("aecodec.codec.codec.Codec", Recorder)
    monkeypatch.setattr("aecodec.codec.describe.describe", lambda data: about)
    monkeypatch.setattr(
        "aecodec.denoising.denoiser.Denoiser._pixels",
        lambda self, pixels, found, strength: (Image.new("RGB", pixels.size, "red"), 1.5),
    )
    code, out, _ = run(
        *("compress", photo, "--denoise", "auto", "--denoise-weights", weights, "--json")
    )
    assert code == 0
    red = (np.asarray(seen[0]) == (255, 0, 0)).all(2)
    assert red.mean() > 0.5  # but for cells that repeat themselves
    found = json.loads(out)[0]["denoised"]
    assert found == {"noise": "gaussian", "sigma": 1.5}
    assert run("compress", photo, "--force")[0] == 0
    assert not (np.asarray(seen[1]) == (255, 0, 0)).all(2).any()


@pytest.mark.parametrize(
    ("name", "measured", "options", "passed"),
    [
        ("denoise", "measure.run_denoise", ["--limit", 2], {"limit": 2}),
        ("pairs", "pairs.run_pairs", ["--pairs", "--without", "BM3D"], {"without": ["BM3D"]}),
    ],
)
def test_bench_passes_its_options_on(
    run: Run,
    photo: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    measured: str,  # for real in its own tests
    options: list[Any],
    passed: dict[str, Any],
) -> None:
    def fake(data: Path, out: Path, **given: Any) -> dict[str, Any]:
        assert (data, given["weights"]) == (photo.parent, weights)
        assert given.items() >= passed.items()
        given["progress"](1, 1, "photo.png")
        out.mkdir()
        (out / f"{name}.md").write_text("# Denoising\n")
        return {}

    monkeypatch.setattr(f"aecodec.evaluation.denoising.{measured}", fake)
    command = ["bench", "denoise", "--data", photo.parent, "--out", tmp_path / "out", *options]
    command += ["--weights", weights]
    assert run(*command) == (0, "# Denoising\n\n", "1 of 1: photo.png\n")
    refused(run(*command), f"{name}.md exists")


def test_weights_have_the_names_that_models_prints(run: Run, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean.png"
    assert run("denoise", photo, "-o", out, "--weights", "denoise-cpu")[0] == 0
    nowhere = run("denoise", photo, "-o", out, "-f", "--weights", "nowhere.safetensors")
    refused(nowhere, "error: nowhere.safetensors: no such weight file", "denoise-cpu")
