"""Noisy copies of images, as 8-bit or 16-bit files hold them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from PIL import Image
from torch import Generator, Tensor

from aecodec.images import Picture
from aecodec.nn.pixels import read_area, write_tile
from aecodec.nn.tiling import windows

STRIDE = 16  # JPEG's blocks with subsampled colour: tiles meet where blocks do
TILE = 96


def corrupt(
    image: Image.Image, process: Callable[[Tensor, Generator], Tensor], seed: int
) -> Image.Image:
    """A noisy copy; alpha and metadata are kept, orientation is applied.

    Args:
        image: any mode and size that `aecodec.images.Picture.from_image` takes. A grey one stays
            grey.
        process: from `aecodec.nn.noise`, with its level fixed: (1, C, H, W) in
            [0, 1] and a generator to the noisy copy. Large images come in tiles.
        seed: of the generator.

    Raises:
        UnsupportedImageError: empty, too large, or an unusual mode.
    """
    picture = Picture.from_image(image)
    pixels = picture.pixels
    noisy = Image.new(pixels.mode, pixels.size)
    generator = Generator().manual_seed(seed)
    rows, columns = -(-pixels.height // STRIDE), -(-pixels.width // STRIDE)
    for window in windows(rows, columns, TILE, 0):
        x = torch.from_numpy(read_area(pixels, window.outer, STRIDE))
        if pixels.mode != "RGB":
            x = x[:, :1]
        with torch.inference_mode():
            spoilt = process(x, generator).expand(-1, 3, -1, -1)
            write_tile(noisy, window, spoilt.numpy(), STRIDE)
    return Picture(noisy, picture.alpha, picture.metadata).to_image()
