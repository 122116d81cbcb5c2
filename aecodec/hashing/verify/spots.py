"""One place in which two pictures differ that lie on each other as they are.

A cell of a spreadsheet, a chess man, a small object in a photograph: thumbnails hardly show these,
and the judge lets a few odd windows pass. Compression, scaling, blur and noise leave something
wherever there is structure. So what is left at up to 1,024 pixels a side is divided by the edges
that are there, and the greatest of it is compared with that of the rest of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy import ndimage

from aecodec.hashing.verify.decide import Verdict
from aecodec.hashing.verify.each import each
from aecodec.hashing.verify.tones import COLOURLESS, apart, left_of

Array = npt.NDArray[Any]
Pair = tuple[Image.Image, Image.Image]

ONE_PLACE = "they differ in one place"
"""Why they are not the same."""

_LEAST, _MOST = 128, 1024  # pixels, of the longer side of what is compared
_BLOCK, _BLURRED = 8, 2  # pixels: a side of blocks, and what is averaged around each pixel
_FLOOR, _EDGES = 7.5, 0.25
"""Levels that are left anywhere, and share of the edges' heights: what is left is divided by both.
"""
_GREAT, _LEVELS, _LEVELS_ALONE = 2.0, 46, 36
"""The least of that, and of levels, that speaks against pictures; and of levels where no other
place has nearly as much (another amount on a receipt has 41, alterations have up to 44 in several).
"""
_NOWHERE = (_LEVELS_ALONE - 5) // 2
"""Levels by which a picture may differ anywhere, so that no curve leaves `_LEVELS_ALONE`: it moves
levels by no more than this, but for the width of a bin.
"""
# By how much the greatest is above 97 % of the rest. Of 70 training photos in 26 alterations the
# most was 5.5, where 42 levels were left in one place; of 82 pairs that differ in one place and had
# been called the same the least was 6.4, and with JPEG 60 for one of the two 5, of 46 levels.
_FAR, _SHARE, _LEAST_LEFT = 4.8, 0.97, 0.25
_STRONG = 0.35  # of the greatest, which a place hangs together by
_PLACE = 0.15  # of the area, at most, that is one place
_FEW = 0.01  # of blocks with edges: there are hardly any, and all count
_NEAR, _SURELY = 0.15, 1e-6  # how far maps may be from those of whole pictures, and are not
_PROPORTIONS = 0.02  # by which widths through heights may differ then
_ONE_COLOUR, _OTHER, _BAR, _DEEP = 0.85, 0.25, 0.45, 0.3
_SHALLOW, _LESS = 0.25, 0.15  # of a side, that a bar takes; and of its pixels
_LIKE = 15  # levels, up to which colours count as one
_COVERS = 6  # things that lie over a picture, at most


def unless_in_a_place(pairs: Sequence[Pair], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts on pairs of RGB pictures, but those that differ in one place are not the same."""

    def checked(n: int) -> Verdict:
        if not lies_as_it_is(verdicts[n]) or not differ_in_a_place(*pairs[n], verdicts[n]):
            return verdicts[n]
        return replace(verdicts[n], same=False, reason=ONE_PLACE, sure=True)

    return list(each(checked, range(len(verdicts))))


def lies_as_it_is(verdict: Verdict) -> bool:
    """Whether pictures are the same, and one shows all of the other, be it turned or mirrored."""
    if not verdict.same or verdict.maps is None or verdict.barred:
        return False
    maps = np.array(verdict.maps)
    return bool(np.abs(maps - _whole(maps)).max() < _NEAR)


def differ_in_a_place(a: Image.Image, b: Image.Image, verdict: Verdict) -> bool:
    """Whether RGB pictures that are the same otherwise do.

    Args:
        a, b: of any size, the larger the more is seen.
        verdict: for which `lies_as_it_is`.
    """
    part, whole = (a, b) if verdict.piece == "a" else (b, a)
    maps = np.array(verdict.maps)
    whole = _turned(whole, _whole(maps))
    if np.abs(maps - _whole(maps)).max() > _SURELY:
        # An object drew the map away from where all else lies, perhaps.
        shapes = part.width / part.height, whole.width / whole.height
        if abs(shapes[0] / shapes[1] - 1) > _PROPORTIONS:
            return False
    x, y = _channels(part, whole)
    if apart(x, y).max() <= _NOWHERE:
        return False
    edges = np.maximum(_edges(x), _edges(y))
    scale, structure = _FLOOR + _EDGES * edges, _blocks(edges)
    everywhere = np.ones(scale.shape, bool)
    # No curve brings back what is clipped in one of the two: either way will do.
    ways = ((x, y), (y, x))
    lefts = [left_of(*way, everywhere) for way in ways]
    suspect = _suspect(x, y, np.maximum(*lefts), scale)
    cover = (x, y) if "covered" in verdict.reason else None
    return all(
        _is_in_a_place(left_of(*way, ~suspect) if suspect.any() else left, scale, structure, cover)
        for way, left in zip(ways, lefts, strict=True)
    )


def _whole(maps: Array) -> Array:
    """The map of one whole picture to another that is nearest."""
    found = np.zeros((2, 3))
    swapped = abs(maps[0, 1]) > abs(maps[0, 0])
    for row in (0, 1):
        column = 1 - row if swapped else row
        found[row, column] = 1 if maps[row, column] > 0 else -1
    return found


def _turned(whole: Image.Image, maps: Array) -> Image.Image:
    across, down = maps[:, :2].sum(1)
    if across < 0:
        whole = whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if down < 0:
        whole = whole.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return whole.transpose(Image.Transpose.TRANSPOSE) if maps[0, 1] else whole


def _channels(a: Image.Image, b: Image.Image) -> tuple[Array, Array]:
    """A little blurred, of one size: uint8 (C, H, W)."""
    size = min(a.width, b.width), min(a.height, b.height)
    longest = max(size)
    scale = max(_LEAST, min(_MOST, longest)) / longest
    size = max(_BLOCK, round(size[0] * scale)), max(_BLOCK, round(size[1] * scale))
    some = [i if i.size == size else i.resize(size, Image.Resampling.BILINEAR) for i in (a, b)]
    if any(_is_grey(one) for one in some):
        some = [one.convert("L") for one in some]
    blur = ImageFilter.BoxBlur(_BLURRED)
    first, second = (
        np.stack([np.asarray(channel) for channel in one.filter(blur).split()]) for one in some
    )
    return first, second


def _is_grey(picture: Image.Image) -> bool:
    pixels = np.asarray(picture)[::4, ::4].astype(np.int16)
    return float((pixels.max(2) - pixels.min(2)).mean()) < COLOURLESS


def _edges(x: Array) -> Array:
    """Heights of edges, across and down: float32 (H, W)."""
    found = np.zeros(x.shape[1:], np.float32)
    found[:, 1:-1] += apart(x[:, :, 2:], x[:, :, :-2]).max(0)
    found[1:-1] += apart(x[:, 2:], x[:, :-2]).max(0)
    return found


def _suspect(x: Array, y: Array, left: Array, scale: Array) -> Array:
    """bool (H, W): what may be the place that differs, and so says nothing of curves; by what is
    left where all does.
    """
    blocks, as_it_is = _blocks(left / scale), _blocks(apart(x, y).max(0) / scale)
    # A curve may have been bent by the place, a face of one colour: where little was done to
    # colours, none is needed to find it.
    if np.quantile(as_it_is, 0.9) < np.quantile(blocks, 0.9) + 0.5:
        blocks = as_it_is
    strong = _grown(blocks > _STRONG * blocks.max())
    found = np.zeros(scale.shape, bool)
    if strong.mean() < _PLACE:
        _paint(found, strong)
    return found


def _is_in_a_place(
    left: Array, scale: Array, structure: Array, cover: tuple[Array, Array] | None
) -> bool:
    """Whether levels that are left (H, W) are much greater in one place than elsewhere; with the
    two pictures `cover`, things that lie over one of them are passed over.
    """
    blocks, levels = _blocks(left / scale), _blocks(left)
    used = structure > _FLOOR
    used = used if used.mean() > _FEW else np.ones_like(used)
    for _ in range(_COVERS):
        greatest = np.unravel_index(blocks.argmax(), blocks.shape)
        top = blocks[greatest]
        if top < _GREAT or levels[greatest] < _LEVELS_ALONE:
            return False
        places, _ = ndimage.label(_grown(blocks > _STRONG * top), np.ones((3, 3)))
        own = places == places[greatest]
        (box,) = ndimage.find_objects(own.astype(int))
        rest = np.ones_like(own)
        if own[box].size < _PLACE * own.size:
            rest[box] = False
        alone = not (blocks[rest] > _STRONG * top).any()
        if not alone and levels[greatest] < _LEVELS:
            return False
        if cover is None or not _lies_over(*cover, left, own, box):
            others = blocks[rest & used]
            others = others if len(others) > 8 else blocks[rest]
            return bool(top > _FAR * max(float(np.quantile(others, _SHARE)), _LEAST_LEFT))
        blocks[box] = 0
    return False


def _lies_over(x: Array, y: Array, left: Array, own: Array, box: tuple[slice, ...]) -> bool:
    """Whether what differs in some blocks is a bar along an edge of the picture, or of one colour,
    in one of two pictures, and not in the other.
    """
    area = np.zeros(left.shape, bool)
    _paint(area, own)
    part = tuple(slice(s.start * _BLOCK, s.stop * _BLOCK) for s in box)
    differing = (area & (left >= _LEVELS_ALONE))[part]
    inner = ndimage.binary_erosion(differing, iterations=_BLURRED + 1)
    differing = inner if inner.any() else differing
    ends = [(s.start == 0 or s.stop == size) for s, size in zip(box, own.shape, strict=True)]
    shares = [(s.stop - s.start) / size for s, size in zip(box, own.shape, strict=True)]
    bar = any(ends[n] and shares[n] < _DEEP and shares[1 - n] > 0.8 for n in (0, 1))
    if any(_is_bar(x, y, strip) for strip in _strips(part, left.shape)):
        return True
    x, y = (one[:, part[0], part[1]] for one in (x, y))
    x, y = (one.reshape(len(one), -1) if bar else one[:, differing] for one in (x, y))
    for one, other in ((x, y), (y, x)):
        colour = np.median(one, axis=1)[:, None]
        of_one, of_other = (_share(pixels, colour) for pixels in (one, other))
        plain = _share(other, np.median(other, axis=1)[:, None]) > _ONE_COLOUR
        if of_one > (_BAR if bar else _ONE_COLOUR) and of_other < _OTHER and not plain:
            return True
    return False


def _strips(part: tuple[slice, ...], shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """From an edge to the far end of a place near it, all across."""
    found = []
    for axis, size in enumerate(shape):
        for strip in (slice(0, part[axis].stop), slice(part[axis].start, size)):
            if strip.stop - strip.start < _SHALLOW * size:
                found.append((strip, slice(None)) if axis == 0 else (slice(None), strip))
    return found


def _is_bar(x: Array, y: Array, strip: tuple[slice, slice]) -> bool:
    """Whether a strip is mostly of one colour in one picture, and less so in the other: a bar with
    text over a dark photograph, of which little but the text differs.
    """
    some = [one[:, strip[0], strip[1]].reshape(len(one), -1) for one in (x, y)]
    for one, other in (some, some[::-1]):
        colour = np.median(one, axis=1)[:, None]
        of_one, of_other = (_share(pixels, colour) for pixels in (one, other))
        if of_one > _BAR and of_other < of_one - _LESS:
            return True
    return False


def _share(pixels: Array, colour: Array) -> float:
    return float((np.abs(pixels - colour).max(0) < _LIKE).mean())


def _grown(blocks: Array) -> Array:
    found: Array = ndimage.binary_dilation(blocks, np.ones((3, 3)))
    return found


def _paint(area: Array, blocks: Array) -> None:
    pixels = blocks.repeat(_BLOCK, 0).repeat(_BLOCK, 1)
    area[: pixels.shape[0], : pixels.shape[1]] |= pixels


def _blocks(values: Array) -> Array:
    """The greatest of each block."""
    height, width = (size // _BLOCK * _BLOCK for size in values.shape)
    rows = values[:height, :width].reshape(height // _BLOCK, _BLOCK, -1).max(1)
    found: Array = rows.reshape(len(rows), -1, _BLOCK).max(2)
    return found
