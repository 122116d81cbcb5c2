"""The tab "Denoise"."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr

from aecodec.images import image_bytes

from .uploads import KINDS, offer, read_upload, two_pictures

if TYPE_CHECKING:
    from aecodec.denoising.denoiser import Denoiser


@lru_cache(maxsize=1)
def _denoiser(device: str) -> Denoiser:
    from aecodec.denoising.denoiser import Denoiser

    return Denoiser(device)


def tab(device: str) -> None:
    """Build it, inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=1):
            file = gr.File(label="Image", file_types=KINDS, elem_id="denoise-file")
            strength = gr.Slider(0, 2, 1, step=0.05, label="Strength", elem_id="denoise-strength")
            found = gr.Markdown(elem_id="denoise-found")
            png = gr.DownloadButton("Download PNG", interactive=False)
        with gr.Column(scale=2):
            pictures = two_pictures("noisy | denoised", "denoise-pictures")

    def run(path: str | None, factor: float) -> tuple[Any, ...]:
        from aecodec.images import Picture

        image = read_upload(path)
        assert path is not None
        picture = Picture.from_image(image)
        clean, seen = _denoiser(device).denoise_picture(picture, None, "auto", factor)
        result = clean.to_image()
        line = f"Found: {seen.kind} noise, sigma {seen.sigma:.1f} (of 255)"
        data = offer(path, "-denoised.png", image_bytes(result, "png"))
        return (picture.to_image(), result), line, gr.DownloadButton(value=data, interactive=True)

    gr.on([file.upload, strength.release], run, [file, strength], [pictures, found, png])
