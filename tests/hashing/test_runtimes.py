"""ONNX Runtime and torch make the same codes of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image

from aecodec.hashing.hasher import Hasher


@pytest.mark.parametrize("model", ["hash-photo", "hash-cifar10"])
def test_logits_and_thumbnails_agree(model: str) -> None:
    onnx, torch = Hasher(model, "cpu", "onnx"), Hasher(model, "cpu", "torch")
    assert onnx.fingerprint == torch.fingerprint
    pictures = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.page()]
    pictures += [skimage.data.chelsea()[k : k + 90, 2 * k : 2 * k + 120] for k in range(0, 200, 20)]
    squares = [
        np.asarray(Image.fromarray(picture).convert("RGB").resize((onnx.side, onnx.side)))
        for picture in pictures
    ]
    logits, expected = onnx.logits(squares), torch.logits(squares)
    assert np.abs(logits - expected).max() < 1e-4
    differing = onnx.codes(squares) != torch.codes(squares)
    assert not differing[(np.abs(expected) > 1e-4).reshape(len(squares), -1, 8).all(2)].any()
    codes = torch.codes(squares)
    difference = onnx.reconstruct(codes).astype(int) - torch.reconstruct(codes)
    assert np.abs(difference).max() <= 1


def test_fingerprints_are_those_of_earlier_indexes() -> None:
    assert Hasher("hash-photo").fingerprint == "4b1467f5d465ece8"
    assert Hasher("hash-cifar10").fingerprint == "34f6541e2e374052"
