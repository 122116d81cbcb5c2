"""Sizes of a codec model; stored with its weights."""

from __future__ import annotations

from dataclasses import dataclass

from aecodec.weights.config import Config

DISTORTIONS = ("mse", "ms-ssim", "balanced")


@dataclass(frozen=True)
class CodecConfig(Config):
    """Architecture of a `CodecModel`.

    Attributes:
        width: channels of the residual blocks at 1/8 resolution.
        blocks: residual blocks at 1/8 resolution, in the analysis and in the synthesis.
        deep_width: channels of the residual blocks at 1/16 resolution.
        deep_blocks: residual blocks at 1/16 resolution, in the analysis and in the synthesis.
        fine_width: hidden channels of the residual block at 1/4 resolution, in the synthesis.
        fine_features: channels it sees beside the picture, of the features at 1/8 resolution.
        fine_blocks: further residual blocks between its two convolutions.
        finest_width: hidden channels of the residual block at 1/2 resolution, in the synthesis.
        low_bytes: whether what sees pixels in 8 bits sees what bytes leave of them, too, in further
            bytes.
        latent_channels: channels of the latents y at 1/16 resolution (a multiple of 4).
        hyper_channels: channels of the hyper-latents z at 1/64 resolution.
        mean_width: hidden channels of the networks that predict the means of y.
        scale_width: hidden channels of the integer networks that predict its scales.
        anchors: qualities that own a learned vector; the others interpolate.
        modulated: whether the residual blocks have scales and shifts of each quality.
        lambda_min, lambda_max: rate-distortion trade-off at quality 1 and 100.
        distortion: what it is between, "mse", "ms-ssim" or "balanced"
            (`aecodec.codec.distortion`).
        distortion_weights: of the parts of "balanced": squared error, MS-SSIM at quality 1 and
            at 100 (linear between), SSIMULACRA 2.
    """

    width: int = 128
    blocks: tuple[int, int] = (3, 3)
    deep_width: int = 192
    deep_blocks: tuple[int, int] = (2, 2)
    fine_width: int = 64
    fine_features: int = 0
    fine_blocks: int = 0
    finest_width: int = 32
    low_bytes: bool = True
    latent_channels: int = 320
    hyper_channels: int = 96
    mean_width: int = 128
    scale_width: int = 64
    anchors: int = 9
    modulated: bool = False
    lambda_min: float = 0.0003
    lambda_max: float = 0.1
    distortion: str = "mse"
    distortion_weights: tuple[float, float, float, float] = (0.35, 0.25, 0.15, 0.4)

    def __post_init__(self) -> None:
        if self.distortion not in DISTORTIONS:
            raise ValueError(
                f"distortion must be one of {', '.join(DISTORTIONS)}, not {self.distortion!r}"
            )
        if len(self.distortion_weights) != 4 or min(self.distortion_weights) < 0:
            raise ValueError(
                f"distortion_weights must be four numbers from 0 on, not {self.distortion_weights}"
            )

    @property
    def modulation_anchors(self) -> int:
        return self.anchors if self.modulated else 0

    @property
    def margin(self) -> int:
        """Latents around a tile that the transforms can see: with them, tiling changes nothing."""
        pixels = (
            (2 + 4) * 2
            + 4 * 2 * self.fine_blocks
            + 8 * 2 * max(self.blocks)
            + 16 * 2 * max(self.deep_blocks)
        )
        return -(-pixels // 16)

    def rd_lambda(self, quality: float) -> float:
        """The lambda of `bpp + lambda * D` at a quality in [1, 100], log-spaced."""
        ratio = self.lambda_max / self.lambda_min
        return float(self.lambda_min * ratio ** ((quality - 1) / 99))
