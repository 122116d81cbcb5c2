"""What lies over a photograph: bars at its edges, and patches of one colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from aecodec.hashing.verify.windows import STRIDE, WINDOW

Array = npt.NDArray[Any]

_NEAR = 0.06  # colours that count as one
_BAR, _STRIP = 0.25, 0.5  # of a side, at most; and of its windows, that must be odd
_LEAST_PATCH, _PATCH = 0.004, 0.08  # of the area, that something lies over in one place


def bars(part: Array, seen: Array, strange: Array) -> Array:
    """bool (S, S): strips at the edges that are strange throughout, and mostly of one colour, be
    there text or not, in one of the two.
    """
    side = part.shape[-1]
    found = np.zeros((side, side), bool)
    for quarter in range(4):
        odd_rows = np.rot90(strange, quarter).mean(1) > _STRIP
        count = len(odd_rows) if odd_rows.all() else int(odd_rows.argmin())
        height = (count - 1) * STRIDE + WINDOW
        if count == 0 or height > _BAR * side:
            continue
        for picture in (part, seen):
            strip = np.rot90(picture, quarter, (1, 2))[:, : count * STRIDE]
            colour = np.median(strip, axis=(1, 2))[:, None, None]
            if (np.abs(strip - colour).max(0) < _NEAR).mean() > 0.45:
                np.rot90(found, quarter)[:height] = True
    return found


def patches(
    part: Array, seen: Array, rest: Array, strange: Array, reach: int = 2, merging: bool = False
) -> Array:
    """bool (S, S): places of one colour in one of the two, set off from what is around them.

    Args:
        part, seen: pictures (3, S, S).
        rest: what is left, squared, (S, S).
        strange: windows in which that is much.
        reach: pixels that their edges are blurred by.
        merging: they may be of the colour that is around them, too.
    """
    side = part.shape[-1]
    found = np.zeros((side, side), bool)
    places, _ = ndimage.label(ndimage.binary_fill_holes(strange), np.ones((3, 3)))
    for rows, columns in ndimage.find_objects(places):
        box = tuple(
            slice(windows.start * STRIDE, (windows.stop - 1) * STRIDE + WINDOW)
            for windows in (rows, columns)
        )
        differing = rest[box] > 0.1**2
        # Opened, it is less.
        if differing.sum() > _LEAST_PATCH * side**2:
            differing = ndimage.binary_opening(differing)
        if not _LEAST_PATCH * side**2 < differing.sum() < _PATCH * side**2:
            continue
        inner = [one[:, box[0], box[1]][:, differing] for one in (part, seen)]
        for picture, own, others in ((part, *inner), (seen, *inner[::-1])):
            colour = np.median(own, axis=1)[:, None]
            if (np.abs(others - colour).max(0) < _NEAR).mean() >= 0.25:
                continue
            if merging and (np.abs(own - colour).max(0) < _NEAR).mean() > 0.85:
                patch = np.zeros_like(found)
                patch[box] = differing
                found |= ndimage.binary_dilation(patch, iterations=3)
                break
            # All that hangs together in this colour: a button ends, a sky goes on.
            pieces, _ = ndimage.label(np.abs(picture - colour[:, :, None]).max(0) < _NEAR)
            number = np.bincount(pieces[box][differing]).argmax()
            patch = pieces == number
            if number == 0 or patch.sum() >= _PATCH * side**2:
                continue
            # With its edges, which small copies blur.
            outer = tuple(slice(max(0, one.start - reach), one.stop + reach) for one in box)
            grown = ndimage.binary_dilation(patch[outer], iterations=reach)
            top, left = (one.start - wide.start for one, wide in zip(box, outer, strict=True))
            height, width = differing.shape
            if grown[top : top + height, left : left + width][differing].mean() > 0.85:
                found |= ndimage.binary_dilation(patch, iterations=3)
                break
    return found
