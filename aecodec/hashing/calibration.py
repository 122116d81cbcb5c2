"""What a Hamming distance means: how often other photos, and altered copies, come that close."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from aecodec.errors import AecodecError

DEFAULT_FPR = 1e-4


@dataclass(frozen=True)
class Threshold:
    """A largest distance at which two images count as the same.

    Attributes:
        distance: in bits, inclusive; -1: not even equal codes are rare enough.
        fpr: measured fraction of pairs of different photos at most so far apart.
        tpr: measured fraction of altered copies at most so far from their original.
        pairs: number of pairs of different photos; rates below 1 / pairs are not resolved.
    """

    distance: int
    fpr: float
    tpr: float
    pairs: int


@dataclass(frozen=True)
class Calibration:
    """Histograms of Hamming distances on validation photos, for each code length.

    Attributes:
        different: code length -> number of pairs of different photos at distance 0, 1, ...
        same: code length -> number of altered copies at such a distance from their original.
        data: which photos, in words.
    """

    different: dict[int, tuple[int, ...]]
    same: dict[int, tuple[int, ...]]
    data: str = ""

    def __post_init__(self) -> None:
        for bits, counts in [*self.different.items(), *self.same.items()]:
            if len(counts) != bits + 1 or min(counts) < 0 or sum(counts) < 1:
                raise ValueError(f"calibration of {bits} bits: not a histogram of distances")
        if set(self.different) != set(self.same):
            raise ValueError("calibration: code lengths do not agree")

    def threshold(self, bits: int, fpr: float = DEFAULT_FPR) -> Threshold:
        """The largest distance whose false-positive rate is at most `fpr`.

        Raises:
            AecodecError: nothing was measured for this code length.
        """
        distances = [d for d, rate in enumerate(self._rates("different", bits)) if rate <= fpr]
        return self.at(bits, max(distances, default=-1))

    def at(self, bits: int, distance: int) -> Threshold:
        """The rates of a given distance."""
        pairs = sum(self._counts("different", bits))
        if distance < 0:
            return Threshold(-1, 0.0, 0.0, pairs)
        distance = min(distance, bits)
        rates = [self._rates(kind, bits)[distance] for kind in ("different", "same")]
        return Threshold(distance, rates[0], rates[1], pairs)

    def _counts(self, kind: str, bits: int) -> Sequence[int]:
        counts: dict[int, tuple[int, ...]] = getattr(self, kind)
        if bits not in counts:
            known = ", ".join(map(str, counts))
            raise AecodecError(f"no distances were calibrated for {bits} bits; known: {known}")
        return counts[bits]

    def _rates(self, kind: str, bits: int) -> list[float]:
        counts = self._counts(kind, bits)
        total = sum(counts)
        return [count / total for count in accumulate(counts)]

    def to_json(self) -> str:
        return json.dumps({"different": self.different, "same": self.same, "data": self.data})

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        values = json.loads(text)
        tables = [
            {int(bits): tuple(counts) for bits, counts in values[kind].items()}
            for kind in ("different", "same")
        ]
        return cls(tables[0], tables[1], values["data"])
