"""A tile of a picture, and which of its cells are kept exactly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.codec.container import Box
from aecodec.codec.few_colours import Packed, bits_per_error, pack_cheapest
from aecodec.images.cells import Cells, alone, cell_areas, cell_grid, cell_mse
from aecodec.images.drawn_cells import find_drawn, has_palette

_LEAST_NATURAL = 0.02  # of the cells
_NATURAL = 1 / 3  # what errors in cells that look natural are worth, of those in drawn ones
_GROWTH = 4  # times what the network takes: exact cells of a photograph are not worth it
_LITTLE = 1 << 14  # bytes that what is mostly drawn may take at any rate
_PLAIN = 2.0  # bits of a pixel, exact: no photograph is so easy to keep and so hard to code


class Tile:
    """A tile on the way to what is best for it."""

    def __init__(
        self, number: int, box: Box, pixels: Image.Image, quality: int, learned: int = 0
    ) -> None:
        self.number, self.box, self.quality = number, box, quality
        self.learned = learned  # bytes of the network's payload for all of it
        self.place = box  # in what is decoded
        self.pixels = pixels.crop(box)
        self.found = find_drawn(self.pixels)
        self.has_palette = has_palette(self.pixels)
        if self.has_palette:
            self.found = replace(self.found, natural=np.zeros_like(self.found.natural))
        self.is_photograph = False  # for all that looks drawn in it; or a part of it is one
        self._whole: Packed | None = None
        self.leave()

    def leave(self) -> None:
        """Leave all to the network."""
        self.cells: Cells = np.zeros(cell_grid(*self.pixels.size), dtype=np.bool_)
        self.exact = Packed(b"", False, 0, 0)

    def keep(self, cells: Cells, reduce_below: float = math.inf) -> None:
        """Have these cells exact, or in fewer colours if exact they take fewer bits than that."""
        self.leave()
        if cells.any():
            self.cells = cells
            self.exact = pack_cheapest(self.number, self.pixels, cells, self.quality, reduce_below)

    def keep_all(self, reduce_below: float = math.inf) -> None:
        """Have all cells so; photographs in fewer colours are no better than the network's."""
        if self._whole is not None:
            self.cells, self.exact = np.ones_like(self.cells), self._whole
            return
        least = reduce_below if self.is_mostly_drawn else 0
        self.keep(np.ones_like(self.cells), least)
        if self.exact.reduced or self.exact.cost < least:
            self._whole = self.exact  # fewer colours were tried: nothing changes again

    @property
    def is_mostly_drawn(self) -> bool:
        return float(self.found.natural.mean()) < 0.5

    @property
    def has_natural(self) -> bool:
        """Whether so many cells look natural that it is tried in parts, too."""
        return float(self.found.natural.mean()) >= _LEAST_NATURAL

    def keep_drawn(self, reduce_below: float, decoded: Image.Image) -> None:
        """Have what looks drawn so; where some cells look natural, text, and else what costs less.

        Args:
            reduce_below: as of `keep`.
            decoded: what the network makes of all.
        """
        found = self.found
        self.keep(self._closed(found.exact), reduce_below)
        if not self.has_natural:
            return
        learned = bits_per_error(self.quality) * self._errors(decoded)
        learned += 8 * self.learned / (~found.flat).sum()
        bits = found.bits * (self.exact.cost / max(1, found.bits[self.cells].sum()))
        best = self.cells, self.exact
        for candidates in (found.drawn, ~found.natural):
            cells = self._closed(found.flat | found.writing | (candidates & (bits < learned)))
            if np.array_equal(cells, self.cells):  # as it was just tried
                continue
            self.keep(cells, reduce_below)
            kept, exact = best
            others = learned[kept & ~cells].sum() - learned[cells & ~kept].sum()
            if self.exact.cost + others < exact.cost:
                best = self.cells, self.exact
        self.cells, self.exact = best

    def _closed(self, cells: Cells) -> Cells:
        """And what lies alone among them, unless it looks natural: it would come out smeared."""
        return cells | (alone(~cells) & ~self.found.natural)

    def leave_photograph(self) -> bool:
        """Leave all but text to the network if what is kept takes many times what that takes."""
        most = max(_GROWTH * self.learned, _LITTLE if self.is_mostly_drawn else 0)
        bits, busy = 8 * len(self.exact.payload), self.cells & ~self.found.flat
        pixels = cell_areas(*self.pixels.size)[busy].sum()
        if self.is_photograph or bits <= max(8 * most, _PLAIN * pixels) or not self.has_natural:
            return False
        if self.found.vivid.mean() > 0.5:
            return False
        self.is_photograph = True
        self.keep(self.found.writing | self.found.flat)
        if len(self.exact.payload) > most:
            self.leave()
        return True

    def _errors(self, decoded: Image.Image) -> npt.NDArray[np.float64]:
        """Squared error of each cell, as much as it counts."""
        mse = cell_mse(self.pixels, decoded.crop(self.place))
        weights = np.where(self.found.natural, _NATURAL, 1)
        return weights * mse * cell_areas(*self.pixels.size)

    def cost(self, payload: bytes, decoded: Image.Image) -> float:
        """Bits, and what errors are worth in bits, of a payload for the other cells."""
        lost = float(self._errors(decoded)[~self.cells].sum())
        return self.exact.cost + 8 * len(payload) + bits_per_error(self.quality) * lost
