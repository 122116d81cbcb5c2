"""What differs between two pictures, where one lies in the other."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image

from aecodec.hashing.verify import align
from aecodec.hashing.verify.align import squares
from aecodec.hashing.verify.larger import SMALL
from aecodec.hashing.verify.verdict import explain_pairs

_GAIN = 3  # so that what is faint is seen


@torch.inference_mode()
def difference(a: Image.Image, b: Image.Image) -> Image.Image:
    """Three times the absolute difference of two RGB pictures, of the proportions of the part.

    Where nothing of one lies in the other, they are laid over each other as they are.
    """
    (verdict,) = explain_pairs([(a, b)])
    images = (b, a) if verdict.piece == "b" else (a, b)
    part, whole = (squares([image], SMALL) for image in images)
    maps = torch.tensor([verdict.maps]) if verdict.maps else torch.eye(2, 3)[None]
    apart = (part - align.warp(whole, maps)).abs() * align.inside(maps, SMALL)[:, None]
    levels = (apart[0] * _GAIN * 255).clamp(0, 255).permute(1, 2, 0).numpy().astype(np.uint8)
    width, height = images[0].size
    scale = SMALL / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Image.fromarray(levels).resize(size, Image.Resampling.BILINEAR)


def webp_difference(a: bytes, b: bytes) -> bytes:
    """The same of two image files in memory, as a WebP file."""
    buffer = io.BytesIO()
    first, second = (Image.open(io.BytesIO(data)).convert("RGB") for data in (a, b))
    difference(first, second).save(buffer, format="WEBP", quality=60)
    return buffer.getvalue()
