"""Rate and distortion by a second model of the eye, ColorVideoVDP, of the default and its rivals.

    pip install cvvdp
    python -m benchmarks.color_video_vdp --data kodak --out benchmarks/results/kodak

Mantiuk et al., "ColorVideoVDP: A visual difference predictor for image, video and display
distortions", 2024. Just-objectionable differences (JOD): 10 when nobody sees any, 1 less when
three in four people prefer the other picture; on a 30-inch 4K monitor, seen at 0.75 m. A
second a picture, so that only some codecs and every second setting are measured.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from aecodec.evaluation.arguments import arguments
from aecodec.evaluation.bd_rate import BdRateError, bd_rate, shared_range
from aecodec.evaluation.classic_codecs import Avif, ImageCodec, Jpeg, JpegXl, WebP
from aecodec.evaluation.learned_codec import LearnedCodec
from aecodec.evaluation.photos import list_photos, load_photo
from aecodec.evaluation.results import markdown_table, write_result
from aecodec.torchvision_repair import make_importable
from aecodec.weights import shipped_codecs

DISPLAY = "standard_4k"
REFERENCES = ("JPEG", "AVIF", "JPEG XL")
LEAST = 7.0  # JOD; below, nobody wants the picture


def measured(codec: ImageCodec, photos: list[Path], metric: Any) -> list[dict[str, float]]:
    """Means over the photos at every second setting: setting, bpp and JOD."""
    points = []
    for setting in codec.settings[::2]:
        rates, scores = [], []
        for path in photos:
            image = load_photo(path)
            data = codec.encode(image, setting)
            pair = (np.asarray(codec.decode(data)), np.asarray(image))
            scores.append(float(metric.predict(*pair, dim_order="HWC")[0]))
            rates.append(8 * len(data) / (image.width * image.height))
        bpp, jod = float(np.mean(rates)), float(np.mean(scores))
        points.append({"setting": setting, "bpp": bpp, "jod": jod})
    return points


def compared(curves: dict[str, list[dict[str, float]]]) -> list[list[str]]:
    """Rows of a table: BD-rates against the references."""
    rows = []
    for name, points in curves.items():
        cells = []
        for reference in REFERENCES:
            (rate0, jod0), (rate, jod) = (
                [[p[key] for p in some] for key in ("bpp", "jod")]
                for some in (curves[reference], points)
            )
            try:
                low, high = shared_range(jod0, jod, LEAST)
                saved = bd_rate(rate0, jod0, rate, jod, LEAST)
                cells.append(f"{saved:+.1f} % ({low:.1f} to {high:.2f})")
            except BdRateError:
                cells.append("–")
        rows.append([name, *cells])
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, help="only the first LIMIT photos")
    args = parser.parse_args()
    make_importable()
    metric = import_module("pycvvdp").cvvdp(display_name=DISPLAY)
    photos = list_photos(args.data, args.limit)
    rivals = (Jpeg(), WebP(), Avif(), JpegXl())
    if missing := [rival.name for rival in rivals if not rival.works()]:
        parser.error(f"{' and '.join(missing)} cannot be written here; install the extra codecs")
    ours = [LearnedCodec(device="cpu", weights=name) for name in shipped_codecs()]
    codecs: list[ImageCodec] = [*ours, *rivals]
    curves = {codec.name: measured(codec, photos, metric) for codec in codecs}
    text = (
        f"# Rate and distortion on {args.data.resolve().name} by ColorVideoVDP"
        f" ({len(photos)} images)\n\nBD-rates over the JOD in brackets, on the curves of the means"
        f" over the images; negative is smaller. Display {DISPLAY}.\n\n"
    )
    header = ["codec", *(f"vs {reference}" for reference in REFERENCES)]
    text += markdown_table(header, compared(curves)) + "\n"
    points = [
        [name, f"{p['setting']}", f"{p['bpp']:.3f}", f"{p['jod']:.3f}"]
        for name, some in curves.items()
        for p in some
    ]
    text += markdown_table(["codec", "setting", "bpp", "JOD"], points)
    versions = ("aecodec", "torch", "pillow", "avif", "pillow-jxl-plugin")
    figures = {"images": len(photos), "display": DISPLAY, "curves": curves}
    write_result(args.out / "color_video_vdp.json", figures, text, versions=versions)
    print(text)


if __name__ == "__main__":
    main()
