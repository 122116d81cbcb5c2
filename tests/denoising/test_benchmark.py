from __future__ import annotations

import json
import math
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aecodec.denoising.denoiser import Denoiser
from aecodec.evaluation.denoising import measure
from aecodec.evaluation.denoising import methods as denoise_methods
from aecodec.evaluation.denoising.measure import run_denoise
from aecodec.evaluation.denoising.methods import BLIND, NAME
from aecodec.evaluation.denoising.plot import contact_sheet
from aecodec.evaluation.denoising.savings import compare, savings_markdown, with_noise
from aecodec.evaluation.denoising.table import read_published
from aecodec.evaluation.denoising.tasks import NOISY, TASKS
from aecodec.evaluation.metrics import ssim
from tests.conftest import psnr
from tests.pictures import photograph, to_tensor


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a benchmark of one small photo, without BM3D, which takes a minute for it."""
    folder = tmp_path_factory.mktemp("bench")
    photo = photograph("chelsea").crop((130, 60, 227, 141))
    (folder / "photos").mkdir()
    photo.save(folder / "photos" / "cat.png")
    methods = [m for m in denoise_methods.for_gaussian_noise() if m.name != "BM3D"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoise_methods, "for_gaussian_noise", lambda: methods)
        run_denoise(folder / "photos", folder / "out", device="cpu", threads=1)
    return folder / "out"


def test_noise_is_as_strong_as_its_task_says(result: Path) -> None:
    summary = json.loads((result / "denoise.json").read_text())["figures"]["summary"]
    assert list(summary) == [task.name for task in TASKS]
    # Only rounding to 8 bits for the comparison clips this noise: a little less of it.
    assert summary["sigma 25"][NOISY]["psnr"] == pytest.approx(20 * math.log10(255 / 25), abs=0.4)
    assert summary["clean"][NOISY]["psnr"] is None  # infinite


def test_every_denoiser_denoises(result: Path) -> None:
    summary = json.loads((result / "denoise.json").read_text())["figures"]["summary"]
    for task in TASKS[:6]:
        for name, cell in summary[task.name].items():
            if name != NOISY:
                assert cell["psnr"] > summary[task.name][NOISY]["psnr"] + 2, (task.name, name)
                assert 0 < cell["ssim"] < 1
                assert cell["seconds_per_megapixel"] > 0
    for task in TASKS[6:9]:
        assert {NAME, BLIND, "median 3x3", "median 5x5"} < set(summary[task.name])
    assert set(summary["clean"]) == {NOISY, BLIND}


def test_the_tables_name_conditions_and_sources(result: Path) -> None:
    text = (result / "denoise.md").read_text()
    for word in (
        NAME,
        BLIND,
        "1 threads",
        "Not being told sigma costs",
        "arXiv:2008.13751",
        "s/MP",
    ):
        assert word in text


def test_plots_are_pictures(result: Path) -> None:
    assert Image.open(result / "denoise.png").width > 1000
    assert "<svg" in (result / "denoise.svg").read_text()
    sheet = Image.open(result / "denoise_sheet.png")
    assert sheet.height > 6 * 81


def test_the_contact_sheet_shows_the_pictures(cat: Image.Image) -> None:
    crop = cat.crop((0, 0, 50, 50))
    red = Image.new("RGB", (50, 50), "red")
    sheet = Image.open(BytesIO(contact_sheet({"task": {"clean": crop, "red": red}})))
    assert sheet.crop((6, 6, 56, 56)).tobytes() == crop.tobytes()
    assert sheet.getpixel((70, 30)) == (255, 0, 0)


def test_a_seed_is_a_photo_s_own(cat: Image.Image, denoiser: Denoiser) -> None:
    x = to_tensor(cat)
    for task in TASKS[:-1]:
        assert torch.equal(task.corrupt(x, 1), task.corrupt(x, 1))
        assert not torch.equal(task.corrupt(x, 1), task.corrupt(x, 2))
    assert torch.equal(TASKS[-1].corrupt(x, 1), x)


def test_ssim_is_one_for_equal_pictures_only(cat: Image.Image) -> None:
    pixels = np.asarray(cat)
    assert ssim(pixels, pixels) == pytest.approx(1)
    assert ssim(pixels, np.asarray(with_noise(cat, 25, 0))) < 0.7


def test_the_others_are_those_that_are_installed() -> None:
    names = [method.name for method in denoise_methods.for_gaussian_noise()]
    for name, module in (("BM3D", "bm3d"), ("OpenCV NLM", "cv2"), ("scikit-image TV", "skimage")):
        assert (name in names) == (find_spec(module) is not None)


def test_published_figures_have_sources_and_fall_with_sigma() -> None:
    figures = read_published("published_cbsd68.json")
    assert figures.pop("data").startswith("CBSD68")
    assert {"CBM3D", "CDnCNN-B", "FFDNet", "DRUNet"} == set(figures)
    for entry in figures.values():
        assert "arXiv" in entry["source"]
        assert entry["psnr"]["15"] > entry["psnr"]["25"] > entry["psnr"]["50"]


def test_savings_compare_at_the_noisy_peak() -> None:
    noisy = [(0.5, 25.0), (1.0, 27.0), (2.0, 26.0)]
    denoised = [(0.25, 26.0), (0.5, 28.0), (0.75, 29.0), (1.0, 28.9)]
    found = compare(noisy, denoised)
    assert (found["psnr"], found["bpp"], found["best_psnr"]) == (27.0, 1.0, 29.0)
    assert found["denoised_bpp"] == pytest.approx(math.sqrt(0.25 * 0.5))
    assert math.isnan(compare(noisy, [(0.1, 20.0), (0.2, 21.0)])["denoised_bpp"])
    rows = [{"image": "a", "sigma": sigma, **found} for sigma in (10, 25, 50)]
    assert "65 %" in savings_markdown({"data": "x", "images": 1, "rows": rows})


def test_noisy_photos_for_savings_are_seeded(cat: Image.Image) -> None:
    noisy = with_noise(cat, 25, 1)
    assert noisy.tobytes() == with_noise(cat, 25, 1).tobytes()
    assert psnr(cat, noisy) == pytest.approx(20.3, abs=0.5)


def test_odd_sizes_pass_through_as_floats(denoiser: Denoiser) -> None:
    noisy = np.random.default_rng(0).normal(0.5, 0.1, (33, 47, 3)).astype(np.float32)
    ours = denoise_methods.ours(denoiser, "gaussian")
    for method in [*denoise_methods.for_gaussian_noise(), *ours]:
        restored = method.denoise(noisy, 25)
        assert restored.shape == noisy.shape
        assert restored.std() < noisy.std()
    assert measure.to_levels(restored).dtype == np.uint8
