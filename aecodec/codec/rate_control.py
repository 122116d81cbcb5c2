"""Find the quality that meets a rate, a distortion or a size."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.errors import TargetUnreachableError
from aecodec.images import Picture

_BAND = 256  # rows


def compress_to_target(
    codec: Codec,
    image: Image.Image,
    *,
    bpp: float | None = None,
    psnr: float | None = None,
    max_bytes: int | None = None,
    effort: str = "default",
    stored_hash: bytes | None = None,
) -> bytes:
    """Compress to the best quality within a rate or size, or the lowest that reaches a PSNR.

    Args:
        codec: the codec to use.
        image: as for `Codec.compress`.
        bpp: upper bound on bits per pixel of the whole file.
        psnr: lower bound on the PSNR of the pixels in dB (over all channels but alpha).
        max_bytes: upper bound on the size of the whole file.
        effort: as for `Codec.compress`; the search itself never uses "max".
        stored_hash: as for `Codec.compress`; it counts.

    Raises:
        ValueError: not exactly one target, or one that is not positive.
        TargetUnreachableError: no quality from 1 to 100 meets it.
    """
    targets = [t for t in (bpp, psnr, max_bytes) if t is not None]
    if len(targets) != 1 or not targets[0] > 0:
        raise ValueError("give exactly one positive target: bpp, psnr or max_bytes")
    search_effort = "default" if effort == "max" else effort

    def at(quality: int, effort: str = search_effort) -> bytes:
        return codec.compress(image, quality, effort=effort, stored_hash=stored_hash)

    if psnr is not None:
        target = psnr
        quality = _first(lambda q: _psnr(codec, image, at(q)) >= target)
        if quality is None:
            raise TargetUnreachableError(f"even quality 100 stays below {psnr:g} dB")
        for refined in range(quality, 101) if effort == "max" else ():
            data = at(refined, effort)
            if _psnr(codec, image, data) >= target:  # it saves bits, for a little distortion
                return data
        return at(quality)
    limit = max_bytes if max_bytes is not None else (bpp or 0) * image.width * image.height / 8
    above = _first(lambda q: len(at(q)) > limit)
    for quality in range((above or 101) - 1, 0, -1):
        data = at(quality, effort)
        if len(data) <= limit:
            return data
    raise TargetUnreachableError(
        f"even quality 1 takes {len(at(1))} bytes, the target allows {math.floor(limit)}"
    )


def _first(holds: Callable[[int], bool]) -> int | None:
    """Lowest quality from which a monotone condition holds, by bisection."""
    low, high = 1, 101
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low if low <= 100 else None


def _psnr(codec: Codec, image: Image.Image, data: bytes) -> float:
    original = Picture.from_image(image).pixels
    decoded = Picture.from_image(codec.decompress(data)).pixels
    peak = 65535 if original.mode == "I;16" else 255
    total, samples = 0.0, 0
    for top in range(0, original.height, _BAND):  # of a large image, never all as floats
        box = (0, top, original.width, min(top + _BAND, original.height))
        a, b = (np.asarray(part.crop(box), dtype=np.float32) for part in (original, decoded))
        total += float(np.square(a - b).sum(dtype=np.float64))
        samples += a.size
    mse = total / samples
    return math.inf if mse == 0 else 10 * math.log10(peak**2 / mse)
