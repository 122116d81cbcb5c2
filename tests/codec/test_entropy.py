from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aecodec.codec.entropy import (
    PRECISION,
    SymbolDecoder,
    SymbolEncoder,
    SymbolTables,
    gaussian_pmf,
    quantise_pmf,
    table_radius,
)
from aecodec.codec.varint import pack_varint
from aecodec.errors import CorruptFileError

SCALES = (0.11, 0.5, 2.0, 16.0, 128.0)


def counts_of(scale: float) -> list[int]:
    return quantise_pmf(gaussian_pmf(scale))


@pytest.fixture(scope="module")
def tables() -> SymbolTables:
    counts = [counts_of(s) for s in SCALES]
    flat = np.array([c for table in counts for c in table], dtype=np.int32)
    return SymbolTables(flat, np.array([len(t) for t in counts], dtype=np.int32))


@pytest.mark.parametrize("scale", SCALES)
def test_counts_are_a_symmetric_distribution(scale: float) -> None:
    counts = counts_of(scale)
    symbols = counts[:-1]
    assert sum(counts) == 1 << PRECISION
    assert min(counts) > 0
    assert symbols == symbols[::-1]
    values = np.arange(len(symbols)) - table_radius(scale)
    variance = float((np.array(symbols) * values**2).sum() / sum(symbols))
    if scale >= 0.5:  # rounding adds 1/12
        assert variance == pytest.approx(scale**2 + 1 / 12, rel=0.03)
    else:
        assert variance < scale**2


@pytest.mark.parametrize("mean", [0.25, 0.5])
@pytest.mark.parametrize("scale", SCALES)
def test_tables_may_have_a_mean(scale: float, mean: float) -> None:
    masses = np.array(gaussian_pmf(scale, mean))
    assert masses.sum() == pytest.approx(1)
    assert masses.min() >= 0
    values = np.arange(len(masses) - 1) - table_radius(scale)
    if scale >= 0.5:  # else what rounds to a whole number is not where it was
        assert (masses[:-1] * values).sum() == pytest.approx(mean, abs=0.02 + 0.002 * scale)
    assert sum(quantise_pmf(masses.tolist())) == 1 << PRECISION


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-3000, 3000)), max_size=400))
def test_any_symbols_come_back(tables: SymbolTables, pairs: list[tuple[int, int]]) -> None:
    indices = np.array([i for i, _ in pairs], dtype=np.uint8)
    symbols = np.array([s for _, s in pairs], dtype=np.int32)
    half = len(pairs) // 2
    encoder = SymbolEncoder(tables)
    encoder.add(symbols[:half], indices[:half])
    encoder.add(symbols[half:], indices[half:])
    decoder = SymbolDecoder(tables, encoder.finish())
    decoded = [decoder.take(indices[:half]), decoder.take(indices[half:])]
    np.testing.assert_array_equal(np.concatenate(decoded), symbols)


def test_size_is_close_to_the_entropy(tables: SymbolTables) -> None:
    rng = np.random.default_rng(0)
    indices = rng.integers(1, 5, 50_000).astype(np.uint8)
    scales = np.array(SCALES)[indices]
    symbols = np.round(rng.normal(0, scales).clip(-4 * scales, 4 * scales)).astype(np.int32)
    encoder = SymbolEncoder(tables)
    encoder.add(symbols, indices)
    bits = 8 * len(encoder.finish())
    ideal = 0.0
    for index in range(1, 5):
        p = np.array(counts_of(SCALES[index])) / (1 << PRECISION)
        ideal -= np.log2(p[symbols[indices == index] + table_radius(SCALES[index])]).sum()
    assert ideal <= bits < 1.005 * ideal + 128


def test_malformed_payloads_are_refused(tables: SymbolTables) -> None:
    for payload in (b"", b"\xff", b"\x05\x01", b"\x00abc", b"\x00" + bytes(4)):
        with pytest.raises(CorruptFileError, match="tile"):
            SymbolDecoder(tables, payload)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_decodes_to_something_or_is_refused(tables: SymbolTables, junk: bytes) -> None:
    try:
        symbols = SymbolDecoder(tables, junk).take(np.full(500, 2, dtype=np.uint8))
    except CorruptFileError:
        return
    assert len(symbols) == 500


def test_an_escape_beyond_any_symbol_is_damage(tables: SymbolTables) -> None:
    payload = pack_varint(1) + pack_varint(1 << 32)
    with pytest.raises(CorruptFileError, match="escape is too large"):
        SymbolDecoder(tables, payload)
