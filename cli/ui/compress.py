"""The tab "Compress": an image through aecodec, and the same bytes spent on other formats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from aecodec.codec import SUFFIX
from aecodec.codec.weights import DEFAULT_MODEL
from aecodec.evaluation.classic_codecs import Avif, Jpeg, WebP, file_of_size
from aecodec.evaluation.learned_codec import NAME, LearnedCodec
from aecodec.evaluation.metrics import bits_per_pixel, ms_ssim, psnr
from aecodec.images import Picture, image_bytes, to_8_bits
from aecodec.weights import shipped_codecs
from aecodec.workflows.compress import DEFAULT_QUALITY

from .uploads import KINDS, offer, read_upload

if TYPE_CHECKING:
    from aecodec.codec.codec import Codec

_COLUMNS = ["", "bytes", "bpp", "PSNR (dB)", "MS-SSIM"]
_QUALITIES = (1, 20, 40, 60, 80, 100)


@dataclass(frozen=True)
class Version:
    """An image through one codec: its file, and what that decodes to."""

    data: bytes
    image: Image.Image


@dataclass(frozen=True)
class Result:
    """What the tab shows of one upload at one quality."""

    original: Image.Image
    versions: dict[str, Version]


@lru_cache
def _codec(device: str, weights: str) -> Codec:
    from aecodec.codec.codec import Codec

    return Codec(device, weights)


def _others() -> list[Any]:
    return [codec for codec in (Jpeg(), WebP(), Avif()) if codec.works()]


def compare(image: Image.Image, quality: int, weights: str, device: str) -> Result:
    """An image at a quality of aecodec, and at the same bytes through the others."""
    codec = _codec(device, weights)
    data = codec.compress(image, quality)
    versions = {NAME: Version(data, codec.decompress(data))}
    rgb = to_8_bits(image).convert("RGB")
    for other in _others():
        file = file_of_size(other, rgb, len(data))
        versions[other.name] = Version(file, other.decode(file))
    return Result(image, versions)


def rows(result: Result) -> list[list[str]]:
    """The table: one line for each version."""
    original = to_8_bits(result.original).convert("RGB")
    return [
        [
            name,
            f"{len(version.data):,}",
            f"{bits_per_pixel(version.data, original.size):.3f}",
            f"{psnr(original, version.image):.2f}",
            f"{ms_ssim(original, version.image):.4f}",
        ]
        for name, version in result.versions.items()
    ]


def curves(image: Image.Image, device: str) -> Any:
    """Rate and distortion of this one image, as a Plotly figure."""
    from plotly.graph_objects import Figure

    from aecodec.evaluation.rd import mean_curves, measure_one
    from aecodec.evaluation.report import rd_figures

    rgb = to_8_bits(image).convert("RGB")
    ours = [
        LearnedCodec(device=device, weights=name, qualities=_QUALITIES) for name in shipped_codecs()
    ]
    codecs = [*ours, *_others()]
    measured = [
        measure_one(codec, s, rgb, "", ["psnr"]) for codec in codecs for s in codec.settings
    ]
    result = {"curves": mean_curves(measured), "kodak": False}
    return Figure(rd_figures(result)[0])


def tab(device: str) -> None:
    """Build it, inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=1):
            file = gr.File(label="Image", file_types=KINDS, elem_id="compress-file")
            quality = gr.Slider(
                1, 100, DEFAULT_QUALITY, step=1, label="Quality", elem_id="compress-quality"
            )
            weights = gr.Radio(
                shipped_codecs(), value=DEFAULT_MODEL, label="Weights", elem_id="compress-weights"
            )
            names = [NAME, *(codec.name for codec in _others())]
            chosen = gr.Radio(names, value=NAME, label="On the right, at the same bytes")
            table = gr.Dataframe(headers=_COLUMNS, interactive=False, elem_id="compress-table")
            with gr.Row():
                aec = gr.DownloadButton(
                    f"Download {SUFFIX}", interactive=False, elem_id="compress-aec"
                )
                png = gr.DownloadButton("Download PNG", interactive=False)
        with gr.Column(scale=2):
            pictures = gr.ImageSlider(
                label="original | compressed",
                format="png",
                type="pil",
                interactive=False,
                max_height=720,
                elem_id="compress-pictures",
            )
            draw = gr.Button("Rate-distortion curves of this image", elem_id="compress-curves")
            plot = gr.Plot(show_label=False)
    state: gr.State = gr.State()

    def run(path: str | None, at: int, model: str, name: str) -> tuple[Any, ...]:
        image = Picture.from_image(read_upload(path)).to_image()  # upright, as it comes back
        assert path is not None
        result = compare(image, int(at), model, device)
        ours = result.versions[NAME]
        files = [
            offer(path, SUFFIX, ours.data),
            offer(path, ".png", image_bytes(ours.image, "png")),
        ]
        buttons = [gr.DownloadButton(value=file, interactive=True) for file in files]
        return result, pair(result, name), rows(result), *buttons

    def pair(result: Result | None, name: str) -> Any:
        return result and (result.original, result.versions[name].image)

    shown = [state, pictures, table, aec, png]
    changed = [file.upload, quality.release, weights.change]
    gr.on(changed, run, [file, quality, weights, chosen], shown)
    file.clear(lambda: None, outputs=plot)
    chosen.change(pair, [state, chosen], pictures)
    draw.click(
        lambda path: curves(Picture.from_image(read_upload(path)).to_image(), device), file, plot
    )
