"""Looking at pairs of indexed images: at thumbnails, and at the files where those cannot tell."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.hashing.backends.base import CodeIndex, Codes
from aecodec.hashing.copies import CopiesOf
from aecodec.hashing.database import Entry
from aecodec.hashing.duplicates import (
    COMPRESSED,
    EQUAL,
    RANKS,
    Chosen,
    Duplicates,
    Pairs,
    Progress,
    Rank,
    Screen,
    group,
    group_checked,
)
from aecodec.hashing.picture import Preview, preview_of
from aecodec.hashing.processes import Processes, Thumbnails, good_number
from aecodec.hashing.screening import Stages, likely_pairs
from aecodec.images import Picture

if TYPE_CHECKING:
    from aecodec.hashing.verify import Verdict

LONGEST = 1024
"""Pixels a side, at most, of the copies of files that are compared."""


VERIFY = ("thumbnail", "pixels", "none", "exact")
"""How to make sure: look at thumbnails, and at the files where those cannot tell; at the files
only; not at all; or only call the same what has equal pixels."""

WIDE, _NEARLY_EQUAL = 0.38, 0.1
"""Of the bits, in which codes of candidates may differ; and those of equal pixels, as files
differ.
"""
NEAREST, _LEAST_NEAREST = 64, 4
"""Candidates of an image, at most, and in the largest collections."""
_LOOKS = 400_000  # candidates of all images, about
_BY_LAYOUT = 4  # times fewer are named by layout, but 2 are
_FILES = 16  # pairs of files that are looked at together

Load = Callable[[str], Image.Image]


def find_groups(
    index: CodeIndex,
    entries: Sequence[Entry],
    codes: Codes,
    radius: int | None,
    *,
    verify: str,
    thumbnails: Thumbnails,
    copies_of: CopiesOf,
    load: Load,
    kept: Collection[int],
    rank: Rank,
    progress: Progress,
    processes: int | None = 1,
) -> Duplicates:
    """Groups of images that are the same; see `ImageIndex.duplicates`.

    Args:
        index, entries, codes, kept, rank, progress: as in `duplicates.group`.
        radius: in bits; None: wide, which only is right where somebody looks.
        verify: one of `VERIFY`.
        thumbnails, load, processes: as in `Checker`.
        copies_of: small copies by the ids of images.
    """
    bits = index.bits
    if verify == "none":
        limit = bits if radius is None else min(radius, bits)
        found = group(index, entries, codes, limit, kept=kept, rank=rank, progress=progress)
        return Duplicates(found, [])
    stages = Stages(progress, len(entries), 4)
    nearest = max(_LEAST_NEAREST, min(NEAREST, _LOOKS // max(1, len(entries))))
    others = by_layout(nearest) if radius is None else 0
    check: Checker | ExactChecker
    screen: Screen
    if verify == "exact":
        check = ExactChecker(load)
        screen, wide = check.screen, round(_NEARLY_EQUAL * bits)
    else:
        check = Checker(thumbnails, load, pixels=verify == "pixels", processes=processes)
        screen = partial(check.screen, copies_of=copies_of, stages=stages, others=others)
        wide = round(WIDE * bits)
    with closing(check):
        found = group_checked(
            index,
            entries,
            codes,
            wide if radius is None else min(radius, bits),
            check,
            screen=screen,
            nearest=nearest,
            kept=kept,
            rank=rank,
            frames_last=rank is RANKS["best"],
            progress=partial(stages, 3),
        )
    return Duplicates(found, check.unclear)


def by_layout(nearest: int) -> int:
    """Candidates of an image by its layout, where it has so many by its code."""
    return max(2, nearest // _BY_LAYOUT)


class Checker:
    """A `duplicates.Check` that looks at pictures.

    Args:
        thumbnails: WebP files by the ids of images.
        load: the picture of a file; it can be pickled where there are several processes.
        pixels: look at the files, and not at thumbnails first.
        quick: as in `verify.explain_pairs`; what `screen` finds to be so is.
        processes: that look; 1: this one, with threads; None: as many as suit the pairs and this
            machine.

    Attributes:
        unclear: (path, other path, why) of pairs that could not be told, since a file could not
            be read; they do not count as the same.
    """

    def __init__(
        self,
        thumbnails: Thumbnails,
        load: Load,
        *,
        pixels: bool = False,
        quick: bool = False,
        processes: int | None = 1,
    ) -> None:
        self._thumbnails, self._load, self._pixels = thumbnails, load, pixels
        self._quick, self._count = quick, processes
        self._processes: Processes | None = None
        self._known: dict[int, Image.Image | None] = {}
        self._file = lru_cache(maxsize=64)(self._read)
        self.unclear: list[tuple[str, str, str]] = []

    def screen(
        self,
        images: Sequence[Entry],
        pairs: Pairs,
        near: Chosen,
        copies_of: CopiesOf,
        stages: Stages,
        others: int = 0,
    ) -> Pairs:
        """As `screening.likely_pairs`."""
        found, self._quick = likely_pairs(images, pairs, near, copies_of, stages, others)
        self._count = good_number(len(found)) if self._count is None else self._count
        return found

    def close(self) -> None:
        """End other processes, if there are any."""
        if self._processes:
            self._processes.close()

    def __call__(self, pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        if self._count is None or self._count < 2:
            return self._looked(pairs)
        if self._processes is None:
            make = partial(Checker, load=self._load, pixels=self._pixels, quick=self._quick)
            self._processes = Processes(self._count, make)
        found, unclear = self._processes.look(pairs, self._thumbnails)
        self.unclear += unclear
        return found

    def _looked(self, pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        # Here, because it needs torch, and grouping by codes alone does not.
        from aecodec.hashing.verify import Verdict, explain_pairs
        from aecodec.hashing.verify.each import each

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
            judged = explain_pairs(pictures, sizes=sizes, quick=self._quick)
            for n, verdict in zip(rows, judged, strict=True):
                verdicts[n] = verdict
        found = [verdict.reason if verdict.same else "" for verdict in verdicts]
        self._look_at_places(pairs, verdicts, found)
        unsure = [n for n, verdict in enumerate(verdicts) if not verdict.sure]
        parts = [unsure[start : start + _FILES] for start in range(0, len(unsure), _FILES)]

        def by_files(some: list[int]) -> list[str]:
            return self._by_files([pairs[n] for n in some], [verdicts[n] for n in some])

        reasons = each(by_files, parts)
        for some, own in zip(parts, reasons, strict=True):
            for n, reason in zip(some, own, strict=True):
                found[n] = reason
        return found

    def _look_at_places(
        self, pairs: Sequence[tuple[Entry, Entry]], small: Sequence[Verdict], found: list[str]
    ) -> None:
        """Take back those of the reasons, by thumbnails, of which the files show one place that
        differs.
        """
        from aecodec.hashing.verify.each import each
        from aecodec.hashing.verify.spots import differ_in_a_place, lies_as_it_is

        def differ(n: int) -> bool:
            a, b = pairs[n]
            with self._unclear_if_unread(a, b):
                first, second = self._file(a.path).image, self._file(b.path).image
                alike = small[n].reason == COMPRESSED and first.size == second.size
                if alike and first.tobytes() == second.tobytes() and self._equal(a.path, b.path):
                    found[n] = EQUAL
                    return False
                return differ_in_a_place(first, second, small[n])
            return True

        rows = [n for n, one in enumerate(small) if one.sure and lies_as_it_is(one)]
        for n, different in zip(rows, each(differ, rows), strict=True):
            found[n] = "" if different else found[n]

    def _look_up(self, ids: set[int]) -> None:
        """Those of the pictures at hand that are not known yet; what was known long ago goes."""
        missing = [i for i in ids if i not in self._known]
        found = self._thumbnails(missing)
        for i in missing:
            webp = found.get(i)
            self._known[i] = _picture(webp) if webp else None
        for i in list(self._known)[: max(0, len(self._known) - 4096)]:
            if i not in ids:
                del self._known[i]

    def _by_files(
        self, pairs: Sequence[tuple[Entry, Entry]], small: Sequence[Verdict]
    ) -> list[str]:
        """Reasons, or nothing, by all that the files have; with verdicts by thumbnails."""
        found = [""] * len(pairs)
        known: list[tuple[int, Preview, Preview]] = []
        for n, (a, b) in enumerate(pairs):
            with self._unclear_if_unread(a, b):
                known.append((n, self._file(a.path), self._file(b.path)))
        verdicts = _explained(
            [pair for _, *pair in known], [small[n] for n, *_ in known], self._quick
        )
        for (n, first, _), verdict in zip(known, verdicts, strict=True):
            a, b = pairs[n]
            with self._unclear_if_unread(a, b):
                same, reason = _settled(verdict, first, partial(self._equal, a.path, b.path))
                found[n] = reason if same else ""
        return found

    @contextmanager
    def _unclear_if_unread(self, a: Entry, b: Entry) -> Iterator[None]:
        try:
            yield
        except (AecodecError, OSError, MemoryError) as error:
            self.unclear.append((a.path, b.path, str(error)))

    def _read(self, path: str) -> Preview:
        return preview_of(self._load(path), LONGEST)

    def _equal(self, a: str, b: str) -> bool:
        return pixel_digest(self._load(a)) == pixel_digest(self._load(b))


class ExactChecker:
    """A `duplicates.Check` of equal pixels, whatever the files are; `unclear` as in `Checker`."""

    def __init__(self, load: Load) -> None:
        self._digest = lru_cache(maxsize=None)(lambda path: pixel_digest(load(path)))
        self.unclear: list[tuple[str, str, str]] = []

    def screen(self, images: Sequence[Entry], pairs: Pairs, near: Chosen) -> Pairs:
        """Of pairs of positions (P, 2) those of one size."""
        sizes = np.array([_size(image) for image in images]).reshape(-1, 2)
        equal: Pairs = pairs[(sizes[pairs[:, 0]] == sizes[pairs[:, 1]]).all(1)]
        return equal

    def __call__(self, pairs: Sequence[tuple[Entry, Entry]]) -> list[str]:
        return [self._one(a, b) for a, b in pairs]

    def close(self) -> None:
        """Nothing is open."""

    def _one(self, a: Entry, b: Entry) -> str:
        try:
            return EQUAL if self._digest(a.path) == self._digest(b.path) else ""
        except (AecodecError, OSError, MemoryError) as error:
            self.unclear.append((a.path, b.path, str(error)))
            return ""


def compare_previews(a: Preview, b: Preview, equal: Callable[[], bool]) -> tuple[bool, str]:
    """Whether they are the same, by all that the two have; and why.

    Args:
        a, b: copies of the pictures.
        equal: tells whether the pictures themselves are; asked where the copies are.
    """
    (verdict,) = _explained([(a, b)])
    return _settled(verdict, a, equal)


def _explained(
    pairs: Sequence[Sequence[Preview]],
    small: Sequence[Verdict] | None = None,
    quick: bool = False,
) -> list[Verdict]:
    """Verdicts on pairs by all that their copies have, with those by smaller copies."""
    from aecodec.hashing.verify import explain_pairs

    sizes = [((a.width, a.height), (b.width, b.height)) for a, b in pairs]
    images = [(a.image, b.image) for a, b in pairs]
    return explain_pairs(images, sizes=sizes, full=True, known=small, quick=quick)


def _settled(verdict: Verdict, a: Preview, equal: Callable[[], bool]) -> tuple[bool, str]:
    """Whether pictures are the same, where copies may be equal and they not; and why."""
    from aecodec.hashing.verify import is_plain

    if verdict.reason != EQUAL or equal():
        return verdict.same, verdict.reason
    if is_plain(a.image):
        return False, "they are of a single colour, and not equal"
    return True, COMPRESSED


def pixel_digest(image: Image.Image) -> bytes:
    """SHA-256 of an image's size and pixels, upright, and of its alpha; grey in RGB is grey."""
    picture = Picture.from_image(image, warn=False)
    digest = hashlib.sha256()
    for layer in (picture.pixels, picture.alpha):
        if layer is not None:
            pixels = np.asarray(layer)
            if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
                pixels = pixels[..., 0]
            digest.update(f"{pixels.shape}{pixels.dtype}".encode())
            digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.digest()


def _picture(webp: bytes) -> Image.Image:
    return Image.open(io.BytesIO(webp), formats=["WEBP"]).convert("RGB")


def _size(entry: Entry) -> tuple[int, int]:
    return entry.width, entry.height
