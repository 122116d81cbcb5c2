"""The page as a whole, and serving it."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

# Before Gradio is imported, which asks for news of itself otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from . import compress, denoise, explore, search, view
from .uploads import MAX_BYTES

# Besides Gradio's own, which are large enough for a demonstration.
_STYLE = """
.gradio-container { max-width: 1500px !important }
footer { display: none !important }
"""


def build(folder: Path, index: Path | None, device: str) -> gr.Blocks:
    """The page: a tab for each use.

    Args:
        folder: of the images to search, and of models to explore.
        index: the index file; None: one of the page's own for this folder.
        device: "auto", "cpu" or "cuda".
    """
    with gr.Blocks(title="aecodec", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown("# aecodec")
        with gr.Tab("Compress"):
            compress.tab(device)
        with gr.Tab("View"):
            view.tab()
        with gr.Tab("Denoise"):
            denoise.tab(device)
        with gr.Tab("Search"):
            search.tab(folder, index, device)
        with gr.Tab("Explore"):
            explore.tab(folder)
    return page


def serve(
    folder: Path,
    index: Path | None,
    device: str,
    port: int,
    ready: Callable[[str], None],
) -> None:
    """Serve the page on 127.0.0.1 until Ctrl-C.

    Uploads and results lie in a temporary folder that is gone afterwards.

    Args:
        folder, index, device: as of `build`.
        port: 0: any that is free.
        ready: told the address.

    Raises:
        OSError: the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="aecodec-ui-") as temporary:
        os.environ["GRADIO_TEMP_DIR"] = temporary
        page = build(folder, index, device)
        app, address, _ = page.launch(
            server_name="127.0.0.1",
            server_port=port or _free_port(),
            share=False,
            inbrowser=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=MAX_BYTES,
            ssr_mode=False,
            footer_links=[],
            css=_STYLE,
        )
        app.router.routes.insert(0, view.route())  # before Gradio's own, which take any path
        try:
            ready(address)
            threading.Event().wait()
        finally:
            page.close(verbose=False)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
