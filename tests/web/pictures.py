"""Files of all modes and many qualities, for the decoder in JavaScript to be compared on."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
from PIL import Image, ImageCms

from aecodec.codec.codec import Codec
from tests.codec.conformance import photo_and_drawing
from tests.pictures import photograph, shaded_drawing

_QUALITIES = (1, 15, 35, 50, 65, 85, 100)
_ODD_SIZES = ((1, 1), (16, 16), (17, 33), (97, 61), (150, 40))


def rgba() -> bytes:
    """One with alpha, 120 x 90."""
    return Codec("cpu", runtime="onnx").compress(_rgba(), 60, effort="fast")


def files() -> Iterator[tuple[str, bytes]]:
    """Name and contents of each."""
    balanced, psnr = (Codec("cpu", name, "onnx") for name in ("codec-balanced", "codec-psnr"))
    cat = photograph("chelsea")
    coffee = photograph("coffee")
    face = _face()
    ramp = Image.linear_gradient("L").resize(face.size)
    grey = photograph("coins").crop((30, 20, 141, 110))
    deep = Image.fromarray((np.asarray(grey).astype("<u2") * 201 + 3000).astype("<u2"))
    alpha = _rgba()
    drawn = photo_and_drawing(cat)

    def write(image: Image.Image, quality: int = 50, codec: Codec = balanced, **how: bool) -> bytes:
        return codec.compress(image, quality, effort="fast", **how)

    for quality in _QUALITIES:
        yield f"rgb-{quality}", write(face, quality)
        yield f"rgb-psnr-{quality}", write(coffee.crop((200, 100, 296, 180)), quality, psnr)
    for width, height in _ODD_SIZES:
        yield f"rgb-{width}x{height}", write(cat.crop((140, 60, 140 + width, 60 + height)), 70)
    with patch("aecodec.codec.tiling.TILE", 32):
        yield "rgb-tiles", write(coffee.resize((590, 70)), 45)
        yield "rgb-tiles-lossless", write(coffee.resize((70, 590)), lossless=True)
    yield "rgb-drawn-20", write(drawn, 20)
    yield "rgb-drawn-90", write(drawn, 90, psnr)
    yield "rgb-few-colours", write(shaded_drawing(), 20)
    yield "rgb-lossless", write(face, lossless=True)
    yield "rgba-30", write(alpha, 30)
    yield "rgba-90", write(alpha, 90, psnr)
    yield "rgba-lossless", write(alpha, lossless=True)
    yield "grey-10", write(grey, 10)
    yield "grey-80", write(grey, 80, psnr)
    yield "grey-lossless", write(grey, lossless=True)
    yield "grey-alpha", write(Image.merge("LA", (grey, ramp.resize(grey.size))), 60)
    yield "grey-16-40", write(deep, 40)
    yield "grey-16-95", write(deep, 95, psnr)
    yield "grey-16-lossless", write(deep, lossless=True)
    face.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield "rgb-icc", write(face, 55)


def _face() -> Image.Image:
    return photograph("chelsea").crop((130, 40, 250, 130))


def _rgba() -> Image.Image:
    face = _face()
    return Image.merge("RGBA", (*face.split(), Image.linear_gradient("L").resize(face.size)))
