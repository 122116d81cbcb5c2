"""ONNX Runtime and torch denoise alike."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aecodec.denoising.config import DenoiserConfig
from aecodec.denoising.denoiser import Denoiser, Diagnosis
from aecodec.denoising.graphs import NETWORKS
from aecodec.denoising.model import DenoiserModel
from aecodec.denoising.weights import load
from aecodec.errors import AecodecError
from aecodec.images import Picture
from aecodec.weights import weight_file
from aecodec.workflows.onnx_export import onnx_files


@pytest.fixture(scope="module")
def both() -> tuple[Denoiser, Denoiser]:
    return Denoiser("cpu", runtime="onnx"), Denoiser("cpu", runtime="torch")


@pytest.fixture(autouse=True)
def float32(both: tuple[Denoiser, Denoiser], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(both[1]._networks, "_fast", False)


@pytest.mark.parametrize(
    ("kind", "sigma", "white"),
    [
        *((kind, None, None) for kind in ("gaussian", "salt-and-pepper", "masking")),
        *((kind, 25.0, True) for kind in ("gaussian", "salt-and-pepper", "masking")),
        ("gaussian", None, False),
    ],
)
def test_both_restore_alike(
    both: tuple[Denoiser, Denoiser],
    cat: Image.Image,
    kind: str,
    sigma: float | None,
    white: bool | None,
) -> None:
    rng = np.random.default_rng(0)
    x = np.asarray(cat.crop((40, 40, 200, 144)), np.float32).transpose(2, 0, 1)[None] / 255
    x = (x + 0.1 * rng.standard_normal(x.shape)).astype(np.float32).clip(0, 1)
    x[rng.random(x.shape) < 0.1] = 0
    diagnosis = Diagnosis(kind, sigma, white=white)  # type: ignore[arg-type]
    first, second = (denoiser.restore(x, diagnosis) for denoiser in both)
    assert np.abs(first - second).max() < 1e-4
    assert np.abs(first - x).max() > 0.05


def test_pictures_differ_by_a_level_at_most(
    both: tuple[Denoiser, Denoiser], cat: Image.Image
) -> None:
    whole = Picture.from_image(cat.crop((0, 0, 211, 133)))
    results = [denoiser.denoise_picture(whole, None, "auto", 1.0) for denoiser in both]
    pixels = [np.asarray(picture.pixels, int) for picture, _ in results]
    assert np.abs(pixels[0] - pixels[1]).max() <= 1
    assert results[0][1].sigma == pytest.approx(results[1][1].sigma, rel=1e-3)


def test_tensors_of_other_shapes_are_refused() -> None:
    tensors = {name: x.numpy() for name, x in DenoiserModel(DenoiserConfig()).state_dict().items()}
    from aecodec.denoising.networks import OnnxDenoiser

    networks = OnnxDenoiser(
        DenoiserConfig((8, 8, 8), (1, 1, 1)),
        {**tensors, "white.head.weight": tensors["white.tail.weight"]},
    )
    with pytest.raises(AecodecError, match="not those of"):
        networks.denoise(
            np.zeros((1, 3, 16, 16), np.float32), np.zeros((1, 1, 1, 1), np.float32), None, True
        )


def test_its_networks_are_exported(both: tuple[Denoiser, Denoiser]) -> None:
    files = dict(onnx_files("denoise-cpu"))
    assert set(files) == {f"{name}.onnx" for name in NETWORKS}
    assert load(weight_file("denoise-cpu"), "onnx").config == DenoiserConfig()
