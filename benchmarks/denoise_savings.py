"""The bytes that `aecodec compress --denoise auto` saves on noisy photos.

python benchmarks/denoise_savings.py --data photos --out benchmarks/results/denoise_savings
"""

import argparse
from pathlib import Path

from aecodec.evaluation.denoising.savings import run_savings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of clean photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--weights", type=Path, help="of the denoiser; by default as shipped")
    parser.add_argument("--limit", type=int, help="measure only the first LIMIT photos")
    args = parser.parse_args()
    run_savings(
        args.data,
        args.out,
        device=args.device,
        weights=args.weights,
        limit=args.limit,
        progress=lambda done, total, name: print(f"{done}/{total} {name}", flush=True),
    )
    print((args.out / "denoise_savings.md").read_text())


if __name__ == "__main__":
    main()
