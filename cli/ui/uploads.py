"""What comes in through the page, and what it gives back."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
from PIL import Image

from aecodec.codec import SUFFIX

KINDS = ["image", SUFFIX]
"""What may be uploaded as an image."""
MAX_BYTES = 100 * 10**6
MAX_PIXELS = 16 * 10**6
"""Larger images are for the command line: every change on the page works on the whole image."""


@contextmanager
def explained(shown: Path | None = None) -> Iterator[None]:
    """The library's errors as one line on the page.

    Args:
        shown: a file that the line may name, by its name only.
    """
    from aecodec.errors import AecodecError

    try:
        yield
    except (AecodecError, OSError) as error:
        text = str(error)
        if shown is not None:  # where uploads lie on the server is nobody's business
            text = text.replace(str(shown), shown.name)
        raise gr.Error(printable(text), duration=None, print_exception=False) from None


def printable(text: str) -> str:
    """File names need not be UTF-8, and what goes to the page must be."""
    return text.encode("utf-8", "backslashreplace").decode()


def read_upload(path: str | None) -> Image.Image:
    """The image of an uploaded file, or of an .aec file; a line on the page where it is none."""
    if path is None:
        raise gr.Error("no image yet: drop one", print_exception=False)
    from aecodec.images import open_image

    with explained(Path(path)):
        return _decompress(path) if path.endswith(SUFFIX) else open_image(path, MAX_PIXELS)


def _decompress(path: str) -> Image.Image:
    from aecodec import decompress
    from aecodec.codec.container import read_file
    from aecodec.errors import AecodecError

    try:
        header, _ = read_file(Path(path).read_bytes())
        if header.width * header.height > MAX_PIXELS:
            raise AecodecError(f"over {MAX_PIXELS} pixels")
        return decompress(path)
    except AecodecError as error:
        raise AecodecError(f"{path}: {error}") from None


def offer(upload: str, suffix: str, data: bytes | memoryview) -> str:
    """Write a file to download, named like an upload; its path."""
    folder = Path(os.environ["GRADIO_TEMP_DIR"]) / secrets.token_hex(8)
    folder.mkdir(parents=True)
    path = folder / (Path(upload).stem + suffix)
    path.write_bytes(data)
    return str(path)


def two_pictures(label: str, elem_id: str) -> gr.ImageSlider:
    """An original and what became of it, one over the other."""
    return gr.ImageSlider(
        label=label,
        format="png",
        type="pil",
        interactive=False,
        max_height=720,
        elem_id=elem_id,
    )
