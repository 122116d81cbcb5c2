"""The codecs that everybody has, behind one interface, each as its users set it up."""

from __future__ import annotations

import importlib
from bisect import bisect_left
from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from typing import Any, ClassVar, Protocol

from PIL import Image, features


class ImageCodec(Protocol):
    """What the benchmarks measure: a name, and settings in order of growing rate."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> Sequence[int]: ...

    def encode(self, image: Image.Image, setting: int) -> bytes:
        """The whole file for an RGB image."""
        ...

    def decode(self, data: bytes) -> Image.Image:
        """The RGB image of a whole file."""
        ...


class _PillowCodec:
    """Saves through Pillow under `format`; a subclass says with which options."""

    name: ClassVar[str]
    format: ClassVar[str]
    settings: ClassVar[Sequence[int]]

    def options(self, setting: int) -> dict[str, Any]:
        return {"quality": setting}

    def encode(self, image: Image.Image, setting: int) -> bytes:
        file = BytesIO()
        image.save(file, self.format, **self.options(setting))
        return file.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        with Image.open(BytesIO(data)) as image:
            return image.convert("RGB")

    def works(self) -> bool:
        """Whether this machine can write and read the format."""
        return bool(features.check(self.format.lower()))


class Jpeg(_PillowCodec):
    """Progressive 4:2:0 JPEG with fitted Huffman tables: 4 to 18 % smaller than the defaults."""

    name, format = "JPEG", "JPEG"
    settings = (5, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95)

    def options(self, setting: int) -> dict[str, Any]:
        return {"quality": setting, "subsampling": 2, "optimize": True, "progressive": True}

    def works(self) -> bool:
        return bool(features.check("jpg"))


class WebP(_PillowCodec):
    """Lossy WebP at the slowest, smallest method."""

    name, format = "WebP", "WEBP"
    settings = (1, 10, 25, 40, 55, 70, 80, 90, 95)

    def options(self, setting: int) -> dict[str, Any]:
        return {"quality": setting, "method": 6}


class Avif(_PillowCodec):
    """AVIF as Pillow writes it, tuned for the eye: 4:2:0, speed 6."""

    name, format = "AVIF", "AVIF"
    settings = (10, 20, 30, 40, 50, 60, 70, 80, 90)

    def options(self, setting: int) -> dict[str, Any]:
        return {"quality": setting, "subsampling": "4:2:0", "speed": 6}


class AvifPsnr(Avif):
    """AVIF at its best by PSNR: tuned for it, at full colour resolution, speed 4."""

    name = "AVIF, PSNR"

    def options(self, setting: int) -> dict[str, Any]:
        tune = {"tune": "psnr"}  # of the encoder aom
        return {"quality": setting, "subsampling": "4:4:4", "speed": 4, "advanced": tune}

    def works(self) -> bool:
        """Whether Pillow writes AVIF here by aom, whose tuning this is."""
        if not super().works():
            return False
        try:
            self.encode(Image.new("RGB", (16, 16)), 50)
        except (OSError, ValueError):
            return False
        return True


class Jpeg2000(_PillowCodec):
    """Irreversible JPEG 2000; the settings are compression ratios."""

    name, format = "JPEG 2000", "JPEG2000"
    settings = (240, 160, 100, 60, 40, 25, 15, 10)

    def options(self, setting: int) -> dict[str, Any]:
        # Without `mct` the three colours are coded one by one: up to 6 dB worse.
        rate = {"quality_mode": "rates", "quality_layers": [setting]}
        return {"irreversible": True, "mct": 1, **rate}

    def works(self) -> bool:
        return bool(features.check("jpg_2000"))


class JpegXl(_PillowCodec):
    """JPEG XL at effort 7, where the package pillow-jxl-plugin is installed."""

    name, format = "JPEG XL", "JXL"
    settings = (20, 30, 45, 55, 65, 75, 85, 92, 95)  # at 18, larger and poorer than at 20

    def options(self, setting: int) -> dict[str, Any]:
        return {"quality": setting, "effort": 7}

    def works(self) -> bool:
        if find_spec("pillow_jxl") is None:
            return False
        importlib.import_module("pillow_jxl")  # registers the format with Pillow
        return True


class Heic(_PillowCodec):
    """HEIC (4:2:0), where pillow-heif is installed and was built with an encoder."""

    name, format = "HEIC", "HEIF"
    settings = (10, 15, 20, 25, 30, 35, 40, 50, 60)

    def works(self) -> bool:
        if find_spec("pillow_heif") is None:
            return False
        heif = importlib.import_module("pillow_heif")
        heif.register_heif_opener()
        return bool(heif.libheif_info()["HEIF"])


def file_of_size(codec: ImageCodec, image: Image.Image, least: int) -> bytes:
    """A file of the lowest quality in 1..100 that takes at least so many bytes.

    Qualities are steps, so that sizes cannot be equal; the odd bytes go to this codec. Where
    even quality 100 takes fewer, that.
    """
    qualities = range(1, 101)
    place = bisect_left(qualities, least, key=lambda quality: len(codec.encode(image, quality)))
    return codec.encode(image, qualities[min(place, len(qualities) - 1)])


def available() -> list[ImageCodec]:
    """The classic codecs that work here; JPEG comes first."""
    codecs = (Jpeg(), WebP(), Avif(), AvifPsnr(), Jpeg2000(), JpegXl(), Heic())
    return [codec for codec in codecs if codec.works()]
