"""Autoencoders that do real work on images.

    import aecodec
    data = aecodec.compress(image, quality=50)     # Pillow image -> bytes
    image = aecodec.decompress(data)               # bytes -> Pillow image

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

__all__ = ["Codec", "compress", "decompress", "register_pillow"]

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


@lru_cache(maxsize=1)
def _codec() -> Codec:
    from aecodec.codec.codec import Codec

    return Codec()


def __getattr__(name: str) -> Any:
    if name == "Codec":
        from aecodec.codec.codec import Codec

        return Codec
    if name == "register_pillow":
        from aecodec.codec.pillow_plugin import register_pillow

        return register_pillow
    raise AttributeError(f"module 'aecodec' has no attribute {name!r}")
