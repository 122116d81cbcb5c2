"""Crops from anywhere in a photo: near_duplicates.py's are from the middle.

    python -m benchmarks.studies.crops_anywhere --data photos --out crops_anywhere

Photos must not have been trained on; what else is stored, and what counts, is as there.
Needs the extra `hashers`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_bytes
from aecodec.hashing.hasher import Hasher
from benchmarks.near_duplicates import Method, kept, methods, with_pieces

SIDES, EACH, BITS, DISTRACTORS = (0.5, 0.6, 0.7, 0.8), 3, 64, 10_000
METHODS = ("aecodec, search", "aecodec", "phash", "dhash")


def crop(photo: Image.Image, side: float, rng: np.random.Generator) -> Image.Image:
    """A piece of `side` of each side, anywhere."""
    width, height = int(side * photo.width), int(side * photo.height)
    left = int(rng.integers(photo.width - width + 1))
    top = int(rng.integers(photo.height - height + 1))
    return photo.crop((left, top, left + width, top + height))


def recall(photos: list[Image.Image], method: Method) -> list[float]:
    """Fraction of the crops of each size whose photo is found first."""
    stored = [(n, method.code(image)) for n, image in with_pieces(photos, DISTRACTORS)]
    owner, codes = np.array([n for n, _ in stored]), np.stack([code for _, code in stored])
    rng, found = np.random.default_rng(3), []
    for side in SIDES:
        hits = [
            _found_first(method, crop(photo, side, rng), n, codes, owner)
            for n, photo in enumerate(photos)
            for _ in range(EACH)
        ]
        found.append(float(np.mean(hits)))
    return found


def _found_first(method: Method, query: Image.Image, own: int, codes: Any, owner: Any) -> bool:
    rows = np.flatnonzero((owner != own) | (np.arange(len(owner)) == own))
    distance = method.distances(query, codes, rows)
    return bool((distance[rows != own] > distance[rows == own]).all())


def main() -> None:
    parser = arguments(__doc__, data=None)
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="folders of photos")
    args = parser.parse_args()
    photos = [load_photo(path) for folder in args.data for path in list_photos(folder, None)]
    stored = kept(image for _, image in with_pieces(photos, DISTRACTORS))
    every = methods(BITS, Hasher(device="cpu"), stored)
    columns = [recall(photos, every[name]) for name in METHODS]
    rows = [
        [f"{side:.0%}", *(f"{column[n]:.3f}" for column in columns)] for n, side in enumerate(SIDES)
    ]
    text = (
        f"# Crops from anywhere\n\n{len(photos)} photos, {EACH} crops of each; {BITS} bits,"
        " recall@1 by how much of each side is kept.\n\n"
    )
    text += markdown_table(["of each side", *METHODS], rows) + "\n"
    write_bytes(args.out / "crops_anywhere.md", text.encode())
    print(text)


if __name__ == "__main__":
    main()
