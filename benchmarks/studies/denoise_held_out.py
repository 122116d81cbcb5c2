"""What a denoiser does, not told any level: a table on standard output.

    python benchmarks/studies/denoise_held_out.py --data train_photos
    python benchmarks/studies/denoise_held_out.py --data train_photos --weights denoiser.safetensors

On 512x512 crops from the middle of the 20 photos that are held out of training, and on a drawn
picture of each kind. PSNR is of 8-bit pictures to the clean ones, 60 dB at most; for a camera's
noise the clean one is what the camera makes without noise. Photos have noise of their own, which
counts as lost where it is removed: with --own-noise 0.9, those with less of it alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import mean, median

import torch
from torch import Generator, Tensor

from aecodec.denoising.camera import photograph, plain_camera, random_camera
from aecodec.denoising.denoiser import Denoiser
from aecodec.denoising.grain import Grain, add_grain
from aecodec.evaluation.metrics import psnr
from aecodec.images import Picture, find_photos
from aecodec.nn import noise
from aecodec.nn.pixels import to_pillow
from aecodec.training.bank import drawn_validation
from aecodec.training.data import centre_crops, load_photos, split_photos
from aecodec.training.drawn import KINDS
from aecodec.training.own_noise import own_noise

Corrupt = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""From a clean picture (1, 3, H, W) in [0, 1] and its number to the noisy one and its target."""


def _gaussian(sigma: float) -> Corrupt:
    def corrupt(clean: Tensor, number: int) -> tuple[Tensor, Tensor]:
        return noise.gaussian(clean, sigma, Generator().manual_seed(number)), clean

    return corrupt


def _camera(iso: float | None) -> Corrupt:
    def corrupt(clean: Tensor, number: int) -> tuple[Tensor, Tensor]:
        camera = plain_camera(iso, 95) if iso else random_camera(Random(number))
        return photograph(clean, camera, Generator().manual_seed(number))

    return corrupt


def _grain(sigma: float) -> Corrupt:
    grain = Grain(sigma, size=0.6, coarse=1.5, share=0.2, colour=0.15)

    def corrupt(clean: Tensor, number: int) -> tuple[Tensor, Tensor]:
        noisy = add_grain(clean, grain, Generator().manual_seed(number))
        return noise.to_8_bit(noisy), clean

    return corrupt


CONDITIONS: dict[str, Corrupt] = {
    "clean": lambda clean, number: (clean, clean),
    "JPEG 90": lambda clean, number: (noise.jpeg(clean, 90), clean),
    **{f"ISO {iso}": _camera(iso) for iso in (200, 800, 3200, 12800)},
    "any camera": _camera(None),
    **{f"grain {sigma}": _grain(sigma) for sigma in (4, 8)},
    **{f"sigma {sigma}, 8 bits": _gaussian(sigma) for sigma in (5, 15, 25, 50)},
}

_HEAD = ("", "before", "after", "gain", "least gain", "level found")
_BEST = 60.0


def measure(denoiser: Denoiser, crops: list[Tensor], corrupt: Corrupt) -> list[str]:
    """Means of PSNR before and after, the least gain, and the median of the levels found."""
    before, after, levels = [], [], []
    for number, crop in enumerate(crops):
        pair = corrupt(crop.float() / 255, number)
        noisy, target = (to_pillow(x[0].numpy(), "RGB") for x in pair)
        whole = Picture.from_image(noisy)
        denoised, found = denoiser.denoise_picture(whole, None, "auto", 1.0)
        before.append(min(psnr(target, noisy), _BEST))
        after.append(min(psnr(target, denoised.to_image()), _BEST))
        levels.append(found.sigma)
    least = min(b - a for a, b in zip(before, after, strict=True))
    figures = [mean(before), mean(after), mean(after) - mean(before), least]
    return [*(f"{x:.2f}" for x in figures), f"{median(levels):.1f}"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", help="a name or a file; by default those that ship")
    parser.add_argument("--limit", type=int, default=20, help="photos")
    parser.add_argument("--own-noise", type=float, default=255.0, help="of photos, at most")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    denoiser = Denoiser("cpu", args.weights)
    held_out = split_photos(find_photos(args.data), 20)[1][: args.limit]
    crops = centre_crops(load_photos(held_out, least=64), 512)
    crops = [c for c in crops if own_noise(c[0].permute(1, 2, 0)) <= args.own_noise]
    print("|".join(_HEAD))
    for name, corrupt in CONDITIONS.items():
        print("|".join([name, *measure(denoiser, crops, corrupt)]), flush=True)
    print()
    for kind, crop in zip(KINDS, drawn_validation(), strict=True):
        row = measure(denoiser, [crop], CONDITIONS["clean"])
        print("|".join([f"{kind}, clean", *row]), flush=True)


if __name__ == "__main__":
    main()
