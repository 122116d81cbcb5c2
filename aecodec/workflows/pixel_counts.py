"""About how many pixels files have, to choose what runs the networks before they are opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from aecodec.workflows.standard_input import BEGINNING


def about_pixels(paths: Iterable[Path]) -> int:
    """Of all together; what is missing, foreign or no plain file counts for nothing."""
    return sum(_about_pixels(path) for path in paths if path.is_file())


def _about_pixels(path: Path) -> int:
    from aecodec.codec.container import MAGIC, pixels_of
    from aecodec.images.reading import may_be_image

    try:
        with open(path, "rb") as file:
            beginning = file.read(BEGINNING)
        if beginning.startswith(MAGIC):
            return pixels_of(beginning)
        # About a byte a pixel in PNG, JPEG and the like.
        return os.path.getsize(path) if may_be_image(beginning) else 0
    except OSError:
        return 0
