"""What bfloat16 and the mirrored second pass do to the denoiser: a table on standard output.

    python benchmarks/studies/denoise_passes.py --data train_photos

On 512x512 crops from the middle of the 20 photos that are held out of training, told sigma.
"""

import argparse
import time
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from aecodec.denoising import noise
from aecodec.denoising.denoiser import Denoiser, Diagnosis
from aecodec.evaluation.results import markdown_table
from aecodec.images import find_photos
from aecodec.nn.device import has_bfloat16
from aecodec.training.data import centre_crops, load_photos, split_photos

SIGMAS = (5, 15, 25, 50)


def psnr(x: Tensor, clean: Tensor) -> float:
    return float(-10 * torch.log10((x.clamp(0, 1) - clean).square().mean()))


def measure(denoiser: Denoiser, crops: list[Tensor], both: bool) -> list[str]:
    """Mean PSNR at each sigma, and seconds a megapixel."""
    passes = denoiser.restore if both else denoiser._once
    found, seconds, pixels = [], 0.0, 0
    for sigma in SIGMAS:
        total = 0.0
        for number, clean in enumerate(crops):
            noisy = noise.gaussian(clean, sigma, torch.Generator().manual_seed(number))
            started = time.perf_counter()
            total += psnr(passes(noisy, Diagnosis("gaussian", sigma)), clean)
            seconds += time.perf_counter() - started
            pixels += clean.shape[2] * clean.shape[3]
        found.append(f"{total / len(crops):.2f}")
    return [*found, f"{1e6 * seconds / pixels:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    held_out = split_photos(find_photos(args.data), 20)[1]
    crops = [crop.float() / 255 for crop in centre_crops(load_photos(held_out, least=64), 512)]
    denoiser = Denoiser("cpu")
    rows = []
    for both in (False, True):
        for fast in (False, True) if has_bfloat16() else (False,):
            name = f"{'bfloat16' if fast else 'float32'}, {'both' if both else 'one pass'}"
            with (
                mock.patch("aecodec.denoising.denoiser.has_bfloat16", lambda fast=fast: fast),
                torch.inference_mode(),
                torch.autocast("cpu", torch.bfloat16, enabled=fast),
            ):
                denoiser.restore(crops[0], Diagnosis("gaussian", 25))  # to warm up
                rows.append([name, *measure(denoiser, crops, both)])
    print(markdown_table(["", *(f"sigma {s}" for s in SIGMAS), "s/MP"], rows))


if __name__ == "__main__":
    main()
