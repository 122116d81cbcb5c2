"""Sizes of a hash model; stored with its weights."""

from __future__ import annotations

from dataclasses import dataclass

from aecodec.weights.config import Config


@dataclass(frozen=True)
class HashConfig(Config):
    """Architecture of a `HashModel`.

    Attributes:
        side: pixels a side of its square input; any image is squashed to it.
        stem_stride: of the first convolution.
        widths, blocks: channels and residual blocks of each stage; the stages after the
            first halve the resolution.
        pool: the last feature map is averaged to `pool` x `pool` positions.
        lengths: code lengths in bits, ascending multiples of 8. Each shorter code is the
            beginning of the longest.
        thumbnail: pixels a side of what the decoder makes of a code: 4 times a power of 2.
        projection: length of the vectors that the contrastive loss compares beside the codes.
    """

    side: int = 64
    stem_stride: int = 2
    widths: tuple[int, ...] = (64, 128, 256)
    blocks: tuple[int, ...] = (1, 1, 1)
    pool: int = 2
    lengths: tuple[int, ...] = (64, 128, 256)
    thumbnail: int = 16
    projection: int = 128

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.blocks):
            raise ValueError("widths and blocks must be equally many")
        ascending = list(self.lengths) == sorted(set(self.lengths))
        if not self.lengths or not ascending or any(n < 8 or n % 8 for n in self.lengths):
            raise ValueError("lengths must be ascending multiples of 8")
        if self.thumbnail not in (4, 8, 16, 32):
            raise ValueError("thumbnail must be 4, 8, 16 or 32")

    @property
    def bits(self) -> int:
        """Length of the longest code."""
        return self.lengths[-1]
