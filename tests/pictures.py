"""Pictures for tests, files of them, and what is done to them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image

Pair = tuple[int, int]


def photograph(name: str) -> Image.Image:
    """One of those in scikit-image's wheel."""
    return Image.fromarray(getattr(skimage.data, name)())


def save_photographs(folder: Path, *names: str) -> Path:
    """Files of some of them; the folder."""
    folder.mkdir(exist_ok=True)
    for name in names:
        photograph(name).save(folder / f"{name}.png")
    return folder


def save_pieces(
    picture: Image.Image, folder: Path, *, grid: Pair, step: Pair, size: Pair, scale: int = 1
) -> Path:
    """Files of pieces of a picture, numbered row by row; the folder.

    Args:
        grid: how many across and down.
        step: pixels from one to the next.
        size: pixels of a piece, which is then enlarged by `scale`.
    """
    folder.mkdir()
    for number in range(grid[0] * grid[1]):
        left, top = number % grid[0] * step[0], number // grid[0] * step[1]
        piece = picture.crop((left, top, left + size[0], top + size[1]))
        enlarged = piece.resize((scale * size[0], scale * size[1]))
        enlarged.save(folder / f"{number}.png", compress_level=1)
    return folder


def through_jpeg(image: Image.Image, quality: int) -> Image.Image:
    """As it comes back from a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def to_tensor(image: Image.Image) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
