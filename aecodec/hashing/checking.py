"""Looking at pairs of indexed images: at their thumbnails, and at the files where those cannot
tell.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.hashing.backends.base import CodeIndex, Codes
from aecodec.hashing.database import Entry
from aecodec.hashing.duplicates import Duplicates, Progress, Rank, group, group_checked
from aecodec.hashing.picture import Preview, preview_of
from aecodec.hashing.verify import Verdict, explain_pairs
from aecodec.images import Picture

LONGEST = 1024
"""Pixels a side, at most, of the copies of files that are compared."""


VERIFY = ("thumbnail", "pixels", "none", "exact")
"""How to make sure: look at thumbnails, and at the files where those cannot tell; at the files
only; not at all; or only call the same what has equal pixels."""

WIDE, _NEARLY_EQUAL = 0.33, 0.1
"""Of the bits, in which codes of candidates may differ; and those of equal pixels, as files
differ.
"""
NEAREST, _LEAST_NEAREST = 32, 4
"""Candidates of an image, at most, and in the largest collections."""
_LOOKS = 400_000  # candidates of all images, about

Thumbnails = Callable[[Sequence[int]], dict[int, bytes]]
Load = Callable[[str], Image.Image]


def find_groups(
    index: CodeIndex,
    entries: Sequence[Entry],
    codes: Codes,
    radius: int | None,
    *,
    verify: str,
    thumbnails: Thumbnails,
    load: Load,
    kept: Collection[int],
    rank: Rank,
    progress: Progress,
) -> Duplicates:
    """Groups of images that are the same; see `ImageIndex.duplicates`.

    Args:
        index, entries, codes, kept, rank, progress: as in `duplicates.group`.
        radius: in bits; None: wide, which only is right where somebody looks.
        verify: one of `VERIFY`.
        thumbnails, load: as in `Checker`.
    """
    bits = index.bits
    if verify == "none":
        limit = bits if radius is None else min(radius, bits)
        found = group(index, entries, codes, limit, kept=kept, rank=rank, progress=progress)
        return Duplicates(found, [])
    check: Checker | ExactChecker
    if verify == "exact":
        check, wide = ExactChecker(load), round(_NEARLY_EQUAL * bits)
    else:
        check, wide = Checker(thumbnails, load, pixels=verify == "pixels"), round(WIDE * bits)
    found = group_checked(
        index,
        entries,
        codes,
        wide if radius is None else min(radius, bits),
        check,
        nearest=max(_LEAST_NEAREST, min(NEAREST, _LOOKS // max(1, len(entries)))),
        kept=kept,
        rank=rank,
        progress=progress,
    )
    return Duplicates(found, check.unclear)


class Checker:
    """A `duplicates.Check` that looks at pictures.

    Args:
        thumbnails: WebP files by the ids of images.
        load: the picture of a file.
        pixels: look at the files, and not at thumbnails first.

    Attributes:
        unclear: (path, other path, why) of pairs that could not be told, since a file could not
            be read; they do not count as the same.
    """

    def __init__(self, thumbnails: Thumbnails, load: Load, *, pixels: bool = False) -> None:
        self._thumbnails, self._load, self._pixels = thumbnails, load, pixels
        self._known: dict[int, Image.Image | None] = {}
        self._file = lru_cache(maxsize=64)(self._read)
        self.unclear: list[tuple[str, str, str]] = []

    def __call__(self, pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        verdicts = [Verdict(False, "", sure=False)] * len(pairs)
        if not self._pixels:
            self._look_up({entry.id for pair in pairs for entry in pair})
            rows, pictures = [], []
            for n, (a, b) in enumerate(pairs):
                first, second = self._known[a.id], self._known[b.id]
                if first is not None and second is not None:
                    rows.append(n)
                    pictures.append((first, second))
            sizes = [(_size(pairs[n][0]), _size(pairs[n][1])) for n in rows]
            for n, verdict in zip(rows, explain_pairs(pictures, sizes=sizes), strict=True):
                verdicts[n] = verdict
        return [
            (verdict.reason if verdict.same else "") if verdict.sure else self._by_files(*pair)
            for verdict, pair in zip(verdicts, pairs, strict=True)
        ]

    def _look_up(self, ids: set[int]) -> None:
        """Those of the pictures at hand that are not known yet; what was known long ago goes."""
        missing = [i for i in ids if i not in self._known]
        found = self._thumbnails(missing)
        for i in missing:
            webp = found.get(i)
            self._known[i] = Image.open(io.BytesIO(webp)).convert("RGB") if webp else None
        for i in list(self._known)[: max(0, len(self._known) - 4096)]:
            if i not in ids:
                del self._known[i]

    def _by_files(self, a: Entry, b: Entry) -> str:
        try:
            verdict = compare_previews(self._file(a.path), self._file(b.path))
            if verdict.reason == EQUAL and not self._equal(a.path, b.path):
                return "compressed again"  # equal only as far as was looked
        except (AecodecError, OSError, MemoryError) as error:
            self.unclear.append((a.path, b.path, str(error)))
            return ""
        return verdict.reason if verdict.same else ""

    def _read(self, path: str) -> Preview:
        return preview_of(self._load(path), LONGEST)

    def _equal(self, a: str, b: str) -> bool:
        return pixel_digest(self._load(a)) == pixel_digest(self._load(b))


EQUAL = "same pixels"


class ExactChecker:
    """A `duplicates.Check` of equal pixels, whatever the files are; `unclear` as in `Checker`."""

    def __init__(self, load: Load) -> None:
        self._digest = lru_cache(maxsize=None)(lambda path: pixel_digest(load(path)))
        self.unclear: list[tuple[str, str, str]] = []

    def __call__(self, pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        return [self._one(a, b) for a, b in pairs]

    def _one(self, a: Entry, b: Entry) -> str:
        if _size(a) != _size(b):
            return ""
        try:
            return EQUAL if self._digest(a.path) == self._digest(b.path) else ""
        except (AecodecError, OSError, MemoryError) as error:
            self.unclear.append((a.path, b.path, str(error)))
            return ""


def compare_previews(a: Preview, b: Preview) -> Verdict:
    """By all that the two have."""
    sizes = ((a.width, a.height), (b.width, b.height))
    (verdict,) = explain_pairs([(a.image, b.image)], sizes=[sizes], full=True)
    return verdict


def pixel_digest(image: Image.Image) -> bytes:
    """SHA-256 of an image's size and pixels, upright, and of its alpha."""
    picture = Picture.from_image(image, warn=False)
    digest = hashlib.sha256()
    for layer in (picture.pixels, picture.alpha):
        if layer is not None:
            pixels = np.asarray(layer)
            digest.update(f"{pixels.shape}{pixels.dtype}".encode())
            digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.digest()


def _size(entry: Entry) -> tuple[int, int]:
    return entry.width, entry.height
