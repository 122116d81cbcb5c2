"""The same file gives the same symbols whatever computes the floating-point part."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aecodec.codec.codec import Codec
from aecodec.codec.container import ChunkType, read_file
from aecodec.codec.torch_networks import TorchCodec
from aecodec.nn.integer import ExactConv2d
from tests.codec.foreign import FOLDER, decode, digest
from tests.conftest import psnr
from tests.threads import one_and_two_threads

Decoded = tuple[list[np.ndarray], np.ndarray]
"""Symbols, and pixels."""


@pytest.fixture(scope="module")
def codec() -> Codec:
    """In torch."""
    return Codec("cpu", runtime="torch")


@pytest.fixture(scope="module")
def data(codec: Codec, cat: Image.Image) -> bytes:
    return codec.compress(cat, 60)


@pytest.fixture(scope="module")
def reference(codec: Codec, data: bytes) -> Decoded:
    return decode(codec, data)


def same_symbols(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_one_thread_or_two(codec: Codec, data: bytes, reference: Decoded) -> None:
    for _ in one_and_two_threads():
        symbols, pixels = decode(codec, data)
        assert same_symbols(symbols, reference[0])
        assert np.abs(pixels - reference[1]).max() <= 1


def test_bfloat16_transforms(codec: Codec, data: bytes, reference: Decoded) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        symbols, pixels = decode(codec, data)
    assert same_symbols(symbols, reference[0])
    assert np.abs(pixels - reference[1]).mean() < 2


@pytest.mark.parametrize("quality", [1, 50, 100])
def test_machines_with_and_without_bfloat16_agree(
    codec: Codec, cat: Image.Image, monkeypatch: pytest.MonkeyPatch, quality: int
) -> None:
    data = codec.compress(cat, quality)
    monkeypatch.setattr("aecodec.codec.torch_networks.has_bfloat16", lambda: True)
    symbols, pixels = decode(codec, data)
    monkeypatch.setattr("aecodec.codec.torch_networks.has_bfloat16", lambda: False)
    expected_symbols, expected = decode(codec, data)
    assert same_symbols(symbols, expected_symbols)
    # One level but for a pixel in a thousand, which has two on some processors.
    assert np.abs(pixels - expected).max() <= 2
    assert (np.abs(pixels - expected) > 1).mean() < 1e-3


def test_machines_without_8_bit_products_agree(
    codec: Codec, data: bytes, reference: Decoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aecodec.nn.integer.has_int8_products", lambda: False)
    symbols, pixels = decode(codec, data)
    assert same_symbols(symbols, reference[0])
    assert np.array_equal(pixels, reference[1])


def test_every_float_activation_perturbed(codec: Codec, data: bytes, reference: Decoded) -> None:
    """A relative error of 1e-3 after every floating-point layer: far worse than any machine."""
    torch.manual_seed(0)

    def perturb(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        return output * (1 + 1e-3 * (2 * torch.rand_like(output) - 1))

    assert isinstance(codec.model.networks, TorchCodec)
    modules = list(codec.model.networks.network.modules())
    exact = {m for m in modules if isinstance(m, ExactConv2d)}
    floats = [m for m in modules if isinstance(m, nn.Conv2d) and m not in exact]
    assert len(floats) > 20
    handles = [module.register_forward_hook(perturb) for module in floats]
    try:
        symbols, pixels = decode(codec, data)
    finally:
        for handle in handles:
            handle.remove()
    assert same_symbols(symbols, reference[0])
    assert np.abs(pixels - reference[1]).mean() < 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda(data: bytes, reference: Decoded) -> None:
    symbols, pixels = decode(Codec("cuda"), data)
    assert same_symbols(symbols, reference[0])
    assert np.abs(pixels - reference[1]).max() <= 1


def test_symbols_are_what_the_file_holds(data: bytes, reference: Decoded) -> None:
    _, chunks = read_file(data)
    assert [c.type for c in chunks] == [ChunkType.TILE]
    assert sum(map(len, reference[0])) > 10_000
    assert len(reference[0]) == 8  # four steps of z, and four of y


FOREIGN = [
    (file.stem, name, expected)
    for file in sorted(FOLDER.glob("*.json"))
    for name, expected in json.loads(file.read_text())["files"].items()
]


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
@pytest.mark.parametrize(("machine", "name", "expected"), FOREIGN)
def test_files_of_other_machines(
    cat: Image.Image, machine: str, name: str, expected: dict[str, Any], runtime: str
) -> None:
    codec = Codec("cpu", expected["weights"], runtime)
    symbols, pixels = decode(codec, (FOLDER / name).read_bytes())
    assert digest(symbols) == expected["symbols"], f"differs from {machine}"
    restored = Image.fromarray(pixels.astype(np.uint8))
    assert psnr(restored, cat) == pytest.approx(expected["psnr"], abs=0.02)
