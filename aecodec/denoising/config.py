"""Sizes of a denoiser; stored with its weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class DenoiserConfig:
    """Architecture of a `DenoiserModel`.

    Attributes:
        widths: channels at 1/2, 1/4 and 1/8 resolution.
        blocks: residual blocks at each resolution. The first two numbers count for the
            encoder and again for the decoder; the last is the bottleneck.
    """

    widths: tuple[int, int, int] = (64, 128, 192)
    blocks: tuple[int, int, int] = (1, 1, 3)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DenoiserConfig:
        values = json.loads(text)
        return cls(tuple(values["widths"]), tuple(values["blocks"]))
