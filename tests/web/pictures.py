"""Files of all modes and many qualities, for the decoder in JavaScript to be compared on."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import skimage.data
from PIL import Image, ImageCms, ImageDraw, ImageFont

from aecodec.codec.codec import Codec

_QUALITIES = (1, 15, 35, 50, 65, 85, 100)
_ODD_SIZES = ((1, 1), (16, 16), (17, 33), (97, 61), (150, 40))


def rgba() -> bytes:
    """One with alpha, 120 x 90."""
    return Codec("cpu", runtime="onnx").compress(_rgba(), 60, effort="fast")


def files() -> Iterator[tuple[str, bytes]]:
    """Name and contents of each."""
    balanced, psnr = (Codec("cpu", name, "onnx") for name in ("codec-balanced", "codec-psnr"))
    cat = Image.fromarray(skimage.data.chelsea())
    coffee = Image.fromarray(skimage.data.coffee())
    face = _face()
    ramp = Image.linear_gradient("L").resize(face.size)
    grey = Image.fromarray(skimage.data.coins()).crop((30, 20, 141, 110))
    deep = Image.fromarray((np.asarray(grey).astype("<u2") * 201 + 3000).astype("<u2"))
    alpha = _rgba()
    drawn = _drawn(face)

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
    yield "rgb-few-colours", write(_shaded(), 20)
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
    return Image.fromarray(skimage.data.chelsea()).crop((130, 40, 250, 130))


def _rgba() -> Image.Image:
    face = _face()
    return Image.merge("RGBA", (*face.split(), Image.linear_gradient("L").resize(face.size)))


def _drawn(photo: Image.Image) -> Image.Image:
    """A photo with a drawing beside it."""
    image = Image.new("RGB", (224, 90), "white")
    image.paste(photo, (0, 0))
    pen = ImageDraw.Draw(image)
    for k in range(8):
        pen.line((130, 6 + 11 * k, 220, 84 - 10 * k), fill=(200, 20 * k, 40))
    pen.text((140, 40), "a drawing", fill="black")
    return image


def _shaded() -> Image.Image:
    """A ring with smoothed edges, of hundreds of shades."""
    image = Image.new("RGB", (1280, 896), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((200, 100, 1000, 800), outline=(20, 90, 200), width=40)
    pen.line((0, 0, 1280, 896), fill=(10, 120, 30), width=9)
    pen.text((40, 500), "axis of numbers", font=ImageFont.load_default(90), fill=(50, 50, 50))
    return image.resize((320, 224), Image.Resampling.LANCZOS)
