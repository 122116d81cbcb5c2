"""Crops from anywhere in a photo: near_duplicates.py's are from the middle.

    python benchmarks/crops_anywhere.py --data train_photos --out benchmarks/results/crops_anywhere

Of --data the photos that training holds out. Distractors are pieces of the other photos.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecodec.evaluation.files import markdown_table, write_bytes
from aecodec.evaluation.photos import load_photo
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.picture import make_small
from aecodec.hashing.query import distances, query_views
from aecodec.images import find_photos
from aecodec.training.data import split_photos
from benchmarks.near_duplicates import pieces

HELD_OUT, EACH, CROPS, LONGEST = 60, 168, 3, 900
BITS = 64


def crop(photo: Image.Image, side: float, rng: np.random.Generator) -> Image.Image:
    """A piece of `side` of each side, anywhere."""
    width, height = int(side * photo.width), int(side * photo.height)
    left = int(rng.integers(photo.width - width + 1))
    top = int(rng.integers(photo.height - height + 1))
    return photo.crop((left, top, left + width, top + height))


def found_first(distance: Any, own: int, owner: Any) -> bool:
    """Whether the photo itself is nearest; other pieces of it do not count."""
    return bool((distance[owner != own] > distance[own]).all())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of training photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    args = parser.parse_args()
    photos = [load_photo(p) for p in split_photos(find_photos([args.data]), HELD_OUT)[1]]
    for photo in photos:
        photo.thumbnail((LONGEST, LONGEST))
    hasher, rng = Hasher(device="cpu"), np.random.default_rng(3)
    rest = [piece for n, photo in enumerate(photos) for piece in pieces(photo, EACH, n)]
    stored = np.stack(
        [np.frombuffer(hasher.code(image, BITS), np.uint8) for image in [*photos, *rest]]
    )
    owner = np.concatenate([np.arange(len(photos)), np.repeat(np.arange(len(photos)), EACH)])
    rows = []
    for side in (0.5, 0.6, 0.7):
        hits = []
        for n, photo in enumerate(photos):
            for _ in range(CROPS):
                small = make_small(crop(photo, side, rng))
                numbers = hasher.numbers(query_views(small, hasher.side))[:, :BITS]
                search, code = distances(numbers, stored)[1], distances(numbers[:1], stored)[0]
                hits.append([found_first(d, n, owner) for d in (search, code)])
        rows.append([f"{side:.0%}", str(len(hits)), *(f"{v:.3f}" for v in np.mean(hits, axis=0))])
    text = markdown_table(["of each side", "crops", "search", "codes"], rows)
    text = f"# Crops from anywhere, {BITS} bits, recall@1\n\n{text}\n"
    write_bytes(args.out / "crops_anywhere.md", text.encode())
    print(text)


if __name__ == "__main__":
    main()
