"""What the efforts of the encoder gain, and how long they take.

python benchmarks/effort.py --data photos --limit 3 --out benchmarks/results/effort
"""

from __future__ import annotations

import numpy as np

from aecodec.codec.codec import EFFORTS
from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.bd_rate import bd_rate
from aecodec.evaluation.learned_codec import LearnedCodec
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.rd.measure import Row, measure_one
from aecodec.evaluation.results import markdown_table, write_result

QUALITIES = (10, 30, 50, 70, 90)
BASE = "default"


def saved(rows: list[Row], base: list[Row]) -> float:
    """BD-rate in percent, of the means over the photos."""
    curves = []
    for some in (base, rows):
        at = [[r for r in some if r["setting"] == q] for q in QUALITIES]
        curves += [[float(np.mean([r[key] for r in rs])) for rs in at] for key in ("bpp", "psnr")]
    reference_rate, reference_quality, rate, quality = curves
    return bd_rate(reference_rate, reference_quality, rate, quality)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, help="only the first LIMIT photos")
    args = parser.parse_args()
    rows: dict[str, list[Row]] = {}
    paths = list_photos(args.data, args.limit)
    for effort in EFFORTS:
        codec = LearnedCodec(device="cpu", qualities=QUALITIES, effort=effort)
        codec.decode(codec.encode(load_photo(paths[0]).crop((0, 0, 64, 64)), 50))  # warm
        rows[effort] = [
            measure_one(codec, q, load_photo(path), path.name, ["psnr"])
            for path in paths
            for q in QUALITIES
        ]
    lines = [
        [
            effort,
            f"{saved(some, rows[BASE]):+.1f} %",
            f"{np.mean([r['encode_s'] for r in some]):.2f}",
            f"{np.mean([r['decode_s'] for r in some]):.2f}",
        ]
        for effort, some in rows.items()
    ]
    text = f"# Efforts\n\n{len(paths)} photos of {paths[0].parent.name}, BD-rate on PSNR.\n\n"
    text += markdown_table(["effort", f"against {BASE}", "encode s", "decode s"], lines) + "\n"
    write_result(args.out / "effort.json", {"rows": rows}, text)
    print(text)


if __name__ == "__main__":
    main()
