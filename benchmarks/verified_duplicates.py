"""Which altered photos and documents `aecodec duplicates` finds.

    python -m benchmarks.verified_duplicates --data photos --out verified_duplicates

An altered photo is found if it is a candidate of its original, by its code among those of pieces of
the other photos or by its layout among all of these and the other altered copies, and if looking at
both says that they are the same; "codes alone" is `--verify none`. Photos must not have been
trained on: --held-out takes those that a training run with so many left out. Documents are altered,
too: --copies of each class of `unlike.py` are compressed again, scaled, cropped and made grey. What
unlike pictures are called is in `unlike_folders.py`. Needs the extra `hashers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.hashing.checking import NEAREST, WIDE, by_layout
from aecodec.hashing.copies import copy_of, stacked
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.picture import preview_of
from aecodec.hashing.verify.layout import alike
from aecodec.training.data import split_photos
from benchmarks.near_duplicates import TRANSFORMATIONS, pieces
from benchmarks.unlike import CLASSES
from benchmarks.unlike_folders import called_same

FPR = 1e-4
DOCUMENTS = ("JPEG 30", "resize 1/2", "crop 90 %", "grey")  # alterations of drawn pictures
SMALL = ("icons of 16 pixels", "specks of 1 to 8 pixels", "glyphs", "solid colours")
"""Classes whose pictures are the same only where they are equal."""


# ---- measuring -----------------------------------------------------------------------------------


def recall(
    photos: list[Image.Image], hasher: Hasher, bits: int, distractors: int
) -> dict[str, dict[str, float]]:
    """For each alteration, shares of the photos: by codes alone, candidates, found."""

    def code(image: Image.Image) -> Any:
        return np.unpackbits(np.frombuffer(hasher.code(image, bits), np.uint8))

    def copy(image: Image.Image) -> Any:
        return stacked([copy_of(preview_of(image).thumbnail())])[0]

    each = -(-distractors // len(photos))
    owner = np.repeat(np.arange(len(photos)), each)
    cut = [(code(p), copy(p)) for n, photo in enumerate(photos) for p in pieces(photo, each, n)]
    others = np.stack([piece for piece, _ in cut])
    own = [code(photo) for photo in photos]
    stored = [*map(copy, photos), *(small for _, small in cut)]
    limit = hasher.calibration.threshold(bits, FPR).distance if hasher.calibration else -1
    rows = {}
    for name, alter in TRANSFORMATIONS.items():
        altered = [alter(photo) for photo in photos]
        near, candidates = [], []
        copies = np.stack([*map(copy, altered), *stored])
        laid_out_alike = set(map(tuple, alike(copies, by_layout(NEAREST)).tolist()))
        for n, picture in enumerate(altered):
            altered_code = code(picture)
            far = int((altered_code != own[n]).sum())
            nearer = ((altered_code != others[owner != n]).sum(1) < far).sum()
            near.append(far <= limit)
            by_code = nearer < NEAREST and far <= round(WIDE * bits)
            candidates.append(by_code or (n, len(photos) + n) in laid_out_alike)
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


def documents(copies: int) -> dict[str, dict[str, float]]:
    """The same of each class."""
    rows = {}
    for name, picture in CLASSES.items():
        if name not in SMALL:
            pictures = [picture(seed) for seed in range(7000, 7000 + copies)]
            plain = [preview_of(one, max(one.size)).image for one in pictures]
            rows[name] = documents_found(plain)
            print(name, rows[name], flush=True)
    return rows


def chosen(data: Path, held_out: int | None, skip: int, limit: int | None) -> list[Image.Image]:
    """The photos of a folder that are asked for; see `main`."""
    paths = list_photos(data)
    if held_out is not None:
        paths = split_photos(paths, held_out)[1]
    return [load_photo(path) for path in paths[skip:][:limit]]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--held-out", type=int, metavar="N", help="only N that training left out")
    parser.add_argument("--skip", type=int, default=0, help="not the first SKIP of these")
    parser.add_argument("--limit", type=int, help="only LIMIT of the rest")
    parser.add_argument("--distractors", type=int, default=4000)
    parser.add_argument("--bits", type=int, default=64)
    parser.add_argument("--copies", type=int, default=8, help="documents of each class")
    args = parser.parse_args()
    photos = chosen(args.data, args.held_out, args.skip, args.limit)
    altered = recall(photos, Hasher(device="cpu"), args.bits, args.distractors)
    figures = {
        "photos": len(photos),
        "bits": args.bits,
        "distractors": args.distractors,
        "means": {k: float(np.mean([row[k] for row in altered.values()])) for k in altered["flip"]},
        "altered": altered,
        "copies": args.copies,
        "documents": documents(args.copies) if args.copies else {},
    }
    text = tables(figures)
    write_result(args.out / "verified_duplicates.json", figures, text)
    print(text)


def tables(figures: dict[str, Any]) -> str:
    altered, found = figures["altered"], figures["documents"]
    lines = [[name, *(f"{v:.3f}" for v in row.values())] for name, row in altered.items()]
    lines.append(["**mean**", *(f"{v:.3f}" for v in figures["means"].values())])
    shares = [[name, *(f"{row[a]:.2f}" for a in DOCUMENTS)] for name, row in found.items()]
    text = (
        f"# Verified duplicates\n\n## Altered photos\n\n{figures['photos']} photos,"
        f" {figures['bits']} bits, {figures['distractors']} pieces of other photos. Found are"
        " candidates that, looked at, are the same.\n\n"
        + markdown_table(["", "codes alone", "candidates", "looked at", "found"], lines)
    )
    if shares:
        text += (
            f"\n## Altered documents called the same\n\n{figures['copies']} of each class.\n\n"
            + markdown_table(["", *DOCUMENTS], shares)
        )
    return text


if __name__ == "__main__":
    main()
