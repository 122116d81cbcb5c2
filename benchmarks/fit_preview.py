"""Give weights that ship their map for previews, or say how good it is.

    python benchmarks/fit_preview.py codec-psnr --data photos
    python benchmarks/fit_preview.py codec-psnr --data photos --check

`aecodec train` makes it with the weights; this is for those from before, and for other photos.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from aecodec.codec.codec import Codec
from aecodec.images import find_photos, open_pixels, to_8_bits
from aecodec.training.data import centre_crops
from aecodec.training.preview import fit_preview
from aecodec.weights import find_weights

FITTED, CHECKED = 32, 12


def load(path: Path) -> torch.Tensor:
    """uint8 (H, W, 3)."""
    return torch.from_numpy(np.asarray(to_8_bits(open_pixels(path)).convert("RGB")).copy())


def check(codec: Codec, photos: list[Path]) -> None:
    """PSNR against means of the decoded picture's pixels, and the time beside the synthesis'."""
    for quality in (10, 50, 90):
        errors, spent = [], {"preview": 0.0, "synthesis": 0.0}
        for photo in photos:
            (crop,) = centre_crops([load(photo)], 512)
            image = Image.fromarray(crop[0].permute(1, 2, 0).numpy())
            y = codec.model.analyse((crop.float() / 255 - 0.5).numpy(), quality)
            coded = codec.model.quantise(y, quality, lambda symbols, indices: None, rdoq=True)
            start = time.perf_counter()
            assert codec.model.preview is not None
            small = codec.model.preview.pixels(codec.model.unscaled(coded, quality), 8)
            spent["preview"] += time.perf_counter() - start
            start = time.perf_counter()
            codec.model.synthesise(coded, quality)
            spent["synthesis"] += time.perf_counter() - start
            levels = np.clip(np.round((small + 0.5) * 255), 0, 255).transpose(1, 2, 0)
            wanted = np.asarray(image.reduce(8), dtype=float)
            errors.append(10 * math.log10(255**2 / np.square(levels - wanted).mean()))
        share = spent["preview"] / spent["synthesis"]
        print(f"quality {quality}: {np.mean(errors):.1f} dB, {share:.1%} of the synthesis' time")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    path = find_weights(args.weights)
    codec = Codec("cpu", path)
    photos = find_photos([args.data])
    held_out = photos[:: max(1, len(photos) // CHECKED)][:CHECKED]
    if args.check:
        check(codec, held_out)
        return
    others = [photo for photo in photos if photo not in held_out]
    chosen = others[:: max(1, len(others) // FITTED)][:FITTED]
    crops = centre_crops([load(photo) for photo in chosen], 512)
    fit_preview(codec.model, crops).save(path, codec.digest)


if __name__ == "__main__":
    main()
