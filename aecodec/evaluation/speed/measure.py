"""Encoding and decoding times of aecodec, CompressAI's codecs and the classic ones."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from aecodec.errors import AecodecError
from aecodec.evaluation import machine
from aecodec.evaluation.classic_codecs import Avif, ImageCodec, Jpeg, WebP
from aecodec.evaluation.learned_codec import LearnedCodec
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import Result, write_result
from aecodec.evaluation.speed.compressai_codecs import MODELS, CompressAiCodec
from aecodec.evaluation.speed.table import VERSIONS, speed_markdown

REFERENCE = "mbt2018-mean"
FAST = "its fast effort and decoder"
PREVIEW = "its preview, 96x64"
KODAK_SIZE = (768, 512)
COLD_RUNS = 3

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Contestant:
    """A codec at one setting; what `encode` returns is for its own `decode` and `size`."""

    name: str
    encode: Callable[[Image.Image], Any]
    decode: Callable[[Any], Image.Image]
    size: Callable[[Any], int]  # bytes


@dataclass(frozen=True)
class Times:
    """Seconds of each repetition, and the size of the file."""

    encode: list[float]
    decode: list[float]
    bpp: float


def _at_setting(codec: ImageCodec, setting: int) -> Contestant:
    name = f"{codec.name} (quality {setting})"
    return Contestant(name, lambda image: codec.encode(image, setting), codec.decode, len)


def _contestants(image: Image.Image, device: str) -> list[Contestant]:
    """aecodec at its middle quality, and the others at settings of about half a bit per pixel."""
    learned = [CompressAiCodec(name, image, quality) for name, quality in MODELS]
    classic = [(Jpeg(), 25), (WebP(), 40), (Avif(), 50)]
    ours = LearnedCodec(device=device, qualities=(50,))
    full = _at_setting(ours, 50)
    lean = LearnedCodec(device=device, qualities=(50,), effort="fast", decoder="fast")
    return [
        full,
        replace(_at_setting(lean, 50), name=FAST),
        Contestant(PREVIEW, full.encode, ours.preview, len),
        *(Contestant(c.name, c.encode, c.decode, c.size) for c in learned),
        *(_at_setting(codec, setting) for codec, setting in classic if codec.works()),
    ]


def time_interleaved(
    contestants: Sequence[Contestant], image: Image.Image, repeats: int
) -> dict[str, Times]:
    """Time all contestants in turn, `repeats` times over, after one round to warm up.

    In turn, so that whatever else the machine does hits all of them alike.
    """
    compressed = {c.name: c.encode(image) for c in contestants}
    pixels = image.width * image.height
    times = {c.name: Times([], [], 8 * c.size(compressed[c.name]) / pixels) for c in contestants}
    for c in contestants:
        c.decode(compressed[c.name])
    for _ in range(repeats):
        for c in contestants:
            start = perf_counter()
            data = c.encode(image)
            encoded = perf_counter()
            c.decode(data)
            times[c.name].decode.append(perf_counter() - encoded)
            times[c.name].encode.append(encoded - start)
    return times


def _row(name: str, threads: int, times: Times, reference: Times) -> dict[str, Any]:
    def ratio(own: list[float], other: list[float]) -> float:
        # Of neighbours in time, then the median: slow spells of the machine cancel.
        return median(a / b for a, b in zip(own, other, strict=True))

    return {
        "codec": name,
        "threads": threads,
        "bpp": times.bpp,
        "encode_ms": 1000 * median(times.encode),
        "decode_ms": 1000 * median(times.decode),
        "encode_ratio": ratio(times.encode, reference.encode),
        "decode_ratio": ratio(times.decode, reference.decode),
    }


def _sample_photo() -> Image.Image:
    try:
        from skimage import data
    except ImportError as error:
        raise AecodecError(
            "the photo to time comes with scikit-image: pip install scikit-image"
        ) from error
    return Image.fromarray(np.asarray(data.coffee())).resize(KODAK_SIZE, Image.Resampling.LANCZOS)


def _kodak_size(photo: Image.Image) -> Image.Image:
    """The middle of a photo, 768x512; CompressAI's models need multiples of 64."""
    if photo.width < photo.height:
        photo = photo.transpose(Image.Transpose.ROTATE_90)
    if photo.width < KODAK_SIZE[0] or photo.height < KODAK_SIZE[1]:
        raise AecodecError(f"need a photo of at least 768x512, not {photo.width}x{photo.height}")
    left, top = (photo.width - KODAK_SIZE[0]) // 2, (photo.height - KODAK_SIZE[1]) // 2
    return photo.crop((left, top, left + KODAK_SIZE[0], top + KODAK_SIZE[1]))


def _wall_time(arguments: Sequence[str]) -> float:
    """Median seconds of the command line from process start to end.

    Raises:
        AecodecError: when the command fails, with its last line.
    """
    command = [sys.executable, "-m", "aecodec_cli", *arguments]
    seconds = []
    for _ in range(COLD_RUNS):
        start = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(perf_counter() - start)
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise AecodecError(f"aecodec {' '.join(arguments)} failed: {last}")
    return median(seconds)


def cold_start(image: Image.Image) -> dict[str, float]:
    """Seconds that `aecodec --help` and `aecodec compress` of one photo take from cold.

    Cold in that the process is new; the files may be in the system's cache.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "photo.png"), Path(folder, "photo.aec")
        image.save(source)
        return {
            "help_s": _wall_time(["--help"]),
            "compress_s": _wall_time(["compress", str(source), "-o", str(target), "--force"]),
        }


def run_speed(
    out: Path,
    *,
    data: Path | None = None,
    device: str = "cpu",
    repeats: int = 7,
    threads: Sequence[int] = (1, 2),
    progress: Progress | None = None,
) -> Result:
    """Time encoding and decoding of one 768x512 photo, in memory, from pixels to pixels.

    CompressAI's models run with untrained weights whose latents are scaled to make files
    of about the usual size (see `compressai_codecs`); their times are what matters here.

    Args:
        out: folder for speed.json and speed.md.
        data: folder whose first photo is used; by default scikit-image's "coffee".
        device: for aecodec, "auto", "cpu" or "cuda"; all others run on the CPU.
        repeats: rounds over all codecs; medians are reported.
        threads: numbers of threads to measure with.
        progress: called with a line before each part.

    Returns:
        What speed.json holds. Its figures: `device`, `repeats`, `cold_start` (seconds) and
        `rows`: codec, threads, bpp, encode_ms, decode_ms, and the ratios of both to
        CompressAI's mbt2018-mean in the same run.

    Raises:
        AecodecError: CompressAI or a photo of 768x512 is missing, or the command line fails.
    """
    say = progress or (lambda line: None)
    image = _kodak_size(load_photo(list_photos(data)[0]) if data else _sample_photo())
    say("cold start")
    cold = cold_start(image)
    say("loading models")
    contestants = _contestants(image, device)
    rows = []
    for count in threads:
        say(f"{repeats} rounds with {count} thread{'s' * (count > 1)}")
        with machine.threads(count):
            times = time_interleaved(contestants, image, repeats)
        rows += [_row(name, count, own, times[REFERENCE]) for name, own in times.items()]
    figures = {"device": device, "repeats": repeats, "cold_start": cold, "rows": rows}
    tables = speed_markdown(figures)
    return write_result(out / "speed.json", figures, tables, versions=VERSIONS)
