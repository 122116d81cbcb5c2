"""Image files as outputs of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from aecodec.workflows.batch.plan import takes_file_name


def image_suffix(format: str | None, inputs: Sequence[Path], output: str | None) -> str:
    """Suffix of the wanted format: the option decides, then the output's name, then PNG."""
    from aecodec.images import WRITTEN_SUFFIXES

    implied = Path(output).suffix if output and takes_file_name(inputs, output) else ""
    suffix = f".{format.removeprefix('.')}" if format else implied or ".png"
    if suffix.lower() not in WRITTEN_SUFFIXES:
        known = ", ".join(sorted(known.removeprefix(".") for known in WRITTEN_SUFFIXES))
        raise typer.BadParameter(
            f"{suffix.removeprefix('.')!r} is no image format; one of {known}",
            param_hint="--format" if format else "--output",
        )
    if implied.lower() in WRITTEN_SUFFIXES and _kind(implied) != _kind(suffix):
        raise typer.BadParameter(f"{output} is not {suffix}", param_hint="--format")
    return suffix.lower()


def _kind(suffix: str) -> str:
    """What a suffix has in common with others: .jpg, .jpeg."""
    from PIL import Image

    return Image.registered_extensions().get(suffix.lower(), suffix.lower())
