"""The times as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aecodec.evaluation.results import markdown_table

VERSIONS = ("aecodec", "torch", "compressai", "pillow", "libjpeg_turbo", "webp", "avif", "aom")


def speed_markdown(figures: Mapping[str, Any]) -> str:
    """A table of times and the cold starts from the figures of `run_speed`."""
    cold = figures["cold_start"]
    header = ["codec", "threads", "bpp", "encode ms", "decode ms"]
    header += ["encode / mbt2018-mean", "decode / mbt2018-mean"]
    rows = [
        [
            row["codec"],
            str(row["threads"]),
            f"{row['bpp']:.2f}",
            f"{row['encode_ms']:.1f}",
            f"{row['decode_ms']:.1f}",
            f"{row['encode_ratio']:.3f}",
            f"{row['decode_ratio']:.3f}",
        ]
        for row in figures["rows"]
    ]
    return "\n".join(
        [
            "# Time for one 768x512 photo\n",
            f"Medians of {figures['repeats']} interleaved rounds after a warm-up, from pixels to"
            f" bytes in memory and back. aecodec on {figures['device']}, CompressAI on the CPU.\n",
            "CompressAI's models have untrained weights, their latents scaled so that the"
            " entropy coder has about as much to do as with trained ones; the pictures are"
            " noise. JPEG and WebP use one thread always.\n",
            markdown_table(header, rows),
            f"From cold: `aecodec --help` {cold['help_s']:.2f} s, `aecodec compress` of the"
            f" photo {cold['compress_s']:.2f} s.\n",
        ]
    )
