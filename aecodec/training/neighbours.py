"""The nearest of recent pictures: another picture of, often, the same thing.

Dwibedi et al., "With a little help from my friends: nearest-neighbor contrastive learning of
visual representations" (2021, arXiv:2104.14548).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NeighbourQueue(nn.Module):
    """The last `length` pictures of earlier steps, by projection and code.

    Args:
        length: how many are kept; 0: none.
        projection, bits: lengths of the vectors.
    """

    def __init__(self, length: int, projection: int, bits: int) -> None:
        super().__init__()
        self.register_buffer("projections", torch.zeros(length, projection))
        self.register_buffer("codes", torch.zeros(length, bits))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.projections: Tensor
        self.codes: Tensor
        self.seen: Tensor

    @property
    def full(self) -> bool:
        return int(self.seen) >= len(self.codes) > 0

    @torch.no_grad()
    def nearest(self, projections: Tensor) -> tuple[Tensor, Tensor]:
        """Projection (N, D) and code (N, bits) of the kept picture nearest to each of (N, D)."""
        found = (F.normalize(projections, dim=1) @ self.projections.T).argmax(1)
        return self.projections[found], self.codes[found]

    @torch.no_grad()
    def add(self, projections: Tensor, codes: Tensor) -> None:
        """Keep (N, D) and (N, bits), N at most the length, in the place of the oldest."""
        places = (self.seen + torch.arange(len(codes), device=codes.device)) % len(self.codes)
        self.projections[places] = F.normalize(projections, dim=1)
        self.codes[places] = codes
        self.seen += len(codes)
