"""Altered photos among distractors: aecodec's hash beside pHash, dHash, wHash and PDQ.

    python benchmarks/near_duplicates.py --data photos --out benchmarks/results/near_duplicates

Photos must not have been trained on. Distractors are random pieces of the same photos; a
query's own photo and its pieces are never counted as wrong answers nor as negatives, since
they may well show the same. "aecodec" compares codes; "aecodec, search" does as `aecodec search`:
it compares the same stored codes with the numbers behind the query's, in several views of it (there
the 100 nearest of each view, here all), and the query with the small copies of the 100 that are
nearest then. Needs the extra `hashers`.
"""

import io
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pdqhash
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.evaluation.search import retrieval
from aecodec.hashing.copies import copy_of
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.picture import preview_of
from aecodec.hashing.query import distances, query_views, rerank

FPR = 1e-4


def _jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def through(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return through


def _noise(sigma: float) -> Callable[[Image.Image], Image.Image]:
    def add(image: Image.Image) -> Image.Image:
        x = np.asarray(image, dtype=np.float32)
        noise = np.random.default_rng(0).normal(0, sigma, x.shape)
        return Image.fromarray((x + noise).clip(0, 255).astype(np.uint8))

    return add


def _resize(x: float, y: float) -> Callable[[Image.Image], Image.Image]:
    return lambda i: i.resize((round(i.width * x), round(i.height * y)), Image.Resampling.LANCZOS)


def _crop(side: float) -> Callable[[Image.Image], Image.Image]:
    """The middle, `side` of each side."""

    def cut(image: Image.Image) -> Image.Image:
        left, top = image.width * (1 - side) / 2, image.height * (1 - side) / 2
        return image.crop(
            (round(left), round(top), round(image.width - left), round(image.height - top))
        )

    return cut


def _text_bar(image: Image.Image) -> Image.Image:
    image = image.copy()
    draw, height = ImageDraw.Draw(image), image.height // 8
    draw.rectangle((0, image.height - height, image.width, image.height), fill="black")
    draw.text(
        (height // 4, image.height - height), "THE TEXT OF A MEME", "white", font_size=height * 0.7
    )
    return image


def _overlay(image: Image.Image) -> Image.Image:
    """As a telephone's screenshot: bars above and below, a button over the picture."""
    bar = image.height // 12
    canvas = Image.new("RGB", (image.width, image.height + 2 * bar), (245, 245, 245))
    canvas.paste(image, (0, bar))
    draw = ImageDraw.Draw(canvas)
    draw.text((bar, bar // 4), "12:34", "black", font_size=bar * 0.5)
    x, y, r = image.width // 2, canvas.height // 2, image.height // 10
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 255, 255))
    return canvas


TRANSFORMATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 30": _jpeg(30),
    "JPEG 10": _jpeg(10),
    "resize 1/4": _resize(0.25, 0.25),
    "blur": lambda i: i.filter(ImageFilter.GaussianBlur(max(i.size) / 256)),
    "noise 25": _noise(25),
    "noise 50": _noise(50),
    "contrast": lambda i: ImageEnhance.Contrast(i).enhance(1.5),
    "grey": lambda i: i.convert("L").convert("RGB"),
    "aspect": _resize(1.0, 0.75),
    "text bar": _text_bar,
    "crop 90 %": _crop(0.9),
    "crop 80 %": _crop(0.8),
    "crop 60 %": _crop(0.6),
    "rotate 5": lambda i: i.rotate(5, Image.Resampling.BICUBIC),
    "rotate 15": lambda i: i.rotate(15, Image.Resampling.BICUBIC),
    "rotate 90": lambda i: i.transpose(Image.Transpose.ROTATE_90),
    "flip": ImageOps.mirror,
    "border": lambda i: ImageOps.expand(i, round(0.1 * max(i.size)), "white"),
    "gamma": lambda i: i.point([round(255 * (v / 255) ** 1.8) for v in range(256)] * 3),
    "overlay": _overlay,
}
PHOTOMETRIC = (
    "JPEG 30",
    "JPEG 10",
    "resize 1/4",
    "blur",
    "noise 25",
    "noise 50",
    "contrast",
    "grey",
    "aspect",
)

Code = Callable[[Image.Image], Any]


def _imagehash(name: str, bits: int) -> Code:
    hasher = getattr(imagehash, name)
    return lambda i: np.packbits(hasher(i, hash_size=round(bits**0.5)).hash.ravel())


def _pdq(image: Image.Image) -> Any:
    return np.packbits(pdqhash.compute(np.asarray(image))[0].astype(bool))


def _phash_8(bits: int) -> Code:
    """pHash of the eight flips and rotations; the nearest of them counts."""
    one = _imagehash("phash", bits)

    def codes(image: Image.Image) -> Any:
        turns = [image.rotate(90 * n, expand=True) for n in range(4)]
        return np.stack([one(turn) for turn in [*turns, *map(ImageOps.mirror, turns)]])

    return codes


@dataclass(frozen=True)
class Method:
    """How images are found.

    Attributes:
        code: of an image, (bytes,); or several, (N, bytes), of which the first is stored.
        distances: from a query to some rows (M,) of the stored codes (N, bytes): (M,).
    """

    code: Code
    distances: Callable[[Image.Image, Any, Any], Any]


def _by_hamming(code: Code) -> Method:
    def to_stored(query: Image.Image, stored: Any, rows: Any) -> Any:
        return retrieval.hamming_distances(np.atleast_2d(code(query)), stored[rows]).min(axis=0)

    return Method(code, to_stored)


def kept(images: Iterable[Image.Image]) -> list[tuple[float, bytes]]:
    """What an index keeps of each beside its code: its width by its height, and its small copy."""
    return [
        (small.width / small.height, copy_of(small.thumbnail()))
        for small in map(preview_of, images)
    ]


def methods(bits: int, hasher: Hasher, stored: list[tuple[float, bytes]]) -> dict[str, Method]:
    """Hashes of equal length; and the search, which looks at what else is stored, too."""
    widths = np.array([wide for wide, _ in stored])

    def code(image: Image.Image) -> Any:
        return np.frombuffer(hasher.code(image, bits), np.uint8)

    def search(query: Image.Image, codes: Any, rows: Any) -> Any:
        small = preview_of(query)
        numbers = hasher.logits(query_views(small, hasher.side))[:, :bits]
        weighted = distances(numbers, codes[rows])[1]
        return rerank(
            weighted, small, widths[rows], lambda near: {n: stored[rows[n]][1] for n in near}
        )

    classic: dict[str, Code] = {
        **{name: _imagehash(name, bits) for name in ("phash", "dhash", "whash")},
        "phash, 8 turns": _phash_8(bits),
        **({"PDQ": _pdq} if bits == 256 else {}),
    }
    return {
        "aecodec": _by_hamming(code),
        "aecodec, search": Method(code, search),
        **{name: _by_hamming(hash_of) for name, hash_of in classic.items()},
    }


def pieces(photo: Image.Image, count: int, seed: int) -> list[Image.Image]:
    """Random rectangles of 20 to 60 % of each side."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        width, height = (max(8, round(n * rng.uniform(0.2, 0.6))) for n in photo.size)
        left, top = rng.integers(photo.width - width + 1), rng.integers(photo.height - height + 1)
        found.append(photo.crop((left, top, left + width, top + height)))
    return found


def with_pieces(photos: list[Image.Image], distractors: int) -> Iterator[tuple[int, Image.Image]]:
    """What is stored: the photos, then pieces of them; and of which photo each is."""
    yield from enumerate(photos)
    each = -(-distractors // len(photos))
    for n, photo in enumerate(photos):
        yield from ((n, piece) for piece in pieces(photo, each, n))


def measure(photos: list[Image.Image], distractors: int, method: Method) -> dict[str, Any]:
    """Figures of one method: for each transformation, and the means of all."""
    start = time.perf_counter()
    for photo in photos:
        method.code(photo)
    seconds = time.perf_counter() - start
    owners, codes = zip(
        # Of several codes, that of the unturned is stored.
        *((n, np.atleast_2d(method.code(i))[0]) for n, i in with_pieces(photos, distractors)),
        strict=True,
    )
    owner, database = np.array(owners), np.stack(codes)
    rows = {}
    for name, transform in TRANSFORMATIONS.items():
        # Pieces of a query's own photo are neither right nor wrong.
        found = np.full((len(photos), len(owner)), np.inf)
        for n, photo in enumerate(photos):
            others = np.flatnonzero((owner != n) | (np.arange(len(owner)) == n))
            found[n, others] = method.distances(transform(photo), database, others)
        rows[name] = _figures(found, owner)
    kinds = {"all": list(rows), "photometric": list(PHOTOMETRIC)}
    means = {
        kind: {k: float(np.mean([rows[n][k] for n in names])) for k in rows["flip"]}
        for kind, names in kinds.items()
    }
    return {"rows": rows, "means": means, "ms": 1000 * seconds / len(photos)}


def _figures(distances: Any, owner: Any) -> dict[str, float]:
    own = np.arange(len(distances))
    positives = distances[own, own]
    negatives = distances[own[:, None] != owner[None, :]]
    return {
        "recall_at_1": retrieval.recall_at_1(distances, own),
        "map": retrieval.mean_reciprocal_rank(distances, own),
        "auc": retrieval.area_under_curve(positives, negatives),
        "tpr": retrieval.tpr_at_fpr(positives, negatives, FPR)[0],
    }


def table(results: dict[str, dict[str, Any]], bits: int) -> str:
    """Recall@1 of each transformation, then the means."""
    names = list(results)
    lines = [
        [row, *(f"{results[n]['rows'][row]['recall_at_1']:.3f}" for n in names)]
        for row in TRANSFORMATIONS
    ]
    labels = {"recall_at_1": "recall@1", "map": "mAP", "auc": "AUC", "tpr": f"TPR at FPR {FPR:g}"}
    for kind in ("all", "photometric"):
        for key, label in labels.items():
            values = [f"{results[n]['means'][kind][key]:.3f}" for n in names]
            lines.append([f"**mean {label}, {kind}**", *values])
    lines.append(["ms an image", *(f"{results[n]['ms']:.2f}" for n in names)])
    return f"## {bits} bits\n\n" + markdown_table(["recall@1", *names], lines) + "\n"


def main() -> None:
    parser = arguments(__doc__, data=None)
    parser.add_argument("--data", type=Path, required=True, nargs="+", help="folders of photos")
    parser.add_argument("--model", default="hash-photo", help="name or weight file")
    parser.add_argument("--bits", type=int, nargs="+", default=(64, 256))
    parser.add_argument("--distractors", type=int, default=10_000)
    parser.add_argument("--limit", type=int, help="only the first LIMIT photos of each folder")
    args = parser.parse_args()
    photos = [load_photo(p) for folder in args.data for p in list_photos(folder, args.limit)]
    hasher = Hasher(args.model, "cpu")
    report: dict[str, Any] = {
        "photos": len(photos),
        "distractors": -(-args.distractors // len(photos)) * len(photos),
        "weights": hasher.fingerprint,
    }
    text = (
        f"# Near-duplicates\n\n{len(photos)} photos, {report['distractors']} distractors (pieces of"
        " 20 to 60 % of a side of the other photos). Crops keep so much of each side.\n\n"
    )
    stored = kept(image for _, image in with_pieces(photos, args.distractors))
    for bits in args.bits:
        results = {}
        for name, method in methods(bits, hasher, stored).items():
            print(f"{bits} bits: {name}", flush=True)
            results[name] = measure(photos, args.distractors, method)
        report[str(bits)] = results
        text += table(results, bits)
    write_result(args.out / "near_duplicates.json", report, text)
    print(text)


if __name__ == "__main__":
    main()
