"""The tab "Explore": what a variational autoencoder dreams of, and the map of its codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]

_ZOOM = 5
_STEPS = 10
_EPOCHS = 60


@dataclass(frozen=True)
class World:
    """A fitted variational autoencoder with data to put through it.

    Attributes:
        model: the estimator.
        data: (n, features) in [0, 1].
        labels: (n,), or None.
        shape: of an image: height, width, channels.
    """

    model: Any
    data: Array
    labels: Array | None
    shape: tuple[int, int, int]

    def samples(self, count: int, seed: int) -> Image.Image:
        """New images in a grid."""
        return self._grid(self.model.sample(count, random_state=seed))

    def between(self, first: int, second: int) -> Image.Image:
        """The images on the way from one image of the data to another, in a row."""
        way = self.model.interpolate(self.data[first], self.data[second], _STEPS)
        return self._grid(way, columns=_STEPS)

    def codes(self) -> Any:
        """The 2-D map of codes, a matplotlib figure."""
        from aecodec.autoencoders import embed_plot

        return embed_plot(self.model, self.data, self.labels).figure

    def _grid(self, images: Array, columns: int | None = None) -> Image.Image:
        from aecodec.autoencoders.plots import image_grid

        grid = Image.fromarray(image_grid(images, self.shape, columns))
        return grid.resize((grid.width * _ZOOM, grid.height * _ZOOM), Image.Resampling.NEAREST)


@lru_cache(maxsize=1)
def digits() -> World:
    """Of scikit-learn's digits, trained when first asked for."""
    from sklearn.datasets import load_digits

    from aecodec.autoencoders import VariationalAutoencoder

    images, labels = load_digits(return_X_y=True)
    data = (images / 16).astype(np.float32)
    model = VariationalAutoencoder(
        n_components=2, hidden_layers=(128, 64), max_epochs=_EPOCHS, random_state=0
    )
    return World(model.fit(data), data, labels, (8, 8, 1))


def _picture(elem_id: str) -> gr.Image:
    """Without the label, which would lie over it, and the button to share it elsewhere."""
    buttons: list[Any] = ["download", "fullscreen"]
    return gr.Image(
        show_label=False, interactive=False, format="png", buttons=buttons, elem_id=elem_id
    )


def tab() -> None:
    """Build it, inside the page that is being built."""
    gr.Markdown(
        "A variational autoencoder with codes of two numbers, trained on the 1,797 digits of"
        " scikit-learn when you first press a button."
    )
    with gr.Row():
        with gr.Column():
            sample = gr.Button("New samples", elem_id="explore-sample")
            samples = _picture("explore-samples")
        with gr.Column():
            with gr.Row():
                first = gr.Slider(0, 1796, 0, step=1, label="From image")
                second = gr.Slider(0, 1796, 1, step=1, label="to image")
            walk = gr.Button("Interpolate", elem_id="explore-walk")
            way = _picture("explore-way")
        with gr.Column():
            draw = gr.Button("Map of codes", elem_id="explore-map")
            codes = gr.Plot(show_label=False, elem_id="explore-codes")
    seed = gr.State(0)
    sample.click(lambda n: (digits().samples(64, n), n + 1), seed, [samples, seed])
    walk.click(lambda a, b: digits().between(int(a), int(b)), [first, second], way)
    draw.click(lambda: digits().codes(), outputs=codes)
