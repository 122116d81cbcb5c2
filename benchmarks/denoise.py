"""Denoising beside BM3D, OpenCV, scikit-image and median filters: denoise.json, denoise.md, plots.

    python benchmarks/denoise.py --data cbsd68 --out benchmarks/results/cbsd68 --without BM3D
    python benchmarks/denoise.py --data cbsd68 --out benchmarks/results/cbsd68_bm3d --limit 8
    python benchmarks/denoise.py --data photos --out benchmarks/results/denoise --savings

With --savings: the bytes that `aecodec compress --denoise auto` saves on noisy photos.
"""

import argparse
from pathlib import Path
from typing import Any

from aecodec.evaluation.denoise import run_denoise
from aecodec.evaluation.denoise_savings import run_savings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--weights", type=Path, help="of the denoiser; by default as shipped")
    parser.add_argument("--limit", type=int, help="measure only the first LIMIT photos")
    parser.add_argument("--without", nargs="+", default=[], help="others to leave out, as BM3D")
    parser.add_argument("--savings", action="store_true", help="bytes saved when compressing")
    args = parser.parse_args()
    options: dict[str, Any] = {
        "device": args.device,
        "weights": args.weights,
        "limit": args.limit,
        "progress": lambda done, total, name: print(f"{done}/{total} {name}", flush=True),
    }
    if args.savings:
        run_savings(args.data, args.out, **options)
    else:
        run_denoise(args.data, args.out, without=args.without, **options)
    name = "denoise_savings.md" if args.savings else "denoise.md"
    print((args.out / name).read_text())


if __name__ == "__main__":
    main()
