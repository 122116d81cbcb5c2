"""What `aecodec duplicates` calls the same: altered photos, and unlike pictures of many classes.

    python benchmarks/verified_duplicates.py --data photos --out verified_duplicates

An altered photo is found if it is a candidate of its original, by its code among those of pieces of
the other photos, and if looking at both says that they are the same. Of unlike pictures all
pairs of a class count, or as many as --pairs says, drawn at random, whether or not their codes are
near; "codes alone" is `--verify none`. Documents are altered, too: of them --copies of each class
are compressed again, scaled, cropped and made grey. Photos must not have been trained on. Needs the
extra `hashers`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.hashing.checking import NEAREST, WIDE, Checker, Stages
from aecodec.hashing.database import Entry
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.picture import preview_of
from benchmarks.near_duplicates import TRANSFORMATIONS, pieces
from benchmarks.unlike import CLASSES

FPR = 1e-4
DOCUMENTS = ("JPEG 30", "resize 1/2", "crop 90 %", "grey")  # alterations of drawn pictures
SMALL = ("icons of 16 pixels", "specks of 1 to 8 pixels", "glyphs", "solid colours")
"""Classes whose pictures are the same only where they are equal."""


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


# ---- measuring -----------------------------------------------------------------------------------


def called_same(pictures: Sequence[Image.Image], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Why pairs are the same, or nothing, as `duplicates` comes to it."""
    images = [
        Entry(str(n), 0, 0, b"", *picture.size, b"", None, n) for n, picture in enumerate(pictures)
    ]
    checker = Checker(
        lambda ids: {n: preview_of(pictures[n]).thumbnail() for n in ids},
        lambda path: pictures[int(path)],
    )
    positions = np.array(pairs).reshape(-1, 2)
    likely = np.flatnonzero(checker.screen(images, positions, Stages(lambda *_: None, 1, 3)))
    reasons = [""] * len(pairs)
    for start in range(0, len(likely), 64):
        some = likely[start : start + 64]
        found = checker([(images[i], images[j]) for i, j in positions[some]])
        for n, reason in zip(some.tolist(), found, strict=True):
            reasons[n] = reason
    return reasons


def recall(
    photos: list[Image.Image], hasher: Hasher, bits: int, distractors: int
) -> dict[str, dict[str, float]]:
    """For each alteration, shares of the photos: by codes alone, candidates, found."""

    def code(image: Image.Image) -> Any:
        return np.unpackbits(np.frombuffer(hasher.code(image, bits), np.uint8))

    each = -(-distractors // len(photos))
    owner = np.repeat(np.arange(len(photos)), each)
    others = np.stack([code(p) for n, photo in enumerate(photos) for p in pieces(photo, each, n)])
    own = [code(photo) for photo in photos]
    limit = hasher.calibration.threshold(bits, FPR).distance if hasher.calibration else -1
    rows = {}
    for name, alter in TRANSFORMATIONS.items():
        altered = [alter(photo) for photo in photos]
        near, candidates = [], []
        for n, picture in enumerate(altered):
            altered_code = code(picture)
            far = int((altered_code != own[n]).sum())
            nearer = ((altered_code != others[owner != n]).sum(1) < far).sum()
            near.append(far <= limit)
            candidates.append(nearer < NEAREST and far <= round(WIDE * bits))
        same = called_same([*photos, *altered], [(n, len(photos) + n) for n in range(len(photos))])
        found = [candidate and bool(why) for candidate, why in zip(candidates, same, strict=True)]
        rows[name] = {
            "codes": float(np.mean(near)),
            "candidates": float(np.mean(candidates)),
            "looked at": float(np.mean([bool(why) for why in same])),
            "found": float(np.mean(found)),
        }
        print(name, rows[name], flush=True)
    return rows


def false_positives(
    pictures: list[Image.Image], pairs: list[tuple[int, int]], hasher: Hasher
) -> dict[str, float]:
    """Of pairs of unlike pictures, how many are the same by their codes, and by looking."""
    limits = {
        bits: hasher.calibration.threshold(bits, FPR).distance if hasher.calibration else -1
        for bits in (64, hasher.lengths[-1])
    }
    codes = [np.unpackbits(np.frombuffer(hasher.code(p), np.uint8)) for p in pictures]
    found: dict[str, float] = {"pairs": len(pairs)}
    for bits, limit in limits.items():
        near = [(codes[i][:bits] != codes[j][:bits]).sum() <= limit for i, j in pairs]
        found[f"codes, {bits} bits"] = float(np.sum(near))
    found["looked at"] = sum(map(bool, called_same(pictures, pairs)))
    return found


def documents_found(pictures: list[Image.Image]) -> dict[str, float]:
    """Of drawn pictures, the shares whose altered copies are the same by looking."""
    alter = {**TRANSFORMATIONS, "resize 1/2": lambda i: i.resize((i.width // 2, i.height // 2))}
    rows = {}
    for name in DOCUMENTS:
        altered = [alter[name](picture) for picture in pictures]
        pairs = [(n, len(pictures) + n) for n in range(len(pictures))]
        rows[name] = float(
            np.mean([bool(why) for why in called_same([*pictures, *altered], pairs)])
        )
    return rows


def classes(
    photos: list[Image.Image], count: int, pairs: int, copies: int, hasher: Hasher
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Of each class, what unlike pictures are called, and which altered ones are found."""
    rng, unlike, found = np.random.default_rng(0), {}, {}

    def measure(name: str, pictures: list[Image.Image], some: list[tuple[int, int]]) -> None:
        chosen = rng.permutation(len(some))[:pairs]
        unlike[name] = false_positives(pictures, [some[i] for i in chosen], hasher)
        print(name, unlike[name], flush=True)

    def every(number: int) -> list[tuple[int, int]]:
        return [(i, j) for i in range(number) for j in range(i)]

    measure("photographs", photos, every(len(photos)))
    views = [view for n, photo in enumerate(photos) for view in burst(photo, n)]
    measure("bursts of a motif", views, [(2 * n, 2 * n + 1) for n in range(len(photos))])
    for name, picture in CLASSES.items():
        pictures = [picture(seed) for seed in range(7000, 7000 + count)]
        measure(name, pictures, every(count))
        if name not in SMALL:
            plain = [preview_of(one, max(one.size)).image for one in pictures[:copies]]
            found[name] = documents_found(plain)
            print(name, found[name], flush=True)
    return unlike, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="folders of photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--limit", type=int, help="only the first LIMIT photos of each folder")
    parser.add_argument("--distractors", type=int, default=4000)
    parser.add_argument("--bits", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=40, help="of each class")
    parser.add_argument("--pairs", type=int, default=780, help="of each class, at most")
    parser.add_argument("--copies", type=int, default=8, help="of each class that are altered")
    args = parser.parse_args()
    photos = [load_photo(p) for folder in args.data for p in list_photos(folder, args.limit)]
    hasher = Hasher(device="cpu")
    unlike, found = classes(photos, args.pictures, args.pairs, args.copies, hasher)
    altered = recall(photos, hasher, args.bits, args.distractors)
    figures = {
        "photos": len(photos),
        "bits": args.bits,
        "distractors": args.distractors,
        "means": {k: float(np.mean([row[k] for row in altered.values()])) for k in altered["flip"]},
        "altered": altered,
        "unlike": unlike,
        "copies": args.copies,
        "documents": found,
    }
    text = tables(figures)
    write_result(args.out / "verified_duplicates.json", figures, text)
    print(text)


def tables(figures: dict[str, Any]) -> str:
    altered, unlike, found = (figures[name] for name in ("altered", "unlike", "documents"))
    lines = [[name, *(f"{v:.3f}" for v in row.values())] for name, row in altered.items()]
    lines.append(["**mean**", *(f"{v:.3f}" for v in figures["means"].values())])
    columns = list(unlike["photographs"])
    counts = [[name, *(f"{row[c]:g}" for c in columns)] for name, row in unlike.items()]
    totals = [sum(row[c] for row in unlike.values()) for c in columns]
    counts.append(["**all**", *(f"{total:g}" for total in totals)])
    shares = [[name, *(f"{row[a]:.2f}" for a in DOCUMENTS)] for name, row in found.items()]
    return (
        f"# Verified duplicates\n\n## Altered photos\n\n{figures['photos']} photos,"
        f" {figures['bits']} bits, {figures['distractors']} pieces of other photos. Found are"
        " candidates that, looked at, are the same.\n\n"
        + markdown_table(["", "codes alone", "candidates", "looked at", "found"], lines)
        + "\n## Unlike pictures called the same\n\n"
        + markdown_table(["", *columns], counts)
        + f"\n## Altered documents called the same\n\n{figures['copies']} of each class.\n\n"
        + markdown_table(["", *DOCUMENTS], shares)
    )


if __name__ == "__main__":
    main()
