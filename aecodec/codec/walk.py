"""The walk through the prior, step by step, that training, encoder, decoder and refinement share.

So all see the same context. It is right for arrays and tensors alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from aecodec.codec.steps import STEPS, place
from aecodec.nn.arrays import Array, lookup, namespace

_LARGEST = 64  # magnitude that is told from larger ones
_MAGNITUDES = np.array(
    [min(255, math.isqrt(1024 * magnitude)) for magnitude in range(_LARGEST + 1)], dtype=np.float32
)


class Prior(Protocol[Array]):
    """Networks of a prior at a quality."""

    def psi(self, z: Array, size: tuple[int, int]) -> Array:
        """Activations (B, N, h, w) in [0, 255] from integer-valued hyper-latents."""

    def predict(
        self, step: int, psi: Array, latents: Array, magnitudes: Array
    ) -> tuple[Array, Any]:
        """Means, scaled, and scale indices of a step, (B, M, h/2, w/2), of what is known before.

        Args:
            step: the first sees psi alone.
            psi: of `psi`.
            latents: scaled, (B, M, h, w), zero where they are not known.
            magnitudes: of symbols, as `magnitude_activation` has them; likewise.
        """

    def unknown(self, psi: Array) -> Array:
        """Zeros for latents (B, M, h, w)."""


def magnitude_activation(symbols: Array) -> Array:
    """Symbols, rounded -> floor(32 sqrt(|s|)) clamped to [0, 255], float32, without gradient."""
    xp = namespace(symbols)
    known: Array = lookup(_MAGNITUDES, xp.clip(xp.round(abs(symbols)), 0, _LARGEST))
    return known


def walk(
    prior: Prior[Array],
    z: Array,
    size: tuple[int, int],
    source: Callable[[int, Array, Any], Array],
) -> Array:
    """Ask `source` for the symbols of each step; return scaled latents (B, M, h, w).

    Args:
        prior: its networks.
        z: integer-valued hyper-latents (B, N, ceil(h/4), ceil(w/4)).
        size: (h, w), both even.
        source: (step, means, scale indices) -> symbols of the step, all (B, M, h/2, w/2):
            integers, or relaxed ones.
    """
    psi = prior.psi(z, size)
    latents, magnitudes = prior.unknown(psi), prior.unknown(psi)
    for step in range(STEPS):
        mean, index = prior.predict(step, psi, latents, magnitudes)
        symbols = source(step, mean, index)
        latents = place(latents, symbols + mean, step)
        if step < STEPS - 1:
            magnitudes = place(magnitudes, magnitude_activation(symbols), step)
    return latents
