"""The tab "Search": the images of one folder, by content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from aecodec.workflows.folder_search import FolderSearch, Shown

from .uploads import KINDS, explained, printable, read_upload

_HITS = 24


def _gallery(images: Sequence[Shown]) -> list[tuple[Image.Image, str]]:
    return [(one.picture, printable(f"{one.label}: {one.name}")) for one in images]


def tab(folder: Path, index: Path | None, device: str) -> None:
    """Build it, inside the page that is being built.

    Args:
        folder: absolute, without links.
        index: the index file; None: one of this folder's own.
        device: "auto", "cpu" or "cuda".
    """
    searcher = FolderSearch(folder, index, device)
    with gr.Row():
        with gr.Column(scale=1):
            gr.Markdown(printable(f"Images below `{folder.name}`"))
            build = gr.Button("Index the folder", elem_id="search-index")
            query = gr.File(label="Query", file_types=KINDS, elem_id="search-file")
            twins = gr.Button("Duplicates", elem_id="search-duplicates")
            said = gr.Markdown(elem_id="search-said")
        with gr.Column(scale=2):
            hits = gr.Gallery(
                show_label=False,
                columns=4,
                interactive=False,
                buttons=["fullscreen"],
                elem_id="search-hits",
            )

    def add(progress: Any = gr.Progress()) -> str:  # noqa: B008  (how Gradio hands it over)
        with explained():
            count, report = searcher.add(lambda done, total: progress((done, total), unit="images"))
        failed = f", {len(report.failed)} unreadable" if report.failed else ""
        return f"{count:,} images indexed{failed}."

    def search(path: str | None) -> tuple[Any, str]:
        image = read_upload(path)
        with explained():
            found = searcher.search(image, _HITS)
        return _gallery(found), f"{len(found)} images, nearest first."

    def duplicates() -> tuple[Any, str]:
        with explained():
            images, groups, extra = searcher.duplicates()
        summary = f"{groups} groups with {extra} duplicates. Nothing is deleted."
        return _gallery(images), summary

    build.click(add, outputs=said)
    query.upload(search, query, [hits, said])
    twins.click(duplicates, outputs=[hits, said])
