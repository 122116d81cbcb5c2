"""How long a browser takes to decode, with one thread and two, and how much it loads.

python -m benchmarks.browser_speed --data photos --out benchmarks/results/browser_speed

Needs Chromium, and onnxruntime-web as `make test-web` installs it. One photo, in two sizes, is
decoded several times in one page; the first time, which loads the networks, does not count. Then
pages with one picture are opened, each by a browser that starts anew, with what it kept in its
cache. Where other programs run, the best times are nearer to those of a machine without them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from aecodec.codec.codec import Codec
from aecodec.codec.weights import DEFAULT_MODEL
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_bytes, write_result
from aecodec.workflows.viewer import viewer_files
from benchmarks.browsers import Site, browser, chromium_version, worker_seconds

SIZES = ((768, 512), (1216, 832))
THREADS = (1, 2)
QUALITY = 50
_SECONDS = 600  # to wait for a page

# Decodes a file again and again, and posts the milliseconds of each time.
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
const found = {};
shown.addEventListener("preview", () => (found.preview = performance.now()));
shown.addEventListener("load", async () => {
  found.picture = performance.now();
  await fetch("first", { method: "POST", body: JSON.stringify(found) });
});
shown.setAttribute("src", "photo.aec");
document.body.append(shown);
"""


def site_of(folder: Path, script: str, file: bytes, threads: int) -> Site:
    page = f'<!doctype html><body><script type="module">{script}</script>'.encode()
    return Site(folder, {"page.html": page, "photo.aec": file}, isolated=threads > 1)


def profile_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


def posted(site: Site, profile: str) -> Any:
    """What one visit posts."""
    with browser("chromium", f"{site.address}/page.html", Path(profile)):
        found = json.loads(site.posted.get(timeout=_SECONDS)[1])
        time.sleep(2)  # in which the browser writes its caches
    return found


def again(folder: Path, file: bytes, threads: int, runs: int) -> list[tuple[float, float]]:
    """Milliseconds, and those of its busiest thread, of each decode in one page but the first."""
    found, before = [], 0.0
    with (
        profile_folder() as profile,
        site_of(folder, _AGAIN, file, threads) as site,
        browser("chromium", f"{site.address}/page.html", Path(profile)) as process,
    ):
        for _ in range(runs + 1):
            clock = float(site.posted.get(timeout=_SECONDS)[1])
            used = worker_seconds(process)
            found.append((clock, 1000 * (used - before)))
            before = used
    return found[1:]


def first(folder: Path, file: bytes, threads: int, runs: int) -> list[dict[str, float]]:
    """Milliseconds to the picture in each visit, the first of which has nothing in its cache."""
    with profile_folder() as profile, site_of(folder, _FIRST, file, threads) as site:
        return [posted(site, profile) for _ in range(runs + 1)]


def loaded(folder: Path, file: bytes) -> dict[str, int]:
    """Bytes that a page with one picture loads, by kind."""
    kinds = dict.fromkeys(("model", "runtime", "scripts"), 0)
    with profile_folder() as profile, site_of(folder, _FIRST, file, 1) as site:
        posted(site, profile)
    for name, size in site.requested:
        if (folder / name).is_file():
            room = name.rpartition("/")[0]
            kinds[{"": "scripts", "runtime": "runtime"}.get(room, "model")] += size
    return kinds


def tables(rows: list[dict[str, Any]], kinds: dict[str, int], version: str) -> str:
    """Markdown."""

    def seconds(times: list[float]) -> str:
        return f"{min(times) / 1000:.2f} ({statistics.median(times) / 1000:.2f})"

    lines = [
        [
            row["size"],
            str(row["threads"]),
            *(seconds(list(times)) for times in zip(*row["again"], strict=True)),
            *(seconds([visit[what] for visit in row["first"][1:]]) for what in _SHOWN),
            *(f"{row['first'][0][what] / 1000:.2f}" for what in _SHOWN),
        ]
        for row in rows
    ]
    header = ["picture", "threads", "decode", "busiest thread", "preview", "picture"]
    text = (
        "# Decoding in a browser\n\n"
        f"{version}, quality {QUALITY}, {DEFAULT_MODEL}. Seconds, the best and in brackets the"
        " median. Preview and picture: since a page with one picture was asked for, from the"
        " cache, then with nothing in it.\n\n"
        + markdown_table([*header, "preview, no cache", "picture, no cache"], lines)
        + "\n"
        + markdown_table(
            ["what the page loads", "bytes"], [[k, f"{n:,}"] for k, n in kinds.items()]
        )
    )
    return text


_SHOWN = ("preview", "picture")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of photos; one is used")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--runtime", type=Path, default=Path("tests/web/node_modules/onnxruntime-web")
    )
    parser.add_argument("--runs", type=int, default=7, help="how often each is timed")
    args = parser.parse_args()
    photo = load_photo(list_photos(args.data, 1)[0])
    codec = Codec("cpu", runtime="onnx")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, data in viewer_files([DEFAULT_MODEL], args.runtime):
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
