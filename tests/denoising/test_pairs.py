"""`bench denoise --pairs`."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from aecodec.errors import UnsupportedImageError
from aecodec.evaluation.denoising.methods import BLIND, NAME
from aecodec.evaluation.denoising.pairs import TOLD, list_pairs, noise_level, run_pairs
from aecodec.evaluation.denoising.savings import run_savings, with_noise
from aecodec.evaluation.denoising.tasks import NOISY
from aecodec.evaluation.metrics import psnr
from aecodec.evaluation.results import read_result
from tests.pictures import photograph


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs of small photos."""
    folder = tmp_path_factory.mktemp("pairs")
    cat = photograph("chelsea").crop((130, 60, 226, 140))
    for name, clean, sigma in (("b_1", cat, 10), ("a", cat.transpose(Image.Transpose(2)), 25)):
        clean.save(folder / f"{name}_clean.png")
        with_noise(clean, sigma, 0).save(folder / f"{name}_noisy.webp", lossless=True)
    return folder


def test_pairs_are_found_by_their_names(folder: Path, tmp_path: Path) -> None:
    assert [pair.name for pair in list_pairs(folder)] == ["a", "b_1"]
    assert list_pairs(folder, 1)[0].noisy == folder / "a_noisy.webp"
    with Image.open(folder / "a_clean.png") as image:
        image.save(tmp_path / "photo.png")
        with pytest.raises(UnsupportedImageError, match="no pairs"):
            list_pairs(tmp_path)
        image.save(tmp_path / "c_clean.png")
    with pytest.raises(UnsupportedImageError, match=r"c_clean\.png: there is no c_noisy"):
        list_pairs(tmp_path)


def test_the_level_is_that_of_the_noise(folder: Path) -> None:
    pair = list_pairs(folder)[1]
    level = noise_level(Image.open(pair.noisy), Image.open(pair.clean))
    assert level == pytest.approx(10, rel=0.05)


def test_all_are_measured_on_the_same_pairs(folder: Path, tmp_path: Path) -> None:
    done = []
    run_pairs(
        folder,
        tmp_path,
        device="cpu",
        threads=1,
        without=["BM3D"],
        progress=lambda *call: done.append(call),
    )
    assert done == [(1, 2, "a"), (2, 2, "b_1")]
    figures = read_result(tmp_path / "pairs.json")["figures"]
    summary, rows = figures["summary"], figures["rows"]
    assert {NOISY, BLIND, NAME + TOLD} <= set(summary)
    assert not any("BM3D" in method for method in summary)
    noisy = [row for row in rows if row["method"] == NOISY]
    pair = list_pairs(folder)[0]
    assert noisy[0]["psnr"] == psnr(Image.open(pair.clean), Image.open(pair.noisy))
    assert summary[NOISY]["psnr"] == pytest.approx(sum(row["psnr"] for row in noisy) / 2)
    assert summary[NOISY]["worst_gain"] == 0
    told = [row for row in rows if row["method"] == NAME + TOLD]
    gains = [t["psnr"] - n["psnr"] for t, n in zip(told, noisy, strict=True)]
    assert summary[NAME + TOLD]["worst_gain"] == pytest.approx(min(gains))
    assert max(gains) > 1
    text = (tmp_path / "pairs.md").read_text()
    assert "TWSC" in text
    assert "| b_1 |" in text
    sheet = Image.open(tmp_path / "pairs_sheet.png")
    assert sheet.height > 2 * 80
    assert sheet.width >= 3 * 80


def test_bytes_saved_on_pairs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecodec.evaluation.denoising.savings.QUALITIES", (1, 30, 60, 90))
    run_savings(folder, tmp_path, pairs=True, device="cpu", limit=1)
    (row,) = read_result(tmp_path / "denoise_savings.json")["figures"]["rows"]
    assert (row["image"], row["sigma"]) == ("a", None)
    assert row["best_psnr"] > row["psnr"] > 18
    assert "| as taken |" in (tmp_path / "denoise_savings.md").read_text()


def test_unequal_sizes_are_refused(folder: Path, tmp_path: Path) -> None:
    Image.open(folder / "a_clean.png").save(tmp_path / "a_clean.png")
    Image.open(folder / "a_noisy.webp").resize((40, 40)).save(tmp_path / "a_noisy.png")
    with pytest.raises(UnsupportedImageError, match=r"a_noisy\.png: not of the size"):
        run_pairs(tmp_path, tmp_path / "out", device="cpu", threads=1, without=["BM3D"])
