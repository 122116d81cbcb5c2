"""The tab "Search": the images of one folder, by content."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from .uploads import KINDS, explained, printable, read_upload

if TYPE_CHECKING:
    from aecodec.hashing.duplicates import Match
    from aecodec.workflows.search import ImageIndex

_HITS = 24
_GROUPS = 50


class Searcher:
    """The index of a folder, and answers that name nothing outside of it.

    Args:
        folder: absolute.
        index: the index file; None: one of the page's own for this folder.
        device: "auto", "cpu" or "cuda".
    """

    def __init__(self, folder: Path, index: Path | None, device: str) -> None:
        self.folder, self.path, self.device = folder, index or _own_index(folder), device

    def add(self, progress: Any) -> str:
        """Index the folder; what came of it, in a line."""
        with self._index() as index:
            report = index.add(
                self.folder,
                prune=True,
                progress=lambda done, total: progress((done, total), unit="images"),
            )
            failed = f", {len(report.failed)} unreadable" if report.failed else ""
            return f"{len(index):,} images indexed{failed}."

    def search(self, image: Image.Image) -> list[tuple[Image.Image, str]]:
        """The images most like one: (thumbnail, caption), nearest first."""
        with self._opened() as index:
            matches = [m for m in index.search(image, 20 * _HITS) if self._shows(m.entry.path)]
            return self._pictures(index, matches[:_HITS])

    def duplicates(self) -> tuple[list[tuple[Image.Image, str]], str]:
        """Pictures of groups of images that are the same, and a summary."""
        with self._opened() as index:
            groups = index.duplicates(None, self.folder).groups
            matches = [m for g in groups[:_GROUPS] for m in [_keep(g.keep), *g.duplicates]]
            extra = sum(len(group.duplicates) for group in groups)
            summary = f"{len(groups)} groups with {extra} duplicates. Nothing is deleted."
            return self._pictures(index, matches), summary

    def _index(self) -> ImageIndex:
        from aecodec.workflows.search import ImageIndex

        return ImageIndex(self.path, device=self.device)

    def _opened(self) -> ImageIndex:
        if not self.path.is_file():
            raise gr.Error("not indexed yet: press the button", print_exception=False)
        return self._index()

    def _shows(self, path: str) -> bool:
        return Path(path).is_relative_to(self.folder)

    def _pictures(
        self, index: ImageIndex, matches: Sequence[Match]
    ) -> list[tuple[Image.Image, str]]:
        thumbnails = index.pictures([match.entry.id for match in matches])
        found = []
        for match in matches:
            webp = thumbnails.get(match.entry.id)
            picture = Image.open(io.BytesIO(webp)) if webp else Image.new("RGB", (8, 8), "grey")
            name = Path(match.entry.path).relative_to(self.folder)
            label = "keep" if match.distance < 0 else f"{match.distance} bits"
            found.append((picture, printable(f"{label}: {name}")))
        return found


def _keep(entry: Any) -> Match:
    from aecodec.hashing.duplicates import Match

    return Match(entry, -1)


def _own_index(folder: Path) -> Path:
    import platformdirs

    name = hashlib.sha256(str(folder).encode(errors="surrogateescape")).hexdigest()[:16]
    return platformdirs.user_data_path("aecodec") / "ui" / f"{name}.sqlite3"


def tab(folder: Path, index: Path | None, device: str) -> None:
    """Build it, inside the page that is being built."""
    searcher = Searcher(folder, index, device)
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
            return searcher.add(progress)

    def search(path: str | None) -> tuple[Any, str]:
        image = read_upload(path)
        with explained():
            found = searcher.search(image)
        return found, f"{len(found)} images, nearest first."

    def duplicates() -> tuple[Any, str]:
        with explained():
            return searcher.duplicates()

    build.click(add, outputs=said)
    query.upload(search, query, [hits, said])
    twins.click(duplicates, outputs=[hits, said])
