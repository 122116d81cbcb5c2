"""The rate-distortion results as Markdown."""

from __future__ import annotations

from typing import Any

from aecodec.evaluation.files import markdown_table
from aecodec.evaluation.learned_codec import NAMES


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %".replace("-", "−")


def _decimals(value: float, digits: int) -> str:
    return "–" if value != value else f"{value:.{digits}f}"


def _bd_table(rates: dict[str, Any], references: list[str]) -> str:
    metrics = (("psnr", "PSNR"), ("ms_ssim", "MS-SSIM"))
    header = ["codec", *(f"{label} vs {ref}" for ref in references for _, label in metrics)]
    rows = [
        [name, *(_percent(rate[metric][ref]) for ref in references for metric, _ in metrics)]
        for name, rate in rates.items()
    ]
    return markdown_table(header, rows)


def _point_table(curves: dict[str, Any]) -> str:
    header = ["codec", "setting", "bpp", "PSNR dB", "MS-SSIM", "encode ms", "decode ms"]
    rows = [
        [
            name,
            str(point["setting"]),
            _decimals(point["bpp"], 3),
            _decimals(point["psnr"], 2),
            _decimals(point["ms_ssim"], 4),
            _decimals(1000 * point["encode_s"], 1),
            _decimals(1000 * point["decode_s"], 1),
        ]
        for name, points in curves.items()
        for point in points
    ]
    return markdown_table(header, rows)


def _by_strength(rates: dict[str, Any]) -> dict[str, Any]:
    """aecodec first, then from the strongest (fewest bits against JPEG) to the weakest."""

    def strength(item: tuple[str, Any]) -> tuple[bool, float]:
        against_jpeg = item[1]["psnr"].get("JPEG")
        return item[0] not in NAMES.values(), 0.0 if against_jpeg is None else against_jpeg

    return dict(sorted(rates.items(), key=strength))


def rd_markdown(result: dict[str, Any]) -> str:
    """Tables of BD-rates and of all points from the result of `rd.run_rd`."""
    machine, measured = result["machine"], result["bd_rate"]
    references = list(next(iter(measured.values()))["psnr"])
    parts = [
        f"# Rate and distortion on {result['data']} ({result['images']} images)\n",
        f"aecodec {machine['versions']['aecodec']}, weights {result['weights']}, effort"
        f" {result['effort']}, device {result['device']}, torch {machine['versions']['torch']}, Pillow"
        f" {machine['versions']['pillow']}, {machine['cpu']}, {machine['threads']} threads,"
        f" {machine['date']}.\n",
        "BD-rate: difference in bits at equal quality, on the curves of the means over the"
        " images; negative is smaller. The JPEG measured here is progressive with fitted"
        " Huffman tables, a stronger reference than plain JPEG.\n",
        "## BD-rate, measured\n",
        _bd_table(_by_strength(measured), references),
    ]
    if result["published_bd_rate"]:
        parts += [
            "## BD-rate, published curves against the codecs measured here\n",
            _bd_table(_by_strength(result["published_bd_rate"]), references),
        ]
    parts += ["## Points\n", _point_table(result["curves"])]
    return "\n".join(parts)
