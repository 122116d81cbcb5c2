"""Pictures that no camera took: what the codec makes of them, beside lossless WebP and AVIF.

    python -m benchmarks.drawn --out benchmarks/results/drawn
    python -m benchmarks.drawn --out results --number 36 --contact-sheet worst.png
    python -m benchmarks.drawn --out results --data photos

Drawn from seeds that no training draws (`aecodec.training.drawn`); besides, scikit-image's drawn
pictures, and the plots and screenshots of this project. Each at three qualities. With --data:
of how many photographs the encoder suspects that they are drawn, and what looking costs it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.classic_codecs import Avif, AvifPsnr
from aecodec.evaluation.denoising.plot import contact_sheet
from aecodec.evaluation.metrics import psnr, ssimulacra2
from aecodec.evaluation.photos import list_photos
from aecodec.evaluation.results import markdown_table, write_bytes, write_result
from aecodec.nn.runtime import use_threads
from aecodec.training.bank import TRAINED_FROM
from aecodec.training.drawn import KINDS, draw
from benchmarks.suspicion import exactness, photo_table, suspicion

ROOT = Path(__file__).parents[1]
QUALITIES = (20, 50, 90)
FIRST_SEED = 13000
BLOCK = 32  # pixels a side
# What no picture may fall short of: dB over all by quality, dB of each block, and at most so
# many times the bytes of lossless WebP, and so many more.
LEAST_PSNR = {20: 24.0, 50: 28.0, 90: 36.0}
LEAST_BLOCK = 15.0
MOST_TIMES, MOST_MORE = 1.05, 100
FAILURES = ("psnr", "block", "bytes")
# Near enough to each other to tell AVIF's bytes at any PSNR in between.
AVIF_QUALITIES = (1, 20, 40, 60, 75, 88, 97)
# Of all pictures, AVIF and SSIMULACRA 2 are measured of the first: they take most of the time.
IN_FULL = 100
CROP, PER_COLUMN = 192, 5  # of the contact sheet


class Picture(NamedTuple):
    """What is measured."""

    kind: str
    name: str
    image: Image.Image


def drawn_pictures(number: int) -> Iterator[Picture]:
    """As many of each kind, of seeds that are never trained on."""
    assert FIRST_SEED + number <= TRAINED_FROM
    for n in range(number):
        seed, kind = FIRST_SEED + n, KINDS[n % len(KINDS)]
        yield Picture(kind, f"seed {seed}", draw(seed, kind))


def found_pictures(root: Path) -> Iterator[Picture]:
    """scikit-image's drawn pictures, and the plots and screenshots below a checkout.

    Without contact sheets: they show noisy photographs.
    """
    import skimage.data

    for name in ("page", "text", "checkerboard", "horse", "logo"):
        pixels = getattr(skimage.data, name)()
        levels = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
        yield Picture("scikit-image", name, Image.fromarray(levels))
    places = ("docs/**/*.png", "docs/**/*.webp", "benchmarks/results/**/*.png")
    files = sorted(file for place in places for file in root.glob(place))
    for file in files:
        if "sheet" in file.name:
            continue
        with Image.open(file) as image:
            kind = "screenshots" if file.name.startswith("ui_") else "project"
            yield Picture(kind, file.relative_to(root).as_posix(), image.convert("RGB"))


def block_psnr(original: Image.Image, decoded: Image.Image) -> npt.NDArray[np.float64]:
    """PSNR in dB of each block of 32x32 pixels, those at the borders smaller; inf where equal."""
    a, b = (np.asarray(image.convert("RGB"), np.float64) for image in (original, decoded))
    error = np.square(a - b).mean(axis=2)
    starts = [np.arange(0, length, BLOCK) for length in error.shape]
    sums = np.add.reduceat(np.add.reduceat(error, starts[0], axis=0), starts[1], axis=1)
    sides = [np.diff([*s, length]) for s, length in zip(starts, error.shape, strict=True)]
    mse = sums / np.outer(*sides)
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(255**2 / mse))


def lossless_webp(image: Image.Image) -> int:
    """Bytes of a lossless WebP as Pillow writes it."""
    buffer = BytesIO()
    image.save(buffer, "WEBP", lossless=True)
    return len(buffer.getvalue())


class AvifCurve:
    """Bytes of AVIF against PSNR in dB, of an image; what is asked for is coded."""

    def __init__(self, image: Image.Image, codec: Avif) -> None:
        self._rgb, self._codec = image.convert("RGB"), codec
        self._points: dict[int, tuple[float, int]] = {}

    def bytes_at(self, wanted: float) -> float | None:
        """For a PSNR; those of the lowest quality at least; None where the highest has less."""
        if self._point(AVIF_QUALITIES[-1])[0] < wanted:
            return None
        above = bisect_left(AVIF_QUALITIES, wanted, key=lambda quality: self._point(quality)[0])
        some = AVIF_QUALITIES[max(0, above - 1) : above + 1]
        decibels, sizes = zip(*(self._point(quality) for quality in some), strict=True)
        return float(np.exp(np.interp(wanted, decibels, np.log(sizes))))

    def _point(self, quality: int) -> tuple[float, int]:
        if quality not in self._points:
            data = self._codec.encode(self._rgb, quality)
            self._points[quality] = psnr(self._rgb, self._codec.decode(data)), len(data)
        return self._points[quality]


def measure(
    codec: Codec, picture: Picture, *, in_full: bool, with_avif: bool
) -> list[dict[str, Any]]:
    """A row for each quality.

    Args:
        in_full: with SSIMULACRA 2, too.
        with_avif: with AVIF's bytes at the same PSNR.
    """
    webp = lossless_webp(picture.image.convert("RGB"))
    curves = {
        name: AvifCurve(picture.image, avif) if with_avif else None
        for name, avif in (("avif_bytes", AvifPsnr()), ("avif_plain_bytes", Avif()))
    }
    if picture.kind not in ("screenshots", "project"):
        curves["avif_plain_bytes"] = None
    rows = []
    for quality in QUALITIES:
        data = codec.compress(picture.image, quality)
        decoded = codec.decompress(data)
        decibels = psnr(picture.image, decoded)
        row: dict[str, Any] = {
            "kind": picture.kind,
            "picture": picture.name,
            "quality": quality,
            "pixels": picture.image.width * picture.image.height,
            "bytes": len(data),
            "psnr": decibels,
            "ssimulacra2": _score(picture.image, decoded) if in_full else None,
            "worst_block": float(block_psnr(picture.image, decoded).min()),
            "exact": exactness(data),
            "webp_bytes": webp,
            **{
                name: curve.bytes_at(decibels) if curve and math.isfinite(decibels) else None
                for name, curve in curves.items()
            },
        }
        rows.append({**row, "failures": failures(row)})
    return rows


def _score(original: Image.Image, decoded: Image.Image) -> float:
    equal = np.array_equal(np.asarray(original), np.asarray(decoded))
    return 100.0 if equal else ssimulacra2(original, decoded)


def failures(row: dict[str, Any]) -> list[str]:
    """Which of the three requirements a row misses."""
    missed = (
        row["psnr"] < LEAST_PSNR[row["quality"]],
        row["worst_block"] < LEAST_BLOCK,
        row["bytes"] > MOST_TIMES * row["webp_bytes"] + MOST_MORE,
    )
    return [name for name, there in zip(FAILURES, missed, strict=True) if there]


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of some pictures at one quality; of PSNR, the mean over those not wholly exact."""
    lossy = [row["psnr"] for row in rows if math.isfinite(row["psnr"])]
    return {
        "pictures": len(rows),
        "bytes": sum(row["bytes"] for row in rows),
        "psnr": float(np.mean(lossy)) if lossy else math.inf,
        "least_psnr": min(row["psnr"] for row in rows),
        "ssimulacra2": _mean([row["ssimulacra2"] for row in rows]),
        "worst_block": min(row["worst_block"] for row in rows),
        "wholly_exact": float(np.mean([row["exact"] == "wholly" for row in rows])),
        "partly_exact": float(np.mean([row["exact"] == "partly" for row in rows])),
        "few_colours": float(np.mean([row["exact"] == "few colours" for row in rows])),
        "to_webp": sum(row["bytes"] for row in rows) / sum(row["webp_bytes"] for row in rows),
        "to_avif": _ratio(rows, "avif_bytes"),
        "to_avif_plain": _ratio(rows, "avif_plain_bytes"),
        "avif_reaches": sum(row["avif_bytes"] is not None for row in rows),
        "missed": {name: sum(name in row["failures"] for row in rows) for name in FAILURES},
    }


def _mean(values: Sequence[float | None]) -> float | None:
    """Of those that are there."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None


def _ratio(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    """Bytes to AVIF's, over those whose PSNR it reaches, each counted alike."""
    ratios = [np.log(row["bytes"] / row[name]) for row in rows if row[name]]
    return float(np.exp(np.mean(ratios))) if ratios else None


def groups(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows by kind, those of all drawn kinds first."""
    drawn = [row for row in rows if row["kind"] in KINDS]
    kinds = dict.fromkeys(row["kind"] for row in rows)
    found = {"all drawn": drawn} if drawn else {}
    return {**found, **{kind: [row for row in rows if row["kind"] == kind] for kind in kinds}}


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return "exact" if math.isinf(value) else f"{value:.{digits}f}"


def tables(figures: dict[str, Any]) -> str:
    """A table for each quality, and of photographs if there were any."""
    parts = [
        "# Drawn pictures\n\nEach kind is drawn from seeds that no training draws. PSNR in dB: the"
        " mean over pictures that are not wholly exact, and the least; the worst 32x32 block of"
        " all. Bytes in all to those of lossless WebP; to those of AVIF (4:4:4, tuned for PSNR;"
        " and, of screenshots and the project's others, as Pillow writes it) at equal PSNR, the"
        " geometric mean over those whose PSNR AVIF reaches. Missed: pictures under"
        f" {', '.join(f'{db:g} dB at quality {q}' for q, db in LEAST_PSNR.items())}; with a block"
        f" under {LEAST_BLOCK:g} dB; larger than {MOST_TIMES} times lossless WebP and"
        f" {MOST_MORE} bytes.\n"
    ]
    header = ["", "pictures", "bytes", "PSNR", "least", "worst block", "SSIMULACRA 2"]
    header += [
        "wholly exact",
        "partly",
        "few colours",
        "to WebP",
        "to AVIF for PSNR",
        "of",
        "to AVIF",
        "missed: PSNR, block, bytes",
    ]
    for quality, kinds in figures["summary"].items():
        rows = [
            [
                kind,
                str(cell["pictures"]),
                f"{cell['bytes']:,}",
                *(_number(cell[key], 2) for key in ("psnr", "least_psnr", "worst_block")),
                _number(cell["ssimulacra2"], 1),
                f"{cell['wholly_exact']:.0%}",
                f"{cell['partly_exact']:.0%}",
                f"{cell['few_colours']:.0%}",
                f"{cell['to_webp']:.2f}",
                _number(cell["to_avif"], 2),
                str(cell["avif_reaches"]),
                _number(cell["to_avif_plain"], 2),
                ", ".join(str(cell["missed"][name]) for name in FAILURES),
            ]
            for kind, cell in kinds.items()
        ]
        parts.append(f"## Quality {quality}\n\n{markdown_table(header, rows)}")
    if "photographs" in figures:
        parts.append(photo_table(figures["photographs"]))
    return "\n".join(parts)


def worst_sheet(codec: Codec, rows: Sequence[dict[str, Any]]) -> Image.Image:
    """The drawn picture of each kind with the worst block, original and decoded around it."""
    strips = []
    for kind in dict.fromkeys(row["kind"] for row in rows if row["kind"] in KINDS):
        row = min((r for r in rows if r["kind"] == kind), key=lambda r: r["worst_block"])
        original = draw(int(row["picture"].removeprefix("seed ")), kind).convert("RGB")
        decoded = codec.decompress(codec.compress(original, row["quality"])).convert("RGB")
        blocks = block_psnr(original, decoded)
        y, x = (int(n) * BLOCK + BLOCK // 2 for n in divmod(int(blocks.argmin()), blocks.shape[1]))
        crops = {
            name: _crop_around(image, x, y)
            for name, image in ((kind, original), ("decoded", decoded))
        }
        label = f"{row['picture']}, quality {row['quality']}"
        strips.append(Image.open(BytesIO(contact_sheet({label: crops}))))
    columns = -(-len(strips) // PER_COLUMN)
    width, height = strips[0].size
    sheet = Image.new("RGB", (columns * width, min(PER_COLUMN, len(strips)) * height), "white")
    for n, strip in enumerate(strips):
        sheet.paste(strip, (n // PER_COLUMN * width, n % PER_COLUMN * height))
    return sheet


def _crop_around(image: Image.Image, x: int, y: int) -> Image.Image:
    """A square around a point, white where the picture ends."""
    left = max(0, min(x - CROP // 2, image.width - CROP))
    top = max(0, min(y - CROP // 2, image.height - CROP))
    square = Image.new("RGB", (CROP, CROP), "white")
    square.paste(
        image.crop((left, top, min(left + CROP, image.width), min(top + CROP, image.height)))
    )
    return square


@lru_cache(maxsize=1)
def _codec(weights: str | None) -> Codec:
    return Codec("cpu", weights)


def _measured(job: tuple[str | None, int, Picture]) -> list[dict[str, Any]]:
    weights, number, picture = job
    in_full = number < IN_FULL
    with_avif = in_full and AvifPsnr().works()
    return measure(_codec(weights), picture, in_full=in_full, with_avif=with_avif)


def main() -> None:
    parser = arguments(__doc__, data=None)
    parser.add_argument("--number", type=int, default=1000, help="of pictures to draw")
    parser.add_argument("--weights", metavar="NAME|FILE", help="of the codec; as in aecodec.Codec")
    parser.add_argument("--data", type=Path, help="folder of photographs to look at, too")
    parser.add_argument("--limit", type=int, help="only the first LIMIT photographs")
    parser.add_argument("--contact-sheet", type=Path, help="PNG of the worst of each kind")
    args = parser.parse_args()
    pictures = [found_pictures(ROOT), drawn_pictures(args.number)]
    jobs = ((args.weights, n, p) for n, p in enumerate(p for some in pictures for p in some))
    rows: list[dict[str, Any]] = []
    # A process a core, each on one thread: pictures are small.
    with ProcessPoolExecutor(initializer=use_threads, initargs=(1,)) as pool:
        for measured in pool.map(_measured, jobs):
            rows += measured
            missed = sorted({name for row in measured for name in row["failures"]})
            note = f": misses {', '.join(missed)}" if missed else ""
            print(f"{measured[0]['kind']}, {measured[0]['picture']}{note}", flush=True)
    codec = Codec("cpu", args.weights)
    figures: dict[str, Any] = {
        "weights": codec.digest.hex(),
        "summary": {
            str(quality): {
                kind: summarise([row for row in some if row["quality"] == quality])
                for kind, some in groups(rows).items()
            }
            for quality in QUALITIES
        },
        "rows": rows,
    }
    if args.data:
        figures["photographs"] = suspicion(codec, list_photos(args.data, args.limit), QUALITIES)
    text = tables(figures)
    write_result(args.out / "drawn.json", figures, text)
    if args.contact_sheet:
        buffer = BytesIO()
        worst_sheet(codec, rows).save(buffer, "PNG", optimize=True)
        write_bytes(args.contact_sheet, buffer.getvalue())
    print(text)


if __name__ == "__main__":
    main()
