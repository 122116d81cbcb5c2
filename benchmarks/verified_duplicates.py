"""What `aecodec duplicates` calls the same: altered photos, and unlike pictures of many classes.

    python benchmarks/verified_duplicates.py --data photos --out verified_duplicates

An altered photo is found if it is a candidate of its original, by its code among those of pieces of
the other photos, and if looking at both says that they are the same. Of unlike pictures all
pairs of a class count, or as many as --pairs says, drawn at random; "codes alone" is
`--verify none`. Photos must not have been trained on. Needs the extra `hashers`.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.hashing.checking import LONGEST, NEAREST, WIDE, compare_previews
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.picture import preview_of
from aecodec.hashing.verify import Verdict, explain_pairs
from aecodec.training.drawn import draw
from benchmarks.near_duplicates import TRANSFORMATIONS, pieces

FPR = 1e-4
Rng = np.random.Generator

# ---- unlike pictures -----------------------------------------------------------------------------


def _drawn(kind: str) -> Callable[[int], Image.Image]:
    return lambda seed: draw(seed, kind, (480, 360) if seed % 2 else (360, 480))


def _small(kind: str) -> Callable[[int], Image.Image]:
    return lambda seed: draw(seed, kind, (48, 48))


def _glyph(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("L", (28, 28))
    left, top = rng.uniform(2, 8, 2).tolist()
    text = chr(ord("A") + seed % 26) + (chr(ord("a") + seed // 26 % 26) if seed >= 26 else "")
    font = ImageFont.load_default(float(rng.uniform(14, 22)))
    ImageDraw.Draw(image).text((left, top), text, fill=255, font=font)
    return image.convert("RGB")


def _stars(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    sky, count = np.zeros((400, 400)), int(rng.integers(60, 200))
    sky[rng.integers(0, 400, count), rng.integers(0, 400, count)] = rng.uniform(5, 60, count)
    sky = ndimage.gaussian_filter(sky, 1.2) * 2 + rng.normal(0.02, 0.01, sky.shape)
    return Image.fromarray((sky.clip(0, 1) * 255).astype(np.uint8)).convert("RGB")


def _noise(seed: int) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    )


def _solid(seed: int) -> Image.Image:
    colour = np.random.default_rng(seed).integers(0, 256, 3)
    return Image.new("RGB", (200, 200), tuple(int(v) for v in colour))


DRAWN: dict[str, Callable[[int], Image.Image]] = {
    "pages": _drawn("page"),
    "tables": _drawn("table"),
    "terminals": _drawn("terminal"),
    "screenshots": _drawn("interface"),
    "charts": _drawn("chart"),
    "line art": _drawn("line_art"),
    "shapes": _drawn("shapes"),
    "flags": _drawn("flag"),
    "QR codes": _drawn("code"),
    "icons": _small("icons"),
    "glyphs": _glyph,
    "gradients": _drawn("gradient"),
    "star fields": _stars,
    "noise": _noise,
    "solid colours": _solid,
}


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


def thumbnail(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(preview_of(image).thumbnail())).convert("RGB")


def verdict(a: Image.Image, b: Image.Image) -> Verdict:
    """As `duplicates` comes to it."""
    (small,) = explain_pairs([(thumbnail(a), thumbnail(b))], sizes=[(a.size, b.size)])
    return small if small.sure else compare_previews(preview_of(a, LONGEST), preview_of(b, LONGEST))


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
        counts = np.zeros(3)
        for n, photo in enumerate(photos):
            altered = alter(photo)
            altered_code = code(altered)
            far = int((altered_code != own[n]).sum())
            nearer = ((altered_code != others[owner != n]).sum(1) < far).sum()
            candidate = nearer < NEAREST and far <= round(WIDE * bits)
            counts += (far <= limit, candidate, candidate and verdict(photo, altered).same)
        rows[name] = dict(zip(("codes", "candidates", "found"), counts / len(photos), strict=True))
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
    found["looked at"] = sum(verdict(pictures[i], pictures[j]).same for i, j in pairs)
    return found


def classes(
    photos: list[Image.Image], count: int, pairs: int, hasher: Hasher
) -> dict[str, dict[str, float]]:
    rng, rows = np.random.default_rng(0), {}

    def measure(name: str, pictures: list[Image.Image], some: list[tuple[int, int]]) -> None:
        chosen = rng.permutation(len(some))[:pairs]
        rows[name] = false_positives(pictures, [some[i] for i in chosen], hasher)
        print(name, rows[name], flush=True)

    def every(number: int) -> list[tuple[int, int]]:
        return [(i, j) for i in range(number) for j in range(i)]

    measure("photographs", photos, every(len(photos)))
    views = [view for n, photo in enumerate(photos) for view in burst(photo, n)]
    measure("bursts of a motif", views, [(2 * n, 2 * n + 1) for n in range(len(photos))])
    for name, picture in DRAWN.items():
        measure(name, [picture(seed) for seed in range(7000, 7000 + count)], every(count))
    return rows


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
    args = parser.parse_args()
    photos = [load_photo(p) for folder in args.data for p in list_photos(folder, args.limit)]
    hasher = Hasher(device="cpu")
    unlike = classes(photos, args.pictures, args.pairs, hasher)
    altered = recall(photos, hasher, args.bits, args.distractors)
    means = {key: float(np.mean([row[key] for row in altered.values()])) for key in altered["flip"]}
    figures = {
        "photos": len(photos),
        "bits": args.bits,
        "means": means,
        "altered": altered,
        "unlike": unlike,
        "distractors": args.distractors,
    }
    lines = [[name, *(f"{v:.3f}" for v in row.values())] for name, row in altered.items()]
    lines.append(["**mean**", *(f"{v:.3f}" for v in means.values())])
    columns = list(unlike["photographs"])
    text = (
        f"# Verified duplicates\n\n## Altered photos\n\n{len(photos)} photos, {args.bits} bits,"
        f" {args.distractors} pieces of other photos.\n\n"
        + markdown_table(["", "codes alone", "candidates", "found"], lines)
        + "\n\n## Unlike pictures called the same\n\n"
        + markdown_table(
            ["", *columns],
            [[name, *(f"{row[c]:g}" for c in columns)] for name, row in unlike.items()],
        )
        + "\n"
    )
    write_result(args.out / "verified_duplicates.json", figures, text)
    print(text)


if __name__ == "__main__":
    main()
