"""The tab "Explore": what a variational autoencoder dreams of, and the map of its codes."""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from aecodec.errors import AecodecError
from aecodec.storage.folders import find_files
from aecodec.workflows.datasets import SUFFIXES
from aecodec.workflows.explore import Explorer, explore_digits, explore_file

from .uploads import explained, printable

DIGITS = "digits of scikit-learn"
MAX_SAMPLES = 1000
"""Of the user's own data: reading and shrinking so many photos takes about half a minute."""

_DIGITS = 1797
_ABOUT_DIGITS = (
    "A variational autoencoder with codes of two numbers, trained on the 1,797 digits of"
    " scikit-learn when you first press a button."
)


@lru_cache(maxsize=4)
def _own(model: Path, written: int, data: Path | None = None, changed: int = 0) -> Explorer:
    """Of files as they were at these times."""
    return explore_file(model, data, MAX_SAMPLES)


def _explorer(folder: Path, model: str, data: str | None) -> Explorer:
    """What the page shows: `DIGITS`, or files below a folder.

    Args:
        folder: absolute, without links.
        model, data: names below it; data may be "." for its images; None reads none.

    Raises:
        gradio.Error: they are not below it, cannot be read or do not fit together.
    """
    if model == DIGITS:
        return explore_digits()
    with explained(folder):
        if data is None:
            return _own(*_inside(folder, model))
        return _own(*_inside(folder, model), *_inside(folder, data))


def _inside(folder: Path, name: str) -> tuple[Path, int]:
    """A path and its time of change."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise AecodecError(f"{name}: not below the folder of this page")
    return path, path.stat().st_mtime_ns


def _names(folder: Path, suffixes: Collection[str]) -> list[str]:
    """Those that the page can send back, as names that are no UTF-8 it cannot."""
    files = find_files([folder], suffixes, lambda error: None)
    names = [os.path.relpath(file, folder) for file in files]
    return [name for name in names if name == printable(name)]


def _picture(elem_id: str) -> gr.Image:
    """Without the label, which would lie over it, and the button to share it elsewhere."""
    buttons: list[Any] = ["download", "fullscreen"]
    return gr.Image(
        show_label=False, interactive=False, format="png", buttons=buttons, elem_id=elem_id
    )


def _about(own: Explorer) -> str:
    height, width, _ = own.shape
    return (
        f"A variational autoencoder of images of {width}x{height} with codes of"
        f" {own.model.n_components} numbers, and {len(own.data):,} images to put through it."
    )


def _sliders(count: int) -> list[gr.Slider]:
    """For images 0 and 1 of so many."""
    last = max(1, count - 1)
    return [gr.Slider(maximum=last, value=number) for number in (0, 1)]


def tab(folder: Path) -> None:
    """Build it, inside the page that is being built.

    Args:
        folder: absolute, without links, of the user's own models and data.
    """
    with gr.Row():
        model = gr.Dropdown(
            [DIGITS],
            value=DIGITS,
            allow_custom_value=True,
            label="Model",
            info=f"or one below {folder.name} that `aecodec ae fit variational` has written",
            elem_id="explore-model",
        )
        data = gr.Dropdown(
            [("", ".")],
            value=".",
            allow_custom_value=True,
            visible=False,
            label="Data",
            info=f"the first {MAX_SAMPLES:,}, for the ways and the map",
            elem_id="explore-data",
        )
    said = gr.Markdown(_ABOUT_DIGITS, elem_id="explore-said")
    with gr.Row():
        with gr.Column():
            sample = gr.Button("New samples", elem_id="explore-sample")
            samples = _picture("explore-samples")
        with gr.Column():
            with gr.Row():
                first = gr.Slider(0, _DIGITS - 1, 0, step=1, label="From image")
                second = gr.Slider(0, _DIGITS - 1, 1, step=1, label="to image")
            walk_there = gr.Button("Interpolate", elem_id="explore-walk")
            way = _picture("explore-way")
        with gr.Column():
            draw = gr.Button("Map of codes", elem_id="explore-map")
            codes = gr.Plot(show_label=False, elem_id="explore-codes")
    seed = gr.State(0)

    def offered() -> list[Any]:
        images = (f"images below {folder.name}", ".")
        return [
            gr.Dropdown([DIGITS, *_names(folder, {".safetensors"})]),
            gr.Dropdown([images, *((name, name) for name in _names(folder, SUFFIXES))]),
        ]

    def another(name: str) -> tuple[Any, ...]:
        own = name != DIGITS
        return "" if own else _ABOUT_DIGITS, gr.Dropdown(visible=own), None, None, None

    def fits(name: str, of: str) -> tuple[Any, ...]:
        if name == DIGITS:
            return _ABOUT_DIGITS, *_sliders(_DIGITS)
        shown = _explorer(folder, name, of)
        return _about(shown), *_sliders(len(shown.data))

    gr.on(None, offered, [], [model, data])
    changed = model.change(another, model, [said, data, samples, way, codes])
    for event in (changed.then, data.change):
        event(fits, [model, data], [said, first, second])
    sample.click(
        lambda name, n: (_explorer(folder, name, None).samples(64, n), n + 1),
        [model, seed],
        [samples, seed],
    )
    walk_there.click(
        lambda name, of, a, b: _explorer(folder, name, of).between(int(a), int(b)),
        [model, data, first, second],
        way,
    )
    draw.click(lambda name, of: _explorer(folder, name, of).codes(), [model, data], codes)
