"""Pictures for tests, files of them, and what is done to them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageFont

Pair = tuple[int, int]


def photograph(name: str) -> Image.Image:
    """One of those in scikit-image's wheel."""
    return Image.fromarray(getattr(skimage.data, name)())


def save_photographs(folder: Path, *names: str, scale: float = 1) -> Path:
    """Files of some of them, smaller if wanted; the folder."""
    for name in names:
        whole = photograph(name)
        size = (round(scale * whole.width), round(scale * whole.height))
        whole.resize(size).save(folder / f"{name}.png")
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


def shaded_drawing() -> Image.Image:
    """A ring with smoothed edges in two colours, and a red dot: hundreds of shades; 320x224."""
    image = Image.new("RGB", (1280, 896), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((200, 100, 1000, 800), outline=(20, 90, 200), width=40)
    pen.line((0, 0, 1280, 896), fill=(10, 120, 30), width=9)
    pen.text((40, 500), "axis of numbers", font=ImageFont.load_default(90), fill=(50, 50, 50))
    pen.ellipse((1100, 60, 1112, 72), fill=(230, 30, 20))
    return image.resize((320, 224), Image.Resampling.LANCZOS)


def game() -> Image.Image:
    """Tiles with textures, each there many times: 320x256."""
    rng = np.random.default_rng(5)
    tiles = []
    for number in range(10):
        tile = rng.integers(40, 216, 3) + rng.integers(-30, 31, (16, 16, 1))
        if number % 3 == 0:
            tile[rng.random((16, 16)) < 0.2] = rng.integers(0, 256, 3)
        tiles.append(tile)
    which = rng.integers(0, 10, (16, 20))
    rows = [np.concatenate([tiles[n] for n in row], axis=1) for row in which.tolist()]
    return Image.fromarray(np.concatenate(rows).clip(0, 255).astype(np.uint8))
