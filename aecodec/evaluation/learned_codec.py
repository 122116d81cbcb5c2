"""aecodec itself, behind the interface of the classic codecs."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

NAME = "aecodec"
NAMES = {"mse": NAME, "ms-ssim": f"{NAME} (MS-SSIM)"}  # by what the weights were trained for
QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


class LearnedCodec:
    """An `ImageCodec` over `aecodec.codec.codec.Codec`.

    Args:
        device: where the networks run, "auto", "cpu" or "cuda".
        weights: as in `Codec`.
        qualities: the settings to measure, each in 1..100.
        effort: of the encoder, "fast", "default" or "max".
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        weights: str | None = None,
        qualities: Sequence[int] = QUALITIES,
        effort: str = "default",
    ) -> None:
        from aecodec.codec.codec import Codec

        self.settings = sorted(qualities)
        self.effort = effort
        self._codec = Codec(device, weights)
        self.name = NAMES[self._codec.model.config.distortion]

    def encode(self, image: Image.Image, setting: int) -> bytes:
        return bytes(self._codec.compress(image, quality=setting, effort=self.effort))

    def decode(self, data: bytes) -> Image.Image:
        return self._codec.decompress(data).convert("RGB")
