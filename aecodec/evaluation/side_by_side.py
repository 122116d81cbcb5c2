"""A picture that lets the eye compare codecs at the same rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aecodec.evaluation.metrics import bits_per_pixel, psnr

COLUMN = 360  # width of a column in pixels
ZOOM = 3  # a crop shows each pixel this large
GAP = 12
CAPTION_LINE = 22
MARK = (255, 60, 60)


def caption(
    codec: str, data: bytes, original: Image.Image, decoded: Image.Image
) -> tuple[str, str]:
    """Two lines for below a picture: the codec and its bytes, then bpp and PSNR."""
    bpp = bits_per_pixel(data, original.size)
    quality = psnr(original, decoded)
    return f"{codec}: {len(data):,} bytes", f"{bpp:.3f} bpp, {quality:.2f} dB PSNR"


def worst_window(
    original: Image.Image, decoded: Sequence[Image.Image], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) where the decoded pictures together err most.

    Chosen by the sum of all their squared errors, so that it favours none of them.

    Args:
        original: RGB.
        decoded: RGB pictures of the same size.
        size: (width, height) of the box, at most that of the picture.
    """
    reference = np.asarray(original, dtype=np.float64)
    error = sum(((np.asarray(d, np.float64) - reference) ** 2).sum(axis=2) for d in decoded)
    table = np.pad(np.asarray(error).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    width, height = size
    sums = (
        table[height:, width:]
        - table[:-height, width:]
        - table[height:, :-width]
        + table[:-height, :-width]
    )
    top, left = (int(i) for i in np.unravel_index(sums.argmax(), sums.shape))
    return left, top, left + width, top + height


def _whole(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The picture scaled to a column, with the box marked."""
    scale = COLUMN / picture.width
    size = COLUMN, max(1, round(picture.height * scale))
    small = picture.resize(size, Image.Resampling.LANCZOS)
    ImageDraw.Draw(small).rectangle([round(v * scale) for v in box], outline=MARK, width=2)
    return small


def _zoomed(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    crop = picture.crop(box)
    size = COLUMN, round(crop.height * COLUMN / crop.width)
    return crop.resize(size, Image.Resampling.NEAREST)  # shows the pixels as they are


def side_by_side(
    original: Image.Image,
    decoded: Sequence[Image.Image],
    captions: Sequence[Sequence[str]],
) -> Image.Image:
    """Pictures beside each other, below each a crop at three times its size and a caption.

    The crop, marked in the whole picture, is where the decoded ones together err most.

    Args:
        original: the picture itself.
        decoded: what codecs made of it, of the same size.
        captions: for the original and each of the others, its lines of text, as from `caption`.

    Returns:
        An RGB image; 372 pixels wide for each picture and 12 more.

    Raises:
        ValueError: when sizes differ or there is not a caption for each picture.
    """
    pictures = [p.convert("RGB") for p in (original, *decoded)]
    if len({p.size for p in pictures}) != 1 or len(captions) != len(pictures):
        raise ValueError("need pictures of one size and a caption for each")
    width = min(COLUMN // ZOOM, original.width)
    box = worst_window(
        pictures[0], pictures[1:], (width, min(max(1, width * 2 // 3), original.height))
    )
    columns = [[_whole(p, box), _zoomed(p, box)] for p in pictures]
    below = sum(part.height + GAP for part in columns[0]) + GAP
    height = below + CAPTION_LINE * max(len(lines) for lines in captions) + GAP
    sheet = Image.new("RGB", (len(pictures) * (COLUMN + GAP) + GAP, height), "white")
    for i, (parts, lines) in enumerate(zip(columns, captions, strict=True)):
        _paste_column(sheet, GAP + i * (COLUMN + GAP), parts, lines)
    return sheet


def _paste_column(
    sheet: Image.Image, left: int, parts: Sequence[Image.Image], lines: Sequence[str]
) -> None:
    draw = ImageDraw.Draw(sheet)
    top = GAP
    for part in parts:
        sheet.paste(part, (left, top))
        top += part.height + GAP
    for i, line in enumerate(lines):
        font = ImageFont.load_default(17 if i == 0 else 15)
        draw.text(
            (left, top + i * CAPTION_LINE), line, fill="black" if i == 0 else "#444", font=font
        )
