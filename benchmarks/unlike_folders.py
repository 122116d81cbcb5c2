"""What `aecodec duplicates` finds in folders of pictures of which no two are the same.

    python -m benchmarks.unlike_folders --data photos --out benchmarks/results/unlike_folders

A folder holds --pictures of one class of `unlike.py`, or the photos of --data. It is indexed, and
`duplicates` decides about all of its pairs: those whose codes are far apart are different, the
others are looked at. Pictures of equal pixels, which chance draws, do not count. "At most" is the
95 % limit for the share of pairs of that class that are called the same (Clopper and Pearson,
1934). Bursts are two views of one photo, moved by 8 to 20 % of a side, looked at in pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import beta

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.hashing.checking import Checker, pixel_digest
from aecodec.hashing.copies import made_of
from aecodec.hashing.database import Entry
from aecodec.hashing.index import ImageIndex
from aecodec.hashing.picture import preview_of
from aecodec.hashing.screening import Stages
from aecodec.images import open_image
from benchmarks.unlike import CLASSES

CONFIDENCE = 0.95
BURSTS = 4  # of each photo
FIRST = 50_000  # seed


def called_same(pictures: Sequence[Image.Image], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Why pairs are the same, or nothing, as `duplicates` comes to it."""
    images = [
        Entry(str(n), 0, 0, b"", *picture.size, b"", None, n) for n, picture in enumerate(pictures)
    ]
    thumbnails = [preview_of(picture).thumbnail() for picture in pictures]
    copies = dict(enumerate(made_of(thumbnails)))
    checker = Checker(lambda ids: {n: thumbnails[n] for n in ids}, lambda path: pictures[int(path)])
    positions = np.array(pairs).reshape(-1, 2)
    near = np.ones(len(positions), bool)  # whatever their codes are
    stages = Stages(lambda *_: None, 1, 4)
    likely = checker.screen(images, positions, near, lambda _: copies, stages).tolist()
    reasons: dict[tuple[int, ...], str] = {}
    for start in range(0, len(likely), 64):
        some = [tuple(pair) for pair in likely[start : start + 64]]
        found = checker([(images[i], images[j]) for i, j in some])
        reasons.update(zip(some, found, strict=True))
    return [reasons.get(pair, "") for pair in pairs]


def burst(photo: Image.Image, seed: int) -> list[Image.Image]:
    """Two views of one motif: the second has moved by 8 to 20 % of a side, and shows other
    edges.
    """
    rng = np.random.default_rng(seed)
    width, height = round(0.7 * photo.width), round(0.7 * photo.height)
    across, down = (rng.uniform(0.08, 0.2, 2) * (width, height)).round().astype(int).tolist()
    return [
        photo.crop((0, 0, width, height)),
        photo.crop((across, down, across + width, down + height)),
    ]


def at_most(called: int, pairs: int) -> float:
    """The share of pairs that are called the same, of which so few would be seen once in 20."""
    return float(beta.ppf(CONFIDENCE, called + 1, pairs - called)) if called < pairs else 1.0


def in_folder(folder: Path) -> dict[str, Any]:
    """What `duplicates` calls the same there."""
    with TemporaryDirectory() as scratch:
        with ImageIndex(Path(scratch) / "index.sqlite3", device="cpu") as index:
            index.add(folder)
            count = len(index)
            by_codes = index.duplicates(None, verify="none").groups
            groups = index.duplicates(None).groups
        called = [
            (Path(group.keep.path), Path(match.entry.path), match.reason)
            for group in groups
            for match in group.duplicates
            if _digest(group.keep.path) != _digest(match.entry.path)
        ]
    return {
        "pictures": count,
        "pairs": count * (count - 1) // 2,
        "codes": sum(len(group.duplicates) for group in by_codes),
        "called": len(called),
        "which": [[a.name, b.name, reason] for a, b, reason in called],
    }


def _digest(path: str) -> bytes:
    return pixel_digest(open_image(path))


def of_bursts(photos: Sequence[Path]) -> dict[str, Any]:
    """What looking at two views of a motif calls the same."""
    called, which, pairs = 0, [], 0
    for number, path in enumerate(photos):
        views = burst(load_photo(path), BURSTS * number)
        for again in range(1, BURSTS):
            views += burst(load_photo(path), BURSTS * number + again)
        found = called_same(views, [(2 * n, 2 * n + 1) for n in range(BURSTS)])
        called, pairs = called + sum(map(bool, found)), pairs + BURSTS
        which += [[path.name, path.name, reason] for reason in found if reason]
    return {"pictures": 2 * pairs, "pairs": pairs, "codes": None, "called": called, "which": which}


def drawn(name: str, count: int) -> dict[str, Any]:
    """The same of a folder of one class."""
    with TemporaryDirectory() as folder:
        for seed in range(FIRST, FIRST + count):
            CLASSES[name](seed).save(Path(folder) / f"{seed}.png")
        return in_folder(Path(folder))


def table(figures: dict[str, Any]) -> str:
    rows = []
    for name, row in figures["classes"].items():
        by_codes = "" if row["codes"] is None else f"{row['codes']:,}"
        limit = at_most(row["called"], row["pairs"])
        counts = f"{row['pictures']:,}", f"{row['pairs']:,}", by_codes, f"{row['called']:,}"
        rows.append([name, *counts, f"{limit:.1e}"])
    called, pairs = (
        sum(row[key] for row in figures["classes"].values()) for key in ("called", "pairs")
    )
    rows.append(["**all**", "", f"{pairs:,}", "", f"{called:,}", f"{at_most(called, pairs):.1e}"])
    columns = ["", "pictures", "pairs", "by codes alone", "called the same", "at most"]
    return (
        "# Folders of unlike pictures\n\nWhat `aecodec duplicates` calls the same in a folder of"
        " each class, of which no two pictures are the same; by codes alone those that"
        " `--verify none` would call duplicates. At most: the"
        f" {CONFIDENCE:.0%} limit for the share of pairs.\n\n" + markdown_table(columns, rows)
    )


def main() -> None:
    parser = arguments(__doc__, data=None)
    parser.add_argument("--data", type=Path, help="folder of photos; none: drawn classes only")
    parser.add_argument("--pictures", type=int, default=100, help="of each class; 0: none")
    parser.add_argument(
        "--of", nargs="+", default=[], metavar="CLASS=N", help="of some classes, another number"
    )
    parser.add_argument("--limit", type=int, help="bursts of the first LIMIT photos only")
    args = parser.parse_args()
    counts = dict.fromkeys(CLASSES, args.pictures)
    for name, _, number in (word.rpartition("=") for word in args.of):
        if name not in CLASSES:
            parser.error(f"--of: there is no class {name!r}; there are {', '.join(CLASSES)}")
        counts[name] = int(number)
    found: dict[str, dict[str, Any]] = {}

    def note(name: str, row: dict[str, Any]) -> None:
        found[name] = row
        print(name, row, flush=True)
        figures = {"confidence": CONFIDENCE, "classes": found}
        write_result(args.out / "unlike_folders.json", figures, table(figures))

    for name, count in counts.items():
        if count:
            note(name, drawn(name, count))
    if args.data:
        note("photographs", in_folder(args.data))
        note("bursts of a motif", of_bursts(list_photos(args.data, args.limit)))


if __name__ == "__main__":
    main()
