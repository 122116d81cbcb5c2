"""Images a second of one core: what the arithmetic of docs/guide/scale.md starts from.

python benchmarks/throughput.py --data photos --out benchmarks/results/throughput

As many processes as cores, each with one thread and the model loaded, all at once: so that
cores share memory and cache as they would at work. Photos are scaled to one megapixel.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result

PIXELS = 1_000_000
JOBS = ("compress", "decompress", "denoise", "hash", "decode JPEG and hash")


def prepare(paths: list[Path], job: str) -> tuple[Callable[[int], object], int]:
    """A function that does the job to one of the images, and how many there are."""
    import torch

    torch.set_num_threads(1)
    images = [_one_megapixel(load_photo(path)) for path in paths]
    if job in ("compress", "decompress"):
        from aecodec.codec.codec import Codec

        codec = Codec("cpu")
        if job == "compress":
            return lambda n: codec.compress(images[n]), len(images)
        files = [codec.compress(image) for image in images]
        return lambda n: codec.decompress(files[n]), len(files)
    if job == "denoise":
        from aecodec.denoising.denoiser import Denoiser

        denoiser = Denoiser("cpu")
        return lambda n: denoiser.denoise(images[n], 25), len(images)
    from aecodec.hashing.hasher import Hasher

    hasher = Hasher(device="cpu")
    if job == "hash":
        return lambda n: hasher.code(images[n]), len(images)
    jpegs = [_jpeg(image) for image in images]
    return lambda n: hasher.code(Image.open(io.BytesIO(jpegs[n]))), len(jpegs)


def _one_megapixel(image: Image.Image) -> Image.Image:
    scale = (PIXELS / (image.width * image.height)) ** 0.5
    return image.resize((round(image.width * scale), round(image.height * scale)))


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def work(paths: list[Path], job: str, seconds: float, ready: object, results: object) -> None:
    """Of one process: images a second, once all are ready."""
    act, count = prepare(paths, job)
    act(0)
    ready.wait()  # type: ignore[attr-defined]
    done, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        act(done % count)
        done += 1
    results.put(done / passed)  # type: ignore[attr-defined]


def images_a_second(paths: list[Path], job: str, seconds: float, cores: int) -> float:
    """The mean of the cores."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(cores), context.Queue()
    parts = (paths, job, seconds, ready, results)
    processes = [context.Process(target=work, args=parts) for _ in range(cores)]
    for process in processes:
        process.start()
    rates = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(rates) / cores


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="for each job")
    parser.add_argument("--limit", type=int, default=8, help="photos to take")
    args = parser.parse_args()
    paths, cores = list_photos(args.data, args.limit), os.cpu_count() or 1
    rates = {job: images_a_second(paths, job, args.seconds, cores) for job in JOBS}
    report = {"cores": cores, "images_per_second_per_core": rates}
    lines = [[job, f"{rate:.3g}", f"{1000 / rate:.3g}"] for job, rate in rates.items()]
    text = f"# Images of one megapixel a second and core, {cores} cores at work\n\n"
    text += markdown_table(["", "images a second", "core ms an image"], lines)
    write_result(args.out / "throughput.json", report, text)
    print(text)


if __name__ == "__main__":
    main()
