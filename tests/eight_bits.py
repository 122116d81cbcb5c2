"""A codec of random weights in 8 bits, for tests."""

from __future__ import annotations

import numpy as np
import torch

from aecodec.codec.config import CodecConfig
from aecodec.codec.model import CodecModel
from aecodec.nn.arrays import AnyArray
from aecodec.training.eight_bits.samples import Coded
from aecodec.training.export import inference_tensors

SIZES = ((8, 8), (1, 1), (7, 10))


def small_config(*, deep: bool) -> CodecConfig:
    """Of few channels; with all kinds of layers, or with few."""
    count = int(deep)
    return CodecConfig(
        width=16,
        blocks=(1, 2),
        deep_width=16,
        deep_blocks=(1, 1),
        fine_width=8,
        fine_features=4 * count,
        fine_blocks=count,
        finest_width=8,
        latent_channels=32,
        hyper_channels=8,
        mean_width=16,
        scale_width=8,
        modulated=deep,
    )


def random_codec(config: CodecConfig) -> CodecModel:
    """Random weights whose qualities differ."""
    torch.manual_seed(0)
    model = CodecModel(config).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith(("modulation.values", "log_scale.values")):
                value.normal_(0, 0.2)
    return model


def float_tensors(config: CodecConfig) -> dict[str, AnyArray]:
    """Those of a weight file, but for entropy tables."""
    model = random_codec(config)
    return {name: tensor.numpy() for name, tensor in inference_tensors(model).items()}


def latents(config: CodecConfig) -> list[Coded]:
    """As of pictures of all sizes: mostly small, some large; multiples of 1/16."""
    rng, coded = np.random.default_rng(1), []
    for height, width in SIZES * 2:
        quality = int(rng.integers(1, 101))
        values = rng.laplace(0, 3, (1, height, width, config.latent_channels))
        values[..., 0] *= 20
        coded.append(Coded(quality, (np.round(16 * values) / 16).astype(np.float32)))
    return coded
