"""Autoencoders that do real work on images.

    import aecodec
    data = aecodec.compress(image, quality=50)     # Pillow image -> bytes
    image = aecodec.decompress(data)               # bytes -> Pillow image
    image = aecodec.denoise(image)                 # Pillow image -> Pillow image
    code = aecodec.image_hash(image, bits=64)      # Pillow image -> bytes
    aecodec.compress_file("photo.png")             # writes photo.aec, its hash inside
    aecodec.compare("a.jpg", "b.aec").same         # the same picture, but for an alteration?
    with aecodec.ImageIndex("index.sqlite3") as index:
        index.add("photos")                        # images and .aec files
        matches = index.search("query.jpg")

Importing the package imports neither torch nor Pillow; the first call does. After
`aecodec.register_pillow()`, `Image.open` and `Image.save` know `.aec` files.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aecodec._version import __version__

if TYPE_CHECKING:
    from PIL.Image import Image

    from aecodec.codec.codec import Codec
    from aecodec.codec.pillow_plugin import register_pillow
    from aecodec.denoising.denoiser import Denoiser
    from aecodec.hashing.hasher import Hasher
    from aecodec.workflows.compress import compress_file
    from aecodec.workflows.search import ImageIndex, compare

__all__ = [
    "Codec",
    "ImageIndex",
    "__version__",
    "compare",
    "compress",
    "compress_file",
    "decompress",
    "denoise",
    "image_hash",
    "register_pillow",
]

# Imported when first asked for.
_LAZY = {
    "Codec": "aecodec.codec.codec",
    "ImageIndex": "aecodec.workflows.search",
    "compare": "aecodec.workflows.search",
    "compress_file": "aecodec.workflows.compress",
    "register_pillow": "aecodec.codec.pillow_plugin",
}


def compress(image: Image, quality: int = 50, *, effort: str = "default") -> bytes:
    """Compress a Pillow image to the bytes of an .aec file; see `Codec.compress`."""
    return _codec().compress(image, quality, effort=effort)


def decompress(data: bytes) -> Image:
    """Decode the bytes of an .aec file to a Pillow image; see `Codec.decompress`."""
    return _codec().decompress(data)


def denoise(image: Image, sigma: float | None = None) -> Image:
    """Remove noise from a Pillow image.

    Args:
        image: of any mode that `aecodec.images.Picture.from_image` takes.
        sigma: standard deviation of the noise on the scale of 0..255; None: estimated.

    Raises:
        AecodecError: this build carries no denoiser weights.
    """
    return _denoiser().denoise(image, sigma)


def image_hash(image: Image, bits: int = 64) -> bytes:
    """A semantic hash: images that look alike have hashes that differ in few bits.

    Args:
        image: of any mode that `aecodec.images.Picture.from_image` takes.
        bits: 64, 128 or 256. A longer hash begins with the shorter ones.

    Returns:
        bits / 8 bytes, to be compared by Hamming distance.

    Raises:
        AecodecError: this build carries no hash weights.
        UnsupportedImageError: empty, too large, or an unusual mode.
        ValueError: bits is none of these lengths.
    """
    return _hasher().code(image, bits)


def _codec() -> Codec:
    from aecodec.codec.codec import default_codec

    return default_codec()


@lru_cache(maxsize=1)
def _denoiser() -> Denoiser:
    from aecodec.denoising.denoiser import Denoiser

    return Denoiser()


@lru_cache(maxsize=1)
def _hasher() -> Hasher:
    from aecodec.hashing.hasher import Hasher

    return Hasher()


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'aecodec' has no attribute {name!r}")
