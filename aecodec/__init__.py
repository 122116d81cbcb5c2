"""Autoencoders that do real work on images.

    import aecodec
    data = aecodec.compress(image, quality=50)     # Pillow image -> bytes
    image = aecodec.decompress(data)               # bytes -> Pillow image
   image = aecodec.denoise(image)                 # Pillow image -> Pillow image

Importing the package imports neither torch nor Pillow; the first call does. After
`aecodec.register_pillow()`, `Image.open` and `Image.save` know `.aec` files.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from aecodec.codec.codec import Codec
    from aecodec.codec.pillow_plugin import register_pillow
    from aecodec.denoising.denoiser import Denoiser

__all__ = ["Codec", "compress", "decompress", "denoise", "register_pillow"]

try:
    __version__ = version("aecodec")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"


def compress(image: Image, quality: int = 50, *, effort: str = "default") -> bytes:
    """Compress a Pillow image to the bytes of an .aec file; see `Codec.compress`."""
    return _codec().compress(image, quality, effort=effort)


def decompress(data: bytes) -> Image:
    """Decode the bytes of an .aec file to a Pillow image; see `Codec.decompress`."""
    return _codec().decompress(data)


def denoise(image: Image, sigma: float | None = None) -> Image:
    """Remove noise from a Pillow image.

    Args:
        image: of any mode that `aecodec.images.take_apart` takes.
        sigma: standard deviation of the noise on the scale of 0..255; None: estimated.

    Raises:
        AecodecError: this build carries no denoiser weights.
    """
    return _denoiser().denoise(image, sigma)


@lru_cache(maxsize=1)
def _codec() -> Codec:
    from aecodec.codec.codec import Codec

    return Codec()


@lru_cache(maxsize=1)
def _denoiser() -> Denoiser:
    from aecodec.denoising.denoiser import Denoiser

    return Denoiser()


def __getattr__(name: str) -> Any:
    if name == "Codec":
        from aecodec.codec.codec import Codec

        return Codec
    if name == "register_pillow":
        from aecodec.codec.pillow_plugin import register_pillow

        return register_pillow
    raise AttributeError(f"module 'aecodec' has no attribute {name!r}")
