"""Leaner transforms beside a weight file, for `--decoder fast` and `--effort fast`.

They were trained for it: the synthesis to make pictures of the same latents, the analysis to make
latents that the same synthesis decodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from aecodec.codec.beside import load_tensors, save_tensors
from aecodec.codec.config import CodecConfig
from aecodec.codec.eight_bits.layers import EIGHT_BITS
from aecodec.nn.arrays import AnyArray

ANALYSIS = "fast_analysis"
"""What the names of the leaner analysis's tensors begin with, and a dot."""
SYNTHESIS = f"{EIGHT_BITS}fast_synthesis."
"""The same of the synthesis's, in 8 bits."""
_SUFFIX = ".fast.safetensors"


def fast_config(config: CodecConfig) -> CodecConfig:
    """A codec's sizes with the leaner transforms.

    Of residual blocks there are none at 1/16 of the resolution, two at 1/8, none between the
    convolutions at 1/4; and what sees pixels sees no low bytes. With the default weights this is 11
    instead of 18 kMAC a pixel for the analysis, 18 instead of 35 for the synthesis.
    """
    return replace(config, deep_blocks=(0, 0), blocks=(2, 2), fine_blocks=0, low_bytes=False)


def with_fast_analysis(config: CodecConfig) -> CodecConfig:
    """A codec's sizes with the leaner analysis alone."""
    lean = fast_config(config)
    return replace(
        config,
        deep_blocks=(lean.deep_blocks[0], config.deep_blocks[1]),
        blocks=(lean.blocks[0], config.blocks[1]),
    )


def fast_file(weights: Path) -> Path:
    """Where the leaner transforms of a weight file are, if it has them."""
    return weights.with_suffix(_SUFFIX)


def is_fast_file(path: Path) -> bool:
    return path.name.endswith(_SUFFIX)


def save(tensors: Mapping[str, AnyArray], weights: Path, digest: bytes) -> None:
    """Write them beside a weight file, of whose digest they are."""
    save_tensors(tensors, fast_file(weights), digest)


def load(weights: Path, digest: bytes) -> dict[str, AnyArray]:
    """Their tensors; none where there is no such file, or one of other weights.

    Raises:
        AecodecError: its file is damaged.
    """
    return load_tensors(fast_file(weights), digest)


def has_analysis(tensors: Mapping[str, object]) -> bool:
    return f"{ANALYSIS}.head.weight" in tensors


def has_synthesis(tensors: Mapping[str, object]) -> bool:
    return f"{SYNTHESIS}head.weight" in tensors
