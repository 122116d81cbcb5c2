"""Pictures made pixel by pixel: sprites, dithering, two-dimensional codes and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecodec.training.drawn.colours import Rng, Size, between, chance, one_of, palette
from aecodec.training.drawn.figures import shapes
from aecodec.training.drawn.patterns import gradient


def _enlarged(pixels: NDArray[Any], factor: int, size: Size) -> Image.Image:
    """Each pixel a square, the whole cut to `size`."""
    rows = np.repeat(pixels, factor, axis=0)[: size[1]]
    return Image.fromarray(np.ascontiguousarray(np.repeat(rows, factor, axis=1)[:, : size[0]]))


def _sprite(rng: Rng, side: int, shades: NDArray[Any]) -> NDArray[Any]:
    """(side, side, 3): a figure that is its own mirror image, outlined, on the first colour."""
    half = rng.random((side, (side + 1) // 2)) < rng.uniform(0.3, 0.6)
    if chance(rng, 0.7):  # in one piece rather than scattered
        padded = np.pad(half, 1)
        near = sum(np.roll(padded, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1))
        half = np.asarray(near)[1:-1, 1:-1] > 4
    grain = one_of(rng, (1, 2, 3, 4))  # pixels of one colour in a row
    used = rng.integers(2, len(shades), between(rng, 1, 4))
    blocks = rng.choice(used, (side // grain + 1, side // grain + 1))
    blocks = blocks.repeat(grain, 0).repeat(grain, 1)[: half.shape[0], : half.shape[1]]
    index = np.where(half, blocks, 0)
    whole = np.concatenate([index, index[:, : side // 2][:, ::-1]], axis=1)
    body = np.pad(whole > 0, 1)
    edge = sum(np.roll(body, s, a)[1:-1, 1:-1] for s in (-1, 1) for a in (0, 1))
    whole[(whole == 0) & (np.asarray(edge) > 0)] = 1
    return shades[whole]


def pixel_art(rng: Rng, size: Size) -> Image.Image:
    """Sprites in a grid, one large sprite, or tiles of a game's map, scaled up by nearest."""
    style = one_of(rng, ("primary", "vivid", "pastel", "any", "dark", "grey"))
    shades = np.array(palette(rng, between(rng, 4, 12), style), np.uint8)
    factor, side = between(rng, 1, 16), one_of(rng, (8, 12, 16, 24))
    rows, columns = -(-size[1] // (factor * side)), -(-size[0] // (factor * side))
    kinds = [_sprite(rng, side, shades) for _ in range(between(rng, 1, 8))]
    if chance(rng, 0.4):  # ground of a map: few colours, drawn as texture
        for i in range(len(kinds)):
            pair = shades[[0, 1] if chance(rng, 0.5) else rng.permutation(len(shades))[:2]]
            kinds[i] = pair[(rng.random((side, side)) < rng.uniform(0.02, 0.4)).astype(int)]
    tiles = rng.integers(0, len(kinds), (rows, columns))
    whole = np.stack(kinds)[tiles].transpose(0, 2, 1, 3, 4)
    return _enlarged(whole.reshape(rows * side, columns * side, 3), factor, size)


def _bayer(order: int) -> NDArray[Any]:
    """The threshold matrix of side 2**order, between 0 and 1 (Bayer, 1973)."""
    matrix = np.zeros((1, 1))
    for _ in range(order):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return np.asarray((matrix + 0.5) / matrix.size)


def dithered(rng: Rng, image: Image.Image) -> Image.Image:
    """In few colours: ordered or by error diffusion, in grey levels, primaries or a palette."""
    kind = between(rng, 0, 4)
    if kind <= 1:
        grey = chance(rng, 0.5)
        pixels = np.asarray(image.convert("L" if grey else "RGB"), np.float32) / 255
        matrix, levels = _bayer(between(rng, 1, 3)), between(rng, 1, 4)
        side = len(matrix)
        tiled = np.tile(matrix, (-(-image.height // side), -(-image.width // side)))
        threshold = tiled[: image.height, : image.width]
        spread = np.floor(pixels * levels + (threshold if grey else threshold[..., None]))
        done = (np.minimum(spread, levels) / levels * 255).astype(np.uint8)
        return Image.fromarray(done).convert("RGB")
    if kind == 2:
        return image.convert("L").convert("1").convert("RGB")
    if kind == 3:
        return image.quantize(
            between(rng, 2, 32), method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        ).convert("RGB")
    table = Image.new("P", (1, 1))
    table.putpalette([v for c in palette(rng, between(rng, 2, 16)) for v in c])
    return image.quantize(palette=table, dither=Image.Dither.FLOYDSTEINBERG).convert("RGB")


def dithering(rng: Rng, size: Size) -> Image.Image:
    """Gradients or shapes in few colours; some scaled up by nearest."""
    factor = one_of(rng, (1, 1, 1, 2, 3))
    small = (-(-size[0] // factor), -(-size[1] // factor))
    source = gradient(rng, small) if chance(rng, 0.7) else shapes(rng, small)
    return _enlarged(np.asarray(dithered(rng, source)), factor, size)


def code(rng: Rng, size: Size) -> Image.Image:
    """Like a QR code, with three finder squares; or like a bar code."""
    dark, light = (0, 0, 0), (255, 255, 255)
    if chance(rng, 0.25):
        dark, light = palette(rng, 1, "dark")[0], palette(rng, 1, "pastel")[0]
    shades = np.array([light, dark], np.uint8)
    if chance(rng, 0.25):
        bars = np.repeat(rng.integers(0, 2, size[0]), rng.integers(1, 5, size[0]))[: size[0]]
        cells = np.tile(bars, (size[1], 1))
        cells[: size[1] // 10], cells[-(size[1] // 6) :] = 0, 0
        return Image.fromarray(shades[cells])
    factor = between(rng, 1, max(1, min(size) // 28))
    side = between(rng, 21, max(21, min(90, min(size) // factor - 8)))
    cells = rng.integers(0, 2, (side, side))
    finder = np.pad(np.pad(np.ones((3, 3), int), 1), 1, constant_values=1)
    for top, left in ((0, 0), (0, side - 7), (side - 7, 0)):
        cells[max(0, top - 1) : top + 8, max(0, left - 1) : left + 8] = 0
        cells[top : top + 7, left : left + 7] = finder
    whole = np.pad(cells, 4)
    again = (-(-size[1] // (factor * len(whole))), -(-size[0] // (factor * len(whole))))
    return _enlarged(shades[np.tile(whole, again)], factor, size)


def noise(rng: Rng, size: Size) -> Image.Image:
    """White noise in colour, grey or two colours, in squares on some; or salt and pepper."""
    factor = one_of(rng, (1, 1, 1, 2, 4, 8))
    shape = (-(-size[1] // factor), -(-size[0] // factor))
    kind = between(rng, 0, 4)
    if kind == 0:
        pixels = rng.integers(0, 256, (*shape, 3), np.uint8)
    elif kind == 1:
        pixels = np.repeat(rng.integers(0, 256, (*shape, 1), np.uint8), 3, axis=2)
    elif kind == 2:
        shades = np.array(palette(rng, between(rng, 2, 6)), np.uint8)
        pixels = shades[rng.integers(0, len(shades), shape)]
    elif kind == 3:
        sigma = float(rng.uniform(3, 80))
        middle = np.array(palette(rng, 1)[0], np.float32)
        spread = middle + sigma * rng.standard_normal((*shape, 3), np.float32)
        pixels = np.clip(spread, 0, 255).astype(np.uint8)
    else:
        pixels = np.array(gradient(rng, (shape[1], shape[0])))
        hit, salt = rng.random(shape) < rng.uniform(0.02, 0.5), rng.random(shape) < 0.5
        pixels[hit] = np.where(salt, 255, 0)[hit][:, None]
    return _enlarged(pixels, factor, size)
