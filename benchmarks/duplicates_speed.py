"""How long `aecodec duplicates` takes with a large index, and what it finds there.

    python -m benchmarks.duplicates_speed --data photos train.npz --folder scratch --out results

The collection is made once, in --folder: small JPEG files of packed data sets (.npz), of tiles of
photos, which do not overlap, and of drawings; and altered copies of some of them (--altered), each
by one of the twenty alterations of `near_duplicates.py`. Only altered copies have a truth: data
sets may hold a picture twice.
"""

from __future__ import annotations

import io
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache, partial, wraps
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.hashing import checking, duplicates, screening
from aecodec.hashing.index import ImageIndex
from aecodec.hashing.verify import guess, layout
from aecodec.training.drawn import draw
from benchmarks.near_duplicates import TRANSFORMATIONS

SIDE = 192  # pixels of a made picture, about
SHARES = {"packed": 65, "tiles": 15, "drawn": 6}  # of what is no altered copy
ALTERED = 0.14  # of all


_PARTS = ("search", "small copies", "layouts", "screen", "verification", "of this, files", "all")


Make = Callable[[], Image.Image]


def packed_images(file: Path) -> Iterator[Make]:
    """Of files in `jpeg` or `webp`, one after another, by `offsets`."""
    with np.load(file) as arrays:
        data = arrays["jpeg" if "jpeg" in arrays else "webp"].tobytes()
        offsets = arrays["offsets"].tolist()
    for start, stop in zip(offsets[:-1], offsets[1:], strict=True):
        yield partial(_unpacked, data[start:stop])


def _unpacked(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    scale = SIDE / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)))


def tiles(path: Path) -> Iterator[Make]:
    """Pieces of about 1/36 of a photo that do not overlap."""
    photo = lru_cache(maxsize=1)(load_photo)

    def tile(x: int, y: int) -> Image.Image:
        whole = photo(path)
        width, height = whole.width // 6, whole.height // 6
        found = whole.crop((x * width, y * height, (x + 1) * width, (y + 1) * height))
        found.thumbnail((SIDE, SIDE))
        return found

    return (partial(tile, x, y) for x in range(6) for y in range(6))


def originals(data: list[Path], count: int) -> Iterator[Make]:
    """How to make so many pictures, of which no two are copies on purpose."""
    whole = sum(SHARES.values())
    wanted = {kind: round(share / whole * count) for kind, share in SHARES.items()}
    packed = (packed_images(file) for file in data if file.suffix == ".npz")
    photos = (photo for folder in data if folder.is_dir() for photo in list_photos(folder))
    yield from islice(chain.from_iterable(packed), wanted["packed"])
    yield from islice(chain.from_iterable(map(tiles, photos)), wanted["tiles"])
    for seed in range(wanted["drawn"]):
        yield partial(draw, 100_000 + seed, size=(240, 180))


def make(folder: Path, data: list[Path], count: int, altered: float) -> None:
    """The collection: NUMBER.jpg, and NUMBER.ALTERATION.jpg of what was altered, a share of all.
    What is there already stays, so that an interrupted run goes on.
    """
    rng, names = np.random.default_rng(0), list(TRANSFORMATIONS)
    each = altered / (1 - altered)
    for number, make_one in enumerate(originals(data, round(count * (1 - altered)))):
        place = folder / f"{number // 1000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        which = int(rng.integers(len(names))) if rng.random() < each else -1
        copy, file = place / f"{number:06d}.{which:02d}.jpg", place / f"{number:06d}.jpg"
        if file.exists():  # written last
            continue
        image = make_one().convert("RGB")
        if which >= 0:
            TRANSFORMATIONS[names[which]](image).save(copy, quality=85)
        image.save(file, quality=90)


class Split:
    """Seconds, of the clock and of all cores, and what went through, of parts of the work."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def watch(self, owner: Any, name: str, part: str, count: Callable[..., int]) -> None:
        """Time a function from now on; `count` says of its arguments how many there are."""
        work = getattr(owner, name)

        @wraps(work)
        def timed(*args: Any, **options: Any) -> Any:
            wall, cpu = time.perf_counter(), _cpu()
            found = work(*args, **options)
            self.parts[part]["seconds"] += time.perf_counter() - wall
            self.parts[part]["cpu_seconds"] += _cpu() - cpu
            self.parts[part]["count"] += count(*args)
            return found

        setattr(owner, name, timed)


def _cpu() -> float:
    """Seconds of this process, and of those that it started and that have ended."""
    return sum(os.times()[:4])


def measure(index: Path) -> dict[str, Any]:
    """Figures of one call of `ImageIndex.duplicates`."""
    split = Split()
    split.watch(duplicates, "_candidates", "search", lambda _, images, *rest: len(images))
    split.watch(screening, "small_copies", "small copies", lambda ids, *rest: len(ids))
    split.watch(layout, "alike", "layouts", lambda copies, *rest: len(copies))
    split.watch(guess, "likeness", "screen", lambda c, s, pairs, *rest: len(pairs))
    split.watch(checking.Checker, "__call__", "verification", lambda _, pairs: len(pairs))
    split.watch(checking.Checker, "close", "verification", lambda _: 0)  # processes end here
    # In these processes nobody counts it.
    split.watch(checking.Checker, "_by_files", "of this, files", lambda _, pairs, *rest: len(pairs))
    with ImageIndex(index, device="cpu") as opened:
        count = len(opened)
        split.watch(opened, "duplicates", "all", lambda *_: count)
        found = opened.duplicates(None, processes=None)
        paths = [path for _, path in opened._database().paths()]
    group = {}
    for number, one in enumerate(found.groups):
        for entry in (one.keep, *(match.entry for match in one.duplicates)):
            group[entry.path] = number
    of = {path: Path(path).name.split(".")[0] for path in paths}
    first = {name: path for path, name in of.items() if Path(path).name.count(".") == 1}
    altered = [path for path, name in of.items() if path != first.get(name) and name in first]
    right = [path in group and group[path] == group.get(first[of[path]]) for path in altered]
    others = sum(
        of[match.entry.path] != of[one.keep.path]
        for one in found.groups
        for match in one.duplicates
    )
    return {
        "pictures": count,
        "parts": {name: dict(part) for name, part in split.parts.items()},
        "altered": len(altered),
        "altered_found": float(np.mean(right)) if right else float("nan"),
        "others": others,
    }


def table(figures: dict[str, Any]) -> str:
    parts = figures["parts"]
    rows = [
        [
            name,
            f"{parts[name]['count']:,.0f}",
            f"{parts[name]['seconds']:.1f}",
            f"{parts[name]['cpu_seconds']:.1f}",
        ]
        for name in _PARTS
        if name in parts
    ]
    return (
        f"# Duplicates among {figures['pictures']:,} pictures\n\nSearch, small copies and"
        " layouts count pictures, screen and verification pairs. Of"
        f" {figures['altered']:,} altered copies {figures['altered_found']:.1%} are in the group of"
        f" their original; {figures['others']:,} other pictures are called copies, for which there"
        " is no truth.\n\n" + markdown_table(["", "number", "seconds", "CPU seconds"], rows) + "\n"
    )


def main() -> None:
    parser = arguments(__doc__, data=None)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="photos and .npz files")
    parser.add_argument("--folder", type=Path, required=True, help="for the collection")
    parser.add_argument("--count", type=int, default=100_000, help="of pictures, about")
    parser.add_argument(
        "--altered", type=float, default=ALTERED, help="share of them, that are altered copies"
    )
    args = parser.parse_args()
    make(args.folder, args.data, args.count, args.altered)
    index = args.folder.with_suffix(".sqlite3")
    with ImageIndex(index, device="cpu") as opened:
        opened.add(args.folder)
    figures = measure(index)
    text = table(figures)
    write_result(args.out / "duplicates_speed.json", figures, text)
    print(text)


if __name__ == "__main__":
    main()
