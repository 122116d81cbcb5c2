"""Entropy coding of integer symbols under indexed tables, with constriction's rANS.

Probabilities are integer tables made once, when a model is exported, and stored with
its weights: no table is ever recomputed from floating-point functions, so encoder and
decoder agree on every machine. A symbol beyond its table is coded as an escape and
its value kept aside as a varint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import constriction
import numpy as np
import numpy.typing as npt

from aecodec.codec.varint import pack_varint, unpack_varint
from aecodec.errors import CorruptFileError

Int32Array = npt.NDArray[np.int32]
IndexArray = npt.NDArray[np.uint8]

PRECISION = 24  # bits of a probability
MAX_RADIUS = 512


def table_radius(scale: float) -> int:
    """Largest magnitude that a table codes without an escape."""
    return min(MAX_RADIUS, math.ceil(4.5 * scale) + 1)


def gaussian_pmf(scale: float, mean: float = 0.0) -> list[float]:
    """Probabilities of the symbols -r..r and the escape under N(mean, scale**2)."""
    radius = table_radius(scale)

    def above(edge: float) -> float:
        return 0.5 * math.erfc((edge - mean) / (scale * math.sqrt(2)))

    def below(edge: float) -> float:
        return 0.5 * math.erfc((mean - edge) / (scale * math.sqrt(2)))

    masses = []
    for k in range(-radius, radius + 1):
        # Differences in the tail of one side: no cancellation of nearly equal numbers.
        one_side = above(k - 0.5) - above(k + 0.5) if k > mean else below(k + 0.5) - below(k - 0.5)
        masses.append(one_side if k else 1 - above(0.5) - below(-0.5))
    return [*masses, above(radius + 0.5) + below(-radius - 0.5)]


def quantise_pmf(masses: Sequence[float]) -> list[int]:
    """Probabilities as counts, each at least 16, that sum to 2**24."""
    total = 1 << PRECISION
    counts = [max(16, round(mass * total)) for mass in masses]
    counts[len(masses) // 2 - 1] += total - sum(counts)  # the peak absorbs the rounding
    return counts


class SymbolTables:
    """Probability tables, one for each scale index.

    Args:
        counts: concatenated counts of all tables, each of odd length 2r + 1 plus one escape.
        lengths: length of each table.
    """

    def __init__(self, counts: Int32Array, lengths: Int32Array) -> None:
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        categorical = constriction.stream.model.Categorical
        self.counts, self.lengths = counts, lengths
        self.radii = (lengths.astype(np.int32) - 2) // 2
        self.models = [
            categorical(counts[a:b] / float(1 << PRECISION), perfect=False)
            for a, b in zip(offsets[:-1], offsets[1:], strict=True)
        ]


def _grouped(indices: IndexArray) -> tuple[npt.NDArray[np.intp], list[tuple[int, slice]]]:
    """The order that puts equal scale indices together, lower ones first, and where each is."""
    order = np.argsort(indices, kind="stable")
    counts = np.bincount(indices, minlength=256)
    ends = np.cumsum(counts)
    present = np.flatnonzero(counts).tolist()
    return order, [(i, slice(ends[i] - counts[i], ends[i])) for i in present]


class SymbolEncoder:
    """Collects groups of symbols in decoding order and codes them at the end."""

    def __init__(self, tables: SymbolTables) -> None:
        self.tables = tables
        self._groups: list[tuple[int, Int32Array]] = []
        self._escapes: list[int] = []

    def add(self, symbols: Int32Array, indices: IndexArray) -> None:
        """Append flat symbols, each with its scale index."""
        order, groups = _grouped(indices)
        symbols, radius = symbols[order], self.tables.radii[indices[order]]
        coded = symbols + radius
        outside = np.abs(symbols) > radius
        coded[outside] = 2 * radius[outside] + 1
        self._groups += [(index, coded[where]) for index, where in groups]
        self._escapes += symbols[outside].tolist()

    def finish(self) -> bytes:
        """The payload: escape count, escapes, rANS words."""
        coder = constriction.stream.stack.AnsCoder()
        for index, coded in reversed(self._groups):  # rANS is a stack
            coder.encode_reverse(coded, self.tables.models[index])
        words = coder.get_compressed().astype("<u4").tobytes()
        escapes = [pack_varint(2 * v if v >= 0 else -2 * v - 1) for v in self._escapes]
        return pack_varint(len(escapes)) + b"".join(escapes) + words


class SymbolDecoder:
    """Reads back what `SymbolEncoder` wrote, given the same indices in the same order.

    Raises:
        CorruptFileError: the payload is not one that the encoder writes.
    """

    def __init__(self, tables: SymbolTables, payload: bytes) -> None:
        self.tables = tables
        count, position = unpack_varint(payload, 0, "tile")
        if count > len(payload):
            raise CorruptFileError("tile: more escapes than bytes")
        self._escapes = []
        for _ in range(count):
            value, position = unpack_varint(payload, position, "tile")
            if value >= 1 << 32:
                raise CorruptFileError("tile: an escape is too large")
            self._escapes.append(value // 2 if value % 2 == 0 else -(value + 1) // 2)
        self._next = 0
        if (len(payload) - position) % 4:
            raise CorruptFileError("tile: not a whole number of words")
        words = np.frombuffer(payload, dtype="<u4", offset=position).astype(np.uint32)
        if len(words) and words[-1] == 0:
            raise CorruptFileError("tile: malformed last word")
        self._coder = constriction.stream.stack.AnsCoder(words)

    def take(self, indices: IndexArray) -> Int32Array:
        """Decode one flat symbol for each scale index."""
        order, groups = _grouped(indices)
        coded, symbols = np.empty((2, len(indices)), dtype=np.int32)
        for index, where in groups:
            count = where.stop - where.start
            coded[where] = self._coder.decode(self.tables.models[index], count)
        radius = self.tables.radii[indices[order]]
        values = coded - radius
        escaped = np.flatnonzero(coded == 2 * radius + 1)
        values[escaped] = self._take_escapes(len(escaped))
        symbols[order] = values
        return symbols

    def _take_escapes(self, count: int) -> list[int]:
        taken = self._escapes[self._next : self._next + count]
        if len(taken) != count:
            raise CorruptFileError("tile: an escape is missing")
        self._next += count
        return taken
