"""Images a second into an index: JPEG files, .aec files by the hash in them, and without one;
and what a search costs.

python benchmarks/index_speed.py --data photos --out benchmarks/results/index_speed

Each photo is written `--copies` times, shifted by a pixel each, so that no two files are equal.
The model is loaded before the clock starts.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageChops

from aecodec.codec.codec import Codec
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.hashing.hasher import Hasher
from aecodec.hashing.stored import pack_code
from aecodec.workflows.search import ImageIndex


def write_files(photos: list[Image.Image], copies: int, root: Path, hasher: Hasher) -> None:
    """A folder for each kind of file."""
    codec = Codec("cpu")
    for name in ("jpeg", "aec", "aec-plain"):
        (root / name).mkdir()
    for number, photo in enumerate(photos):
        for copy in range(copies):
            image, stem = ImageChops.offset(photo, copy, 0), f"{number:03}-{copy:02}"
            image.save(root / "jpeg" / f"{stem}.jpg", quality=90)
            code = pack_code(hasher.fingerprint, hasher.code(image))
            stored = codec.compress(image, effort="fast", stored_hash=code)
            (root / "aec" / f"{stem}.aec").write_bytes(stored)
            if not copy:  # which must be decoded, and takes so much longer
                plain = codec.compress(image, effort="fast")
                (root / "aec-plain" / f"{stem}.aec").write_bytes(plain)


def images_a_second(folder: Path, index: Path) -> float:
    with ImageIndex(index, device="cpu") as opened:
        opened.add(next(folder.iterdir()))  # the model, and the codec
        start = time.perf_counter()
        report = opened.add(folder)
        seconds = time.perf_counter() - start
    assert not report.failed
    return (len(list(folder.iterdir())) - 1) / seconds


def milliseconds_a_search(folder: Path, index: Path) -> float:
    """Of the first 200 files of a folder that is in the index, one after another."""
    with ImageIndex(index, device="cpu") as opened:
        queries = sorted(folder.iterdir())[:200]
        opened.search(queries[0])  # the model
        start = time.perf_counter()
        for query in queries:
            opened.search(query)
        return 1000 * (time.perf_counter() - start) / len(queries)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--copies", type=int, default=20)
    args = parser.parse_args()
    photos = [load_photo(path) for path in list_photos(args.data, None)]
    root = Path(tempfile.mkdtemp())
    try:
        write_files(photos, args.copies, root, Hasher(device="cpu"))
        rates = {
            name: images_a_second(root / name, root / f"{name}.sqlite3")
            for name in ("jpeg", "aec", "aec-plain")
        }
        search = milliseconds_a_search(root / "jpeg", root / "jpeg.sqlite3")
    finally:
        shutil.rmtree(root)
    megapixels = sum(p.width * p.height for p in photos) / 1e6 / len(photos)
    report = {
        "megapixels": megapixels,
        "images_per_second": rates,
        "milliseconds_a_search": search,
    }
    labels = {"jpeg": "JPEG", "aec": ".aec with a hash", "aec-plain": ".aec without, decoded"}
    lines = [[labels[name], f"{rate:,.0f}"] for name, rate in rates.items()]
    text = f"# Indexing, images of {megapixels:.2f} megapixels\n\n"
    text += markdown_table(["files", "images a second"], lines)
    text += f"\nSearch by a JPEG among {len(photos) * args.copies}: {search:.0f} ms a query.\n"
    write_result(args.out / "index_speed.json", report, text)
    print(text)


if __name__ == "__main__":
    main()
