"""One image through aecodec, and the same bytes spent on the formats that everybody has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from aecodec.evaluation.classic_codecs import Avif, ImageCodec, Jpeg, WebP, file_of_size
from aecodec.evaluation.learned_codec import LearnedCodec
from aecodec.evaluation.metrics import METRICS, bits_per_pixel
from aecodec.images import to_8_bits
from aecodec.weights import shipped_codecs

_QUALITIES = (1, 20, 40, 60, 80, 100)


@dataclass(frozen=True)
class Version:
    """An image through one codec: its file, and what that decodes to."""

    data: bytes
    image: Image.Image


def usual_codecs() -> list[ImageCodec]:
    """JPEG, WebP and AVIF, as far as they work here."""
    return [codec for codec in (Jpeg(), WebP(), Avif()) if codec.works()]


def at_equal_bytes(
    image: Image.Image, size: int, codecs: Iterable[ImageCodec]
) -> dict[str, Version]:
    """What codecs make of an image, 8-bit RGB, in so many bytes or a few more, by their names."""
    rgb = _rgb(image)
    files = {codec: file_of_size(codec, rgb, size) for codec in codecs}
    return {codec.name: Version(file, codec.decode(file)) for codec, file in files.items()}


def table_rows(
    original: Image.Image, versions: Mapping[str, Version], metrics: Collection[str]
) -> list[list[str]]:
    """Name, bytes, bits per pixel, and METRICS of these keys of each version, as text."""
    return [
        [
            name,
            f"{len(version.data):,}",
            f"{bits_per_pixel(version.data, original.size):.3f}",
            *(
                f"{METRICS[key].measure(original, version.image):.{METRICS[key].decimals}f}"
                for key in metrics
            ),
        ]
        for name, version in versions.items()
    ]


def psnr_curves(image: Image.Image, device: str = "auto") -> dict[str, Any]:
    """Rate and PSNR of one image by all weights that ship and the usual codecs.

    Returns:
        A figure as Plotly describes it: "data" and "layout".

    Raises:
        AecodecError: a package of the extra "bench" is missing.
    """
    from aecodec.evaluation.rd import mean_curves, measure_one
    from aecodec.evaluation.report import rd_figures

    rgb = _rgb(image)
    ours = [
        LearnedCodec(device=device, weights=name, qualities=_QUALITIES) for name in shipped_codecs()
    ]
    rows = [
        measure_one(codec, setting, rgb, "", ["psnr"])
        for codec in [*ours, *usual_codecs()]
        for setting in codec.settings
    ]
    return rd_figures({"curves": mean_curves(rows), "kodak": False})[0]


def _rgb(image: Image.Image) -> Image.Image:
    return to_8_bits(image).convert("RGB")
