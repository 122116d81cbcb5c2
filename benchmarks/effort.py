"""What the efforts of the encoder and the fast decoder gain or lose, and how long they take.

python -m benchmarks.effort --data photos --limit 3 --out benchmarks/results/effort
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.bd_rate import bd_rate
from aecodec.evaluation.learned_codec import LearnedCodec
from aecodec.evaluation.metrics import METRICS
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.rd.measure import Row, measure_one
from aecodec.evaluation.results import markdown_table, write_result

QUALITIES = (10, 30, 50, 70, 90)
BASE = "default"
SETTINGS: dict[str, dict[str, Any]] = {
    BASE: {},
    "--effort fast": {"effort": "fast"},
    "--decoder fast": {"decoder": "fast"},
    "both": {"effort": "fast", "decoder": "fast"},
    "--effort max": {"effort": "max"},
}


def curve(rows: list[Row], metric: str) -> tuple[list[float], list[float]]:
    """Rates and qualities on the metric's scale, of the means over the photos."""
    at = [[row for row in rows if row["setting"] == quality] for quality in QUALITIES]
    rates, values = (
        [float(np.mean([row[key] for row in some])) for some in at] for key in ("bpp", metric)
    )
    return rates, [METRICS[metric].scale(value) for value in values]


def saved(rows: list[Row], base: list[Row], metric: str) -> float:
    """BD-rate in percent."""
    return bd_rate(*curve(base, metric), *curve(rows, metric), METRICS[metric].least)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, help="only the first LIMIT photos")
    parser.add_argument("--without-max", action="store_true", help="not --effort max")
    args = parser.parse_args()
    rows: dict[str, list[Row]] = {}
    paths = list_photos(args.data, args.limit)
    for name, how in SETTINGS.items():
        if args.without_max and how.get("effort") == "max":
            continue
        codec = LearnedCodec(device="cpu", qualities=QUALITIES, **how)
        codec.decode(codec.encode(load_photo(paths[0]).crop((0, 0, 64, 64)), 50))  # warm
        rows[name] = [
            measure_one(codec, q, load_photo(path), path.name, list(METRICS))
            for path in paths
            for q in QUALITIES
        ]
    lines = [
        [
            name,
            *(f"{saved(some, rows[BASE], metric):+.1f} %" for metric in METRICS),
            f"{np.mean([r['encode_s'] for r in some]):.3f}",
            f"{np.mean([r['decode_s'] for r in some]):.3f}",
        ]
        for name, some in rows.items()
    ]
    text = f"# Efforts and decoders\n\n{len(paths)} photos of {paths[0].parent.name}, BD-rates.\n\n"
    header = ["", *(metric.name for metric in METRICS.values()), "encode s", "decode s"]
    text += markdown_table(header, lines) + "\n"
    write_result(args.out / "effort.json", {"rows": rows}, text)
    print(text)


if __name__ == "__main__":
    main()
