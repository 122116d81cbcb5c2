"""aecodec itself, behind the interface of the classic codecs."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from aecodec.weights import shipped_models

NAME = "aecodec"
# By the distortion that weights were trained for (`CodecConfig.distortion`).
_PURPOSES = {"balanced": NAME, "mse": f"{NAME}, tuned for PSNR", "ms-ssim": f"{NAME}, MS-SSIM"}
QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


def display_name(distortion: str) -> str:
    """What weights are called in tables, by what they are for.

    Weights for squared error are plainly "aecodec" as long as no balanced ones ship.
    """
    shipped = {
        card["recipe"]["model"]["distortion"]
        for card in shipped_models()
        if card["task"] == "codec"
    }
    if distortion == "mse" and "balanced" not in shipped:
        return NAME
    return _PURPOSES[distortion]


def is_ours(name: str) -> bool:
    """Whether a name in a table is that of aecodec with some weights."""
    return name == NAME or name.startswith(f"{NAME}, ")


class LearnedCodec:
    """An `ImageCodec` over `aecodec.codec.codec.Codec`.

    Args:
        device: where the networks run, "auto", "cpu" or "cuda".
        weights: as in `Codec`.
        qualities: the settings to measure, each in 1..100.
        effort: of the encoder, "fast", "default" or "max".
        decoder: "default" or "fast".
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        weights: str | None = None,
        qualities: Sequence[int] = QUALITIES,
        effort: str = "default",
        decoder: str = "default",
    ) -> None:
        from aecodec.codec.codec import Codec

        self.settings = sorted(qualities)
        self.effort, self.decoder = effort, decoder
        self._codec = Codec(device, weights)
        self.name = display_name(self._codec.model.config.distortion)

    def encode(self, image: Image.Image, setting: int) -> bytes:
        return bytes(self._codec.compress(image, quality=setting, effort=self.effort))

    def decode(self, data: bytes) -> Image.Image:
        return self._codec.decompress(data, decoder=self.decoder).convert("RGB")

    def preview(self, data: bytes) -> Image.Image:
        """A small picture, an eighth of each side."""
        return self._codec.preview(data).convert("RGB")
