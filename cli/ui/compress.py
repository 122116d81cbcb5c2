"""The tab "Compress": an image through aecodec, and the same bytes spent on other formats."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr

from aecodec.codec import SUFFIX
from aecodec.codec.weights import DEFAULT_MODEL
from aecodec.evaluation.equal_bytes import (
    Version,
    at_equal_bytes,
    psnr_curves,
    table_rows,
    usual_codecs,
)
from aecodec.evaluation.learned_codec import NAME
from aecodec.images import Picture, image_bytes
from aecodec.weights import shipped_codecs
from aecodec.workflows.compress import DEFAULT_QUALITY

from .uploads import KINDS, offer, read_upload, two_pictures

if TYPE_CHECKING:
    from aecodec.codec.codec import Codec

_COLUMNS = ["", "bytes", "bpp", "PSNR (dB)", "MS-SSIM"]
_METRICS = ("psnr", "ms_ssim")


@lru_cache
def _codec(device: str, weights: str) -> Codec:
    from aecodec.codec.codec import Codec

    return Codec(device, weights)


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
            names = [NAME, *(codec.name for codec in usual_codecs())]
            chosen = gr.Radio(names, value=NAME, label="On the right, at the same bytes")
            table = gr.Dataframe(headers=_COLUMNS, interactive=False, elem_id="compress-table")
            with gr.Row():
                aec = gr.DownloadButton(
                    f"Download {SUFFIX}", interactive=False, elem_id="compress-aec"
                )
                png = gr.DownloadButton("Download PNG", interactive=False)
        with gr.Column(scale=2):
            pictures = two_pictures("original | compressed", "compress-pictures")
            draw = gr.Button("Rate-distortion curves of this image", elem_id="compress-curves")
            plot = gr.Plot(show_label=False)
    state: gr.State = gr.State()

    def run(path: str | None, at: int, model: str, name: str) -> tuple[Any, ...]:
        image = Picture.from_image(read_upload(path)).to_image()  # upright, as it comes back
        assert path is not None
        codec = _codec(device, model)
        data = codec.compress(image, int(at))
        ours = {NAME: Version(data, codec.decompress(data))}
        versions = ours | at_equal_bytes(image, len(data), usual_codecs())
        png = image_bytes(versions[NAME].image, "png")
        files = [offer(path, SUFFIX, data), offer(path, ".png", png)]
        buttons = [gr.DownloadButton(value=file, interactive=True) for file in files]
        result = image, versions
        return result, pair(result, name), table_rows(*result, _METRICS), *buttons

    def pair(result: Any, name: str) -> Any:
        """What the slider shows, of the original and the versions."""
        return result and (result[0], result[1][name].image)

    def draw_curves(path: str | None) -> Any:
        from plotly.graph_objects import Figure

        image = Picture.from_image(read_upload(path)).to_image()
        return Figure(psnr_curves(image, device))

    shown = [state, pictures, table, aec, png]
    changed = [file.upload, quality.release, weights.change]
    gr.on(changed, run, [file, quality, weights, chosen], shown)
    file.clear(lambda: None, outputs=plot)
    chosen.change(pair, [state, chosen], pictures)
    draw.click(draw_curves, file, plot)
