"""Autoencoders that do real work on images.

    import aecodec
    data = aecodec.compress(image, quality=50)     # Pillow image, array or path -> bytes
    image = aecodec.decompress(data)               # bytes or path -> Pillow image
    small = aecodec.preview(data)                  # bytes or path -> an eighth of each side
    image = aecodec.denoise(image)                 # Pillow image -> Pillow image
    code = aecodec.image_hash(image, bits=64)      # Pillow image -> bytes
    aecodec.compress_file("photo.png")             # writes photo.aec, its hash inside
    aecodec.compare("a.jpg", "b.aec").same         # the same picture, but for an alteration?
    with aecodec.ImageIndex("index.sqlite3") as index:
        index.add("photos")                        # images and .aec files
        matches = index.search("query.jpg")

Importing the package imports neither torch nor Pillow; the first call does. After
`aecodec.register_pillow()`, `Image.open` and `Image.save` know `.aec` files; after
`aecodec.register_imageio()`, `imageio.v3` does.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, Literal, overload

from aecodec._version import __version__

if TYPE_CHECKING:
    import os

    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from aecodec.codec.codec import Codec, Source
    from aecodec.codec.container import Box
    from aecodec.codec.imageio_plugin import register_imageio
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
    "preview",
    "register_imageio",
    "register_pillow",
]

# Imported when first asked for.
_LAZY = {
    "Codec": "aecodec.codec.codec",
    "ImageIndex": "aecodec.workflows.search",
    "compare": "aecodec.workflows.search",
    "compress_file": "aecodec.workflows.compress",
    "register_imageio": "aecodec.codec.imageio_plugin",
    "register_pillow": "aecodec.codec.pillow_plugin",
}


def compress(
    image: Image | npt.NDArray[np.uint8 | np.uint16] | str | os.PathLike[str] | bytes | IO[bytes],
    quality: int = 50,
    *,
    effort: str = "default",
    lossless: bool = False,
) -> bytes:
    """Compress an image, of any kind that `Codec.compress` takes, to the bytes of an .aec file."""
    return _codec().compress(image, quality, effort=effort, lossless=lossless)


@overload
def decompress(
    source: Source,
    *,
    box: Box | None = None,
    as_array: Literal[False] = False,
    decoder: str = "default",
) -> Image: ...


@overload
def decompress(
    source: Source, *, box: Box | None = None, as_array: Literal[True], decoder: str = "default"
) -> npt.NDArray[np.uint8 | np.uint16]: ...


def decompress(
    source: Source,
    *,
    box: Box | None = None,
    as_array: bool = False,
    decoder: str = "default",
) -> Image | npt.NDArray[np.uint8 | np.uint16]:
    """Decode an .aec file, its bytes or its path, to a Pillow image; see `Codec.decompress`."""
    if as_array:
        return _codec().decompress(source, box=box, as_array=True, decoder=decoder)
    return _codec().decompress(source, box=box, decoder=decoder)


def preview(source: Source, scale: int = 8) -> Image:
    """An .aec file's picture at an eighth or a sixteenth of each side; see `Codec.preview`."""
    return _codec().preview(source, scale)


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
