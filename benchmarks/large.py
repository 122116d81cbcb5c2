"""Large photos: what tiling costs at 12 megapixels, denoising them; memory and time at 100.

    python benchmarks/large.py --out benchmarks/results

The photos are a scikit-image photo, enlarged and sharpened, then mirrored side by side.
Peak memory is that of a process of its own that runs the command line.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from aecodec.evaluation.results import markdown_table, write_result


def large_photo(width: int, height: int) -> Image.Image:
    """A picture of this size without edges where its copies meet."""
    import skimage.data

    photo = Image.fromarray(skimage.data.astronaut())
    photo = photo.resize((2048, 2048), Image.Resampling.LANCZOS).filter(ImageFilter.SHARPEN)
    out = Image.new("RGB", (width, height))
    for row, top in enumerate(range(0, height, photo.height)):
        for column, left in enumerate(range(0, width, photo.width)):
            copy = ImageOps.mirror(photo) if column % 2 else photo
            out.paste(ImageOps.flip(copy) if row % 2 else copy, (left, top))
    return out


def noisy_photo(width: int, height: int, sigma: float) -> Image.Image:
    """The same in noise of sigma, in 8 bits."""
    clean = np.asarray(large_photo(width, height), np.float32)
    noise = np.random.default_rng(0).standard_normal(clean.shape, np.float32)
    return Image.fromarray((clean + sigma * noise).round().clip(0, 255).astype(np.uint8))


def tiling_loss() -> dict[str, float]:
    """PSNR and bytes of a 12-megapixel photo, tiled and in one piece."""
    from aecodec.codec import container, tiling
    from aecodec.codec.codec import Codec
    from aecodec.evaluation.metrics import psnr

    codec, photo = Codec("cpu"), large_photo(4000, 3000)
    shipped = tiling.TILE
    report: dict[str, float] = {}
    for name, tile in (("tiled", shipped), ("whole", 1024)):
        tiling.TILE = container.MAX_TILE = tile
        data = codec.compress(photo, 50)
        report[f"{name} bytes"] = len(data)
        report[f"{name} PSNR"] = psnr(photo, codec.decompress(data))
    tiling.TILE = shipped
    return report


def denoising_time() -> dict[str, float]:
    """Seconds a megapixel of a 12-megapixel photo, from pixels to pixels, the model loaded."""
    from aecodec.denoising.denoiser import Denoiser

    denoiser, photo = Denoiser("cpu"), noisy_photo(4000, 3000, 25)
    denoiser.denoise(photo.crop((0, 0, 800, 800)))  # to warm up
    report = {}
    for name, sigma in (("told", 25.0), ("blind", None)):
        started = time.monotonic()
        denoiser.denoise(photo, sigma)
        report[name] = round((time.monotonic() - started) / 12, 2)
    return report


def command(*arguments: str) -> dict[str, float]:
    """Wall seconds and peak memory of an aecodec command in its own process."""
    code = (
        "import resource, sys; from aecodec_cli.app import main; status = main(sys.argv[1:]);"
        " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(status)"
    )
    started = time.monotonic()
    line = [sys.executable, "-c", code, *arguments]
    printed = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    peak = int(printed.split()[-1]) * 1024
    return {"seconds": round(time.monotonic() - started, 1), "peak GB": round(peak / 1e9, 2)}


def tables(report: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each figure of each part."""
    rows = [
        [f"{part}: {name}", f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"]
        for part, figures in report.items()
        for name, value in figures.items()
    ]
    return "# Large photos\n\n" + markdown_table(["", ""], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        photo = large_photo(10_000, 10_000)
        for name, kind in (("", "ppm"), ("RGBA, ", "tif")):
            source, packed = f"{folder}/large.{kind}", f"{folder}/large.aec"
            if name:  # half of it fades out
                photo.putalpha(Image.linear_gradient("L").resize(photo.size))
            photo.save(source)
            line = ["compress", source, "-o", packed, "--force"]
            report[f"100 MP, {name}compress"] = command(*line)
            line = ["decompress", packed, "-o", f"{folder}/back.{kind}"]
            report[f"100 MP, {name}decompress"] = command(*line)
        del photo
        noisy, clean = str(Path(folder) / "noisy.png"), str(Path(folder) / "clean.png")
        noisy_photo(4000, 3000, 25).save(noisy, compress_level=1)
        for name, told in (("told", ["--sigma", "25"]), ("blind", [])):
            line = ["denoise", noisy, "-o", clean, "--force", *told]
            report[f"12 MP denoise, {name}"] = command(*line)
    report["12 MP denoise, seconds a megapixel"] = denoising_time()
    report["12 MP"] = tiling_loss()
    text = tables(report)
    write_result(arguments.out / "large.json", report, text)
    print(text)


if __name__ == "__main__":
    main()
