"""The ways in which a benchmark makes photos noisy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Generator, Tensor

from aecodec.denoising.impulses import Kind
from aecodec.nn import noise

NOISY = "noisy"


@dataclass(frozen=True)
class NoiseTask:
    """One way to corrupt photos.

    Attributes:
        name: for tables.
        group: tasks that make up a table.
        kind: of the noise.
        level: sigma on the scale of 0..255, or the fraction that is replaced.
    """

    name: str
    group: Literal["float", "8-bit", "impulses", "clean"]
    kind: Kind
    level: float

    @property
    def sigma(self) -> float:
        return self.level if self.kind == "gaussian" else 0.0

    def corrupt(self, clean: Tensor, seed: int) -> Tensor:
        """The noisy copy of (1, 3, H, W) in [0, 1]."""
        generator = Generator().manual_seed(seed)
        if self.kind == "salt-and-pepper":
            return noise.salt_and_pepper(clean, self.level, generator)
        if self.kind == "masking":
            return noise.masking(clean, self.level, generator, shared_dim=1)
        noisy = noise.gaussian(clean, self.level, generator)
        return noisy if self.group == "float" else noise.to_8_bit(noisy)


TASKS = (
    *(NoiseTask(f"sigma {sigma}", "float", "gaussian", sigma) for sigma in (15, 25, 50)),
    *(NoiseTask(f"sigma {sigma}, 8 bits", "8-bit", "gaussian", sigma) for sigma in (15, 25, 50)),
    NoiseTask("salt and pepper 10 %", "impulses", "salt-and-pepper", 0.1),
    NoiseTask("salt and pepper 30 %", "impulses", "salt-and-pepper", 0.3),
    NoiseTask("masking 50 %", "impulses", "masking", 0.5),
    NoiseTask("clean", "clean", "gaussian", 0.0),
)
