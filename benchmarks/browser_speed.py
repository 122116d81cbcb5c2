"""How long a browser takes to decode, with one thread and two, and how much it loads.

python -m benchmarks.browser_speed --data photos --out benchmarks/results/browser_speed

Needs Chromium. One photo, in two sizes, is decoded several times in one page; the first time,
which loads the networks, does not count. Then pages with one picture are opened, each by a browser
that starts anew, with what it kept in its cache. Where other programs run, the best times are
nearer to those of a machine without them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from aecodec.codec.codec import Codec
from aecodec.codec.weights import DEFAULT_MODEL
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_bytes, write_result
from aecodec.workflows.viewer import viewer_files
from benchmarks.browsers import Site, browser, chromium_version, worker_seconds

SIZES = ((768, 512), (1216, 832))
THREADS = (1, 2)
QUALITY = 50
_SECONDS = 600  # to wait for a page

# Decodes a file again and again, and posts the milliseconds each time.
_AGAIN = """
import { decode } from "./aec.js";
for (;;) {
  const data = await (await fetch("photo.aec")).arrayBuffer();
  const start = performance.now();
  await decode(data);
  await fetch("again", { method: "POST", body: String(performance.now() - start) });
  await new Promise((resolve) => setTimeout(resolve, 500));
}
"""
# Posts when the preview and the picture were there: milliseconds since the page was asked for.
_FIRST = """
import "./aec-img.js";
const shown = document.createElement("aec-img");
for (const what of ["preview", "load"]) {
  shown.addEventListener(what, () =>
    fetch(what, { method: "POST", body: String(performance.now()) }),
  );
}
shown.setAttribute("src", "photo.aec");
document.body.append(shown);
"""


def site_of(folder: Path, script: str, file: bytes, threads: int) -> Site:
    page = f'<!doctype html><body><script type="module">{script}</script>'.encode()
    return Site(folder, {"page.html": page, "photo.aec": file}, isolated=threads > 1)


def profile_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


Times = tuple[float, float]
"""Seconds by the clock, and of the processor in the worker's busiest thread."""


def times(site: Site, process: int) -> Times:
    """Of what the page posts next; its worker's since it began."""
    clock = float(site.posted.get(timeout=_SECONDS)[1])
    return clock / 1000, worker_seconds(process)


def again(folder: Path, file: bytes, threads: int, runs: int) -> list[Times]:
    """Of each decode in one page but the first."""
    with (
        profile_folder() as profile,
        site_of(folder, _AGAIN, file, threads) as site,
        browser("chromium", f"{site.address}/page.html", Path(profile)) as process,
    ):
        found = [times(site, process) for _ in range(runs + 1)]
    return [(clock, busy - before) for (_, before), (clock, busy) in pairwise(found)]


def visit(site: Site, profile: str) -> dict[str, Times]:
    """A page with one picture, in a browser that starts."""
    with browser("chromium", f"{site.address}/page.html", Path(profile)) as process:
        found = {what: times(site, process) for what in ("preview", "picture")}
        time.sleep(2)  # in which the browser writes its caches
    return found


def first(folder: Path, file: bytes, threads: int, runs: int) -> list[dict[str, Times]]:
    """Of each visit, the first of which has nothing in its cache."""
    with profile_folder() as profile, site_of(folder, _FIRST, file, threads) as site:
        return [visit(site, profile) for _ in range(runs + 1)]


def loaded(folder: Path, file: bytes) -> dict[str, int]:
    """Bytes that a page with one picture loads, by kind."""
    kinds = dict.fromkeys(("model", "runtime", "scripts"), 0)
    with profile_folder() as profile, site_of(folder, _FIRST, file, 1) as site:
        visit(site, profile)
    for name, size in site.requested:
        if (folder / name).is_file():
            room = name.rpartition("/")[0]
            kinds[{"": "scripts", "runtime": "runtime"}.get(room, "model")] += size
    return kinds


def tables(rows: list[dict[str, Any]], kinds: dict[str, int], version: str) -> str:
    """Markdown."""
    lines = []
    for row in rows:
        without, *visits = row["first"]
        for what, found in (
            ("decode again", row["again"]),
            *((f"{what}, from the cache", [v[what] for v in visits]) for what in without),
            *((f"{what}, nothing cached", [without[what]]) for what in without),
        ):
            clocks, busy = zip(*found, strict=True)
            seconds = min(clocks), statistics.median(clocks), min(busy)
            lines.append([row["size"], str(row["threads"]), what, *(f"{s:.2f}" for s in seconds)])
    header = ["picture", "threads", "what", "seconds, best", "median", "busiest thread, best"]
    return (
        "# Decoding in a browser\n\n"
        f"{version}, quality {QUALITY}, {DEFAULT_MODEL}. Preview and picture: since a page with one"
        " picture was asked for. The busiest thread's are seconds of the processor: where other"
        " programs run, see the load, they are nearer to what a free machine takes.\n\n"
        + markdown_table(header, lines)
        + "\n"
        + markdown_table(
            ["what the page loads", "bytes"], [[k, f"{n:,}"] for k, n in kinds.items()]
        )
    )


def main() -> None:
    parser = arguments(__doc__, data="folder of photos; one is used")
    parser.add_argument("--runs", type=int, default=7, help="how often each is timed")
    args = parser.parse_args()
    photo = load_photo(list_photos(args.data, 1)[0])
    codec = Codec("cpu", runtime="onnx")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, data in viewer_files([DEFAULT_MODEL]):
            write_bytes(folder / name, data)
        for size in SIZES:
            file = codec.compress(ImageOps.fit(photo, size, Image.Resampling.LANCZOS), QUALITY)
            for threads in THREADS:
                rows.append(
                    {
                        "size": f"{size[0]} x {size[1]}",
                        "threads": threads,
                        "again": again(folder, file, threads, args.runs),
                        "first": first(folder, file, threads, args.runs),
                    }
                )
                print(rows[-1])
        kinds = loaded(folder, file)
    text = tables(rows, kinds, chromium_version())
    write_result(args.out / "browser_speed.json", {"rows": rows, "loaded": kinds}, text)
    print(text)


if __name__ == "__main__":
    main()
