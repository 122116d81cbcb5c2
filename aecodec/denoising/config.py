"""Sizes of a denoiser; those of `DenoiserConfig` are stored with its weights."""

from __future__ import annotations

from dataclasses import dataclass

from aecodec.weights.config import Config

STRIDE = 8
"""Height and width of what the model takes are multiples of this."""

REACH = 8
"""How far, in pixels, `aecodec.denoising.impulses.fill` looks for a value that is there."""

PARTS = ("white", "camera", "estimator", "whiteness")
"""Of a `DenoiserModel`, by their names: networks for both kinds of noise, and estimators."""

LEVEL_UNIT = 10 / 255
"""Of what the estimator's last layer gives, on the scale of pixels in [0, 1]."""


@dataclass(frozen=True)
class DenoiserConfig(Config):
    """Architecture of the networks of a `DenoiserModel`.

    Attributes:
        widths: channels at 1/2, 1/4 and 1/8 resolution.
        blocks: residual blocks at each resolution. The first two numbers count for the
            encoder and again for the decoder; the last is the bottleneck.
    """

    widths: tuple[int, int, int] = (64, 128, 192)
    blocks: tuple[int, int, int] = (1, 1, 3)

    @property
    def margin(self) -> int:
        """How far, in positions of `STRIDE` pixels, a pixel can be and still matter."""
        above, below, bottom = self.blocks
        # Each block sees two positions of its scale further, head and tail one each.
        pixels = 2 * (4 * above + 2) + 4 * (4 * below) + 8 * (2 * bottom) + REACH
        return -(-pixels // STRIDE) + 1  # one for the alignment of the scales
