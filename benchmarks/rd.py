"""Rate-distortion curves and BD-rates on a folder of photos: rd.json, rd.md, plots."""

import argparse
from pathlib import Path

from aecodec.evaluation.learned_codec import QUALITIES
from aecodec.evaluation.rd import run_rd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--weights", metavar="NAME|FILE", help="all that ship by default")
    parser.add_argument("--effort", default="default", choices=("fast", "default", "max"))
    parser.add_argument("--qualities", type=int, nargs="+", default=QUALITIES, metavar="Q")
    parser.add_argument("--limit", type=int, help="measure only the first LIMIT photos")
    args = parser.parse_args()
    run_rd(
        args.data,
        args.out,
        device=args.device,
        weights=args.weights,
        qualities=args.qualities,
        effort=args.effort,
        limit=args.limit,
        progress=lambda done, total, name: print(f"{done}/{total} {name}", flush=True),
    )
    print((args.out / "rd.md").read_text())


if __name__ == "__main__":
    main()
