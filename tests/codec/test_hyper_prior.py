from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aecodec import Codec
from aecodec.codec import hyper_prior
from aecodec.codec.hyper_prior import FIRST, QUARTERS, SCALES, activations, expected
from aecodec.codec.steps import GROUPS
from tests.pictures import photograph
from tests.training.conftest import pixels_of


@dataclass
class Stream:
    """Symbols as an encoder adds and a decoder takes them, with their tables."""

    added: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    taken: int = 0

    def add(self, symbols: np.ndarray, tables: np.ndarray) -> None:
        self.added.append((symbols, tables))

    def take(self, tables: np.ndarray) -> np.ndarray:
        symbols, written = self.added[self.taken]
        np.testing.assert_array_equal(tables, written)
        self.taken += 1
        return symbols


def guess(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some means and indices that depend on all that is known."""
    channels = (known.shape[1] - GROUPS) // 2
    total = known.sum() % 23
    seen = known[:, :channels] - known[:, channels : 2 * channels]
    return np.round(seen / 3) + total - 11, (np.abs(seen) + total).clip(0, 63).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_what_was_written_is_read(height: int, width: int, groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (1, 4 * groups, height, width)
    z = np.round(rng.laplace(0, rng.uniform(0.2, 40), shape)).clip(-127, 127).astype(np.float32)
    stream = Stream()
    coded = hyper_prior.walk(shape, guess, hyper_prior.writer(z, stream.add))
    np.testing.assert_array_equal(coded, z)
    assert sum(len(symbols) for symbols, _ in stream.added) == z.size
    decoded = hyper_prior.walk(shape, guess, hyper_prior.reader(stream.take))
    np.testing.assert_array_equal(decoded, z)


def test_a_mean_below_a_whole_number_has_the_tables_of_its_mirror() -> None:
    mean = np.arange(-9.0, 10.0)
    index = np.full(mean.shape, 50, np.uint8)
    at, mirrored = expected(mean, index), expected(-mean, index)
    z = np.arange(-9.0, 10.0) * 2
    half = np.abs(mean) % QUARTERS == 2  # 1/2 is as near to both
    np.testing.assert_array_equal(at.tables, mirrored.tables)
    np.testing.assert_array_equal(
        at.symbols(z)[~half],
        mirrored.symbols(-z)[~half] * np.where(mean % QUARTERS == 0, -1, 1)[~half],
    )
    assert at.tables.min() == FIRST + SCALES - 1
    assert at.tables.max() == FIRST + 3 * SCALES - 1
    np.testing.assert_array_equal(at.values(at.symbols(z)), z)
    assert np.abs(mean / QUARTERS - at.whole).max() <= 0.5


def test_activations_of_arrays_and_tensors_are_the_same() -> None:
    z = np.array([-200, -3, -1, 0, 1, 31, 32, 127], np.float32).reshape(1, 8, 1, 1)
    known = np.array([1, 0, 0, 1], np.float32).reshape(1, 4, 1, 1)
    found = activations(z, known)
    assert found.ravel().tolist() == [
        *(0, 0, 0, 0, 8, 248, 255, 255),
        *(255, 24, 8, 0, 0, 0, 0, 0),
        *(32, 0, 0, 32),
    ]
    assert torch.equal(activations(torch.tensor(z), torch.tensor(known)), torch.tensor(found))


@pytest.mark.parametrize("weights", ["codec-balanced", "codec-psnr"])
def test_runtimes_expect_the_same(weights: str, cat: Image.Image) -> None:
    models = [Codec("cpu", weights, runtime).model for runtime in ("onnx", "torch")]
    x = pixels_of(cat.crop((0, 0, 320, 192))).numpy()
    for quality in (1, 40, 100):
        z = models[0].hyper_latents(models[0].analyse(x, quality), quality)
        known = activations(
            np.pad(z, ((0, 0), (0, 0), (0, 1), (0, 1))), np.ones((1, 4, 4, 6), np.float32)
        )
        found = [model.networks.hyper_predict(known, quality) for model in models]
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("weights", ["codec-balanced", "codec-psnr"])
@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_neighbours_save_bits(name: str, weights: str) -> None:
    """Against the same network that knows nothing."""
    model, x = Codec("cpu", weights, "onnx").model, pixels_of(photograph(name)).numpy()
    x = x[:, :, : x.shape[2] // 64 * 64, : x.shape[3] // 64 * 64]
    for quality in (10, 60):
        z = model.hyper_latents(model.analyse(x, quality), quality)

        def bits(knows: bool, z: Any = z, quality: int = quality) -> float:
            found = 0.0
            counts = np.split(model.tables.counts, np.cumsum(model.tables.lengths)[:-1])

            def add(symbols: np.ndarray, tables: np.ndarray) -> None:
                nonlocal found
                for symbol, table in zip(symbols, tables, strict=True):
                    radius = model.tables.radii[table]
                    place = symbol + radius if abs(symbol) <= radius else -1
                    found -= np.log2(counts[table][place] / 2**24)

            def expect(known: np.ndarray) -> Any:
                return model.networks.hyper_predict(known * np.float32(knows), quality)

            hyper_prior.walk(z.shape, expect, hyper_prior.writer(z, add))
            return found

        assert bits(True) < 0.95 * bits(False)
