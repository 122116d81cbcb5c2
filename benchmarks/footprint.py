"""What tools take to do one thing from cold: seconds, memory, and disk once they are installed.

python -m benchmarks.footprint --data photos --out benchmarks/results/footprint

Each is installed by pip into an environment of its own, aecodec from this checkout.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from PIL import Image

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result

RUNS = 3
ROOT = Path(__file__).parents[1]


class Tool(NamedTuple):
    """What is installed, and what is run in its environment, by name: arguments of Python."""

    name: str
    packages: tuple[str, ...]
    work: dict[str, tuple[str, ...]]


_COMPRESSAI = """
import torch, numpy, PIL.Image
from compressai.zoo import mbt2018_mean
model = mbt2018_mean(4, pretrained=False).eval()
model.update()
pixels = torch.from_numpy(numpy.asarray(PIL.Image.open("photo.png")) / numpy.float32(255))
with torch.inference_mode():
    model.compress(pixels.permute(2, 0, 1)[None])
"""
_IMAGEDEDUP = """
from imagededup.methods import PHash
PHash().encode_image("photo.png")
"""
_AVIF = """
import pillow_avif, PIL.Image
PIL.Image.open("photo.png").save("photo.avif")
"""
TOOLS = (
    Tool(
        "aecodec",
        (str(ROOT),),
        {
            "compress": ("-m", "aecodec_cli", "compress", "photo.png", "--force"),
            "hash": ("-m", "aecodec_cli", "hash", "photo.png"),
        },
    ),
    Tool("CompressAI", ("compressai",), {"compress, mbt2018-mean": ("-c", _COMPRESSAI)}),
    Tool("imagededup", ("imagededup",), {"hash, PHash": ("-c", _IMAGEDEDUP)}),
    Tool("pillow-avif-plugin", ("pillow-avif-plugin", "pillow"), {"compress": ("-c", _AVIF)}),
)


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(f.lstat().st_size for f in folder.rglob("*") if not f.is_dir())


# In a small process of its own: a new one counts what the one that started it had, too.
_WATCH = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds of a process, and MB that it took at most.

    Raises:
        CalledProcessError: it fails.
    """
    watch = [sys.executable, "-S", "-c", _WATCH, *command]
    printed = subprocess.run(watch, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak = map(float, printed.stdout.split())
    kilo = 1000 if sys.platform == "darwin" else 1
    return seconds, peak / kilo * 1024 / 1e6


def measure(tool: Tool, photo: Image.Image, folder: Path) -> dict[str, Any]:
    """Bytes on disk beside an empty environment's, and what each work takes from cold."""
    photo.save(folder / "photo.png")
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    empty, python = size_of(environment), str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *tool.packages], check=True)
    found: dict[str, Any] = {"installed_mb": (size_of(environment) - empty) / 1e6, "work": {}}
    for name, work in tool.work.items():
        times = [run([python, *work], folder) for _ in range(RUNS + 1)][1:]
        seconds, peak = (median(values) for values in zip(*times, strict=True))
        found["work"][name] = {"seconds": seconds, "peak_mb": peak}
    return found


def main() -> None:
    parser = arguments(__doc__)
    args = parser.parse_args()
    photo = load_photo(list_photos(args.data, 1)[0])
    found = {}
    for tool in TOOLS:
        print(tool.name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            found[tool.name] = measure(tool, photo, Path(folder))
    rows = [
        [
            name,
            work,
            f"{took['seconds']:.2f}",
            f"{took['peak_mb']:.0f}",
            f"{one['installed_mb']:.0f}",
        ]
        for name, one in found.items()
        for work, took in one["work"].items()
    ]
    header = ["", "of one photo, from cold", "seconds", "peak MB", "installed MB"]
    size = f"{photo.width}x{photo.height}"
    text = f"# From cold\n\nOne photo of {size}, medians of {RUNS} runs after one.\n\n"
    text += markdown_table(header, rows) + "\n"
    write_result(args.out / "footprint.json", {"tools": found}, text)
    print(text)


if __name__ == "__main__":
    main()
