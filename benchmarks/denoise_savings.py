"""The bytes that `aecodec compress --denoise auto` saves on noisy photos.

python benchmarks/denoise_savings.py --data photos --out benchmarks/results/denoise_savings
python benchmarks/denoise_savings.py --pairs --data pairs --out benchmarks/results/savings_pairs
"""

import argparse
from pathlib import Path

from aecodec.evaluation.denoising.savings import run_savings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of clean photos, or of pairs"
    )
    parser.add_argument("--pairs", action="store_true", help="files NAME_noisy.* and NAME_clean.*")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--weights", type=Path, help="of the denoiser; by default as shipped")
    parser.add_argument("--limit", type=int, help="measure only the first LIMIT photos")
    args = parser.parse_args()
    run_savings(
        args.data,
        args.out,
        pairs=args.pairs,
        device=args.device,
        weights=args.weights,
        limit=args.limit,
        progress=lambda done, total, name: print(f"{done}/{total} {name}", flush=True),
    )
    print((args.out / "denoise_savings.md").read_text())


if __name__ == "__main__":
    main()
