"""A picture that is looked for: more is known of it than its code.

What is stored of a picture is one code, of the whole of it. A query may be a piece of one, or
have a frame; so it is looked for in several views, as it is, grown by its own mirror image (what
was cut off is often like what is next to it) and without its margin. And a bit whose number is
near 0 might as well have been the other one, so that it counts little where it differs: Gordo
et al., "Asymmetric distances for binary embeddings" (2014, IEEE TPAMI 36). What is nearest by
then is compared with the query itself, by its small copy: a piece of a picture fits into it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.hashing.backends.base import CodeIndex, Codes, Distances, Ids
from aecodec.hashing.copies import CopiesOf, small_copy, stacked
from aecodec.hashing.database import Entry
from aecodec.hashing.duplicates import Match
from aecodec.hashing.parts import template_match
from aecodec.hashing.picture import Preview
from aecodec.nn.arrays import AnyArray

SHORTLIST = 100
"""Of so many codes that are nearest to a view by Hamming distance, the order is found anew; and
of so many that are then nearest, the small copies are looked at."""

_GROWN = (1 / 6, 1 / 3)  # of a side, at each end: what crops to 75 and to 60 % lack
_MARGIN = 0.1
_UNRELATED = 0.7  # correlation that parts of any two pictures may have


def query_views(small: Preview, side: int) -> list[npt.NDArray[np.uint8]]:
    """Squares uint8 (side, side, 3) to look for; the first is the picture as it is."""
    width, height = small.image.size
    pixels = np.asarray(small.image)
    views = [small.image]
    for share in _GROWN:
        across, down = round(share * width), round(share * height)
        grown = np.pad(pixels, ((down, down), (across, across), (0, 0)), mode="symmetric")
        views.append(Image.fromarray(grown))
    margins = _MARGIN * width, _MARGIN * height
    inside = margins[0], margins[1], width - margins[0], height - margins[1]
    box = Image.Resampling.BOX
    squares = [view.resize((side, side), box) for view in views]
    squares.append(small.image.resize((side, side), box, box=inside))
    return [np.asarray(square) for square in squares]


def distances(
    logits: npt.NDArray[np.float32], codes: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """How far codes are from the nearest view of a query.

    Args:
        logits: (views, bits), whose signs are the views' codes; see `Hasher.logits`.
        codes: (N, bits / 8).

    Returns:
        Hamming distances (N,), and asymmetric ones, float32 (N,): bits that differ, each weighted
        by the size of its number, the weights of a view 1 on average. Both are 0 to bits.
    """
    stored = np.unpackbits(codes, axis=1)
    hamming, weighted = [], []
    for view in logits:
        different = stored != (view >= 0)
        size = np.abs(view)
        hamming.append(different.sum(1))
        weighted.append(different @ (size / (size.mean() or 1)))
    return np.min(hamming, axis=0), np.min(weighted, axis=0)


def rerank(
    distance: npt.NDArray[np.float32],
    query: Preview,
    widths: AnyArray,
    copies_of: CopiesOf,
) -> npt.NDArray[np.float32]:
    """Distances that are small, too, where the query fits into the picture.

    Args:
        distance: asymmetric distances (N,).
        query: as it is.
        widths: of the pictures, by their heights, (N,).
        copies_of: small copies by positions among the N.

    Returns:
        float32 (N,): the distance, times 0.35 where it does not fit, falling to 0.05 where
        it fits exactly.
    """
    nearest = np.argsort(distance, kind="stable")[:SHORTLIST].tolist()
    known = copies_of(nearest)
    rows = list(known)
    own, wide = small_copy(query.image), query.width / query.height
    fit = np.full(len(distance), _UNRELATED, np.float32)
    fit[rows] = template_match(own, wide, stacked(known.values()), widths[rows])
    return distance * (1.05 - fit.clip(_UNRELATED, 1))


# ---- answers -----------------------------------------------------------------------------


def check_range(k: int | None, radius: int | None) -> None:
    """Raise ValueError unless one of them is given, and both are possible."""
    if (k is None and radius is None) or (k is not None and k < 1) or (radius or 0) < 0:
        raise ValueError("k must be positive, radius not negative, and one of them given")


def near(
    index: CodeIndex, codes: Codes, k: int | None, radius: int | None
) -> tuple[Distances, Ids]:
    """Distances and ids of the k nearest of each code (N, bits / 8), or of all within the
    radius.
    """
    if radius is None:
        assert k is not None
        far, ids = index.search(codes, int(k))
        return far.ravel(), ids.ravel()
    parts = index.range_search(codes, min(radius, 8 * codes.shape[1]))
    return np.concatenate([d for d, _ in parts]), np.concatenate([i for _, i in parts])


def in_order(
    entries: Sequence[Entry],
    logits: npt.NDArray[np.float32],
    query: Preview,
    copies_of: CopiesOf,
) -> list[Match]:
    """What was found, most alike first.

    Args:
        entries: of images.
        logits: of the query's views (views, bits).
        query: as it is.
        copies_of: small copies by the ids of images.
    """
    if not entries:
        return []

    def of_rows(rows: Sequence[int]) -> dict[int, bytes]:
        known = copies_of([entries[row].id for row in rows])
        return {row: known[entries[row].id] for row in rows if entries[row].id in known}

    length = logits.shape[1] // 8
    codes = np.stack([np.frombuffer(entry.code, np.uint8)[:length] for entry in entries])
    hamming, weighted = distances(logits, codes)
    widths = np.array([entry.width / entry.height for entry in entries])
    distance = rerank(weighted, query, widths, of_rows)
    order = sorted(range(len(entries)), key=lambda i: (distance[i], entries[i].path))
    return [Match(entries[i], int(hamming[i])) for i in order]
