"""Encoding and decoding times beside CompressAI and the classic codecs: speed.json, speed.md."""

import argparse
from pathlib import Path

from aecodec.evaluation.speed import run_speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="use the first photo of this folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--device", default="cpu", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2), metavar="N")
    args = parser.parse_args()
    run_speed(
        args.out,
        data=args.data,
        device=args.device,
        repeats=args.repeats,
        threads=args.threads,
        progress=lambda line: print(line, flush=True),
    )
    print((args.out / "speed.md").read_text())


if __name__ == "__main__":
    main()
