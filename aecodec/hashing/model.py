"""The binary autoencoder: picture -> bits -> thumbnail.

Codes of a deep autoencoder as addresses are Salakhutdinov and Hinton's semantic hashing
(2009); here the code is a sign with a straight-through gradient behind a batch
normalisation without affine part, which centres each bit on the data.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecodec.hashing.config import HashConfig

_SEED = 4  # pixels a side where the decoder starts


class ConvNorm(nn.Sequential):
    """3x3 or 1x1 convolution and batch normalisation."""

    def __init__(self, fan_in: int, fan_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(fan_in, fan_out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(fan_out),
        )


class Residual(nn.Module):
    """Basic block of He et al. (2016): (B, fan_in, H, W) -> (B, fan_out, H/stride, W/stride)."""

    def __init__(self, fan_in: int, fan_out: int, stride: int) -> None:
        super().__init__()
        self.first = ConvNorm(fan_in, fan_out, stride=stride)
        self.second = ConvNorm(fan_out, fan_out)
        changes = stride != 1 or fan_in != fan_out
        self.skip = ConvNorm(fan_in, fan_out, 1, stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.second(self.first(x).relu())
        return (inner + self.skip(x)).relu()


class Encoder(nn.Module):
    """Pictures float (B, 3, side, side) in [0, 1] to features (B, widths[-1] * pool**2)."""

    def __init__(self, config: HashConfig) -> None:
        super().__init__()
        width = config.widths[0]
        self.stem = ConvNorm(3, width, stride=config.stem_stride)
        stages: list[nn.Module] = []
        for number, (wide, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for block in range(count):
                stages.append(Residual(width, wide, 2 if number and not block else 1))
                width = wide
        self.stages = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(config.pool)
        self.features = width * config.pool**2

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem((x - 0.5) * 4).relu()  # about unit variance
        pooled: Tensor = self.pool(self.stages(x))
        return pooled.flatten(1)


class Decoder(nn.Module):
    """Codes float (B, bits) of -1 and +1 to thumbnails (B, 3, T, T), around [0, 1]."""

    def __init__(self, config: HashConfig, width: int = 64) -> None:
        super().__init__()
        self.width = width
        self.first = nn.Linear(config.bits, width * _SEED**2)
        layers: list[nn.Module] = []
        for _ in range((config.thumbnail // _SEED).bit_length() - 1):
            layers += [
                nn.ReLU(),
                nn.Upsample(scale_factor=2),
                nn.Conv2d(width, width, 3, padding=1),
            ]
        self.rest = nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))

    def forward(self, codes: Tensor) -> Tensor:
        x = self.first(codes).view(-1, self.width, _SEED, _SEED)
        thumbnails: Tensor = self.rest(x)
        return thumbnails + 0.5


class HashModel(nn.Module):
    """Encoder, the layer whose signs are the code, decoder."""

    def __init__(self, config: HashConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.to_code = nn.Linear(self.encoder.features, config.bits, bias=False)
        self.centre = nn.BatchNorm1d(config.bits, affine=False)
        self.decoder = Decoder(config)

    def logits_of(self, features: Tensor) -> Tensor:
        """Features to (B, bits) floats, each bit centred on 0 over the training data."""
        centred: Tensor = self.centre(self.to_code(features).float())
        return centred

    def logits(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, side, side) in [0, 1] to the logits of their codes, (B, bits)."""
        return self.logits_of(self.encoder(x))

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, side, side) in [0, 1] to codes, bool (B, bits)."""
        return self.logits(x) >= 0

    def reconstruct(self, code: Tensor) -> Tensor:
        """Codes, bool (B, bits), to thumbnails float (B, 3, T, T) in [0, 1]."""
        thumbnails: Tensor = self.decoder(torch.where(code, 1.0, -1.0))
        return thumbnails.clamp(0, 1)
