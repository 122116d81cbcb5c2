"""Tiles of an image, each with what surrounds it.

The unit is up to the caller: a position of the coarsest map that its network makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from aecodec.nn.arrays import Array


class Area(NamedTuple):
    """A rectangle of positions."""

    rows: slice
    columns: slice

    def of(self, x: Array) -> Array:
        """The view (..., rows, columns) of x (..., H, W), an array or a tensor."""
        part: Array = x[..., self.rows, self.columns]
        return part


@dataclass(frozen=True)
class Window:
    """A tile and the margin around it.

    Attributes:
        top, left, height, width: the tile in the image.
        above, before: margin over and left of the tile that the outer window adds.
        outer_height, outer_width: size of the tile with its margins.
    """

    top: int
    left: int
    height: int
    width: int
    above: int
    before: int
    outer_height: int
    outer_width: int

    @property
    def inner(self) -> Area:
        """The tile in the image."""
        rows = slice(self.top, self.top + self.height)
        return Area(rows, slice(self.left, self.left + self.width))

    @property
    def outer(self) -> Area:
        """The tile with its margins in the image."""
        top, left = self.top - self.above, self.left - self.before
        return Area(slice(top, top + self.outer_height), slice(left, left + self.outer_width))

    @property
    def inside(self) -> Area:
        """The tile in the outer window."""
        rows = slice(self.above, self.above + self.height)
        return Area(rows, slice(self.before, self.before + self.width))


def windows(height: int, width: int, tile: int, margin: int) -> Iterator[Window]:
    """Tiles of `tile` x `tile` in rows, each with a margin of up to `margin` around it.

    A network sees only so far; with a margin as wide as that, what it makes of a tile is
    what it makes of the untiled image, so there are no seams to blend.
    """
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            above, before = min(margin, top), min(margin, left)
            outer_height = min(bottom + margin, height) - (top - above)
            outer_width = min(right + margin, width) - (left - before)
            yield Window(
                top, left, bottom - top, right - left, above, before, outer_height, outer_width
            )
