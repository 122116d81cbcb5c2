"""The weights that ship: safetensors, each with a card of where it comes from."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from aecodec.errors import AecodecError


def weight_file(name: str) -> Path:
    """Where the weights of a shipped model are, such as "codec-psnr"; not every build has all."""
    return Path(__file__).with_name(f"{name}.safetensors")


def find_weights(name: str | Path, kind: str = "") -> Path:
    """The weight file of a shipped name ("codec-psnr"), or of a path.

    Args:
        name: as `aecodec models` prints it, or a path.
        kind: what `aecodec train` calls the model, for advice where this build lacks it.

    Raises:
        AecodecError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.name == str(name) and weight_file(path.name).is_file():
        return weight_file(path.name)
    names = ", ".join(card["id"] for card in shipped_models())
    advice = f"; or train some: aecodec train {kind} --data PHOTOS" if kind else ""
    raise AecodecError(
        f"{name}: no such weight file, and none of that name ships (those are {names}){advice}"
    )


@lru_cache
def shipped_name(digest: str) -> str | None:
    """The model whose weight file's SHA-256 begins so, in hexadecimal; None: none that ships."""
    names = (card["id"] for card in shipped_models() if card["sha256"].startswith(digest))
    return next(names, None)


def shipped_codecs() -> list[str]:
    """The names of the codecs that ship."""
    return [card["id"] for card in shipped_models() if card["task"] == "codec"]


def shipped_models() -> list[dict[str, Any]]:
    """The card of every shipped model, with "id", "file" and "bytes" added.

    A card has: task, recipe, data, steps and hours of the last run, total (runs, steps and hours of
    all that the weights had), hardware, parameters, figures, sha256.
    """
    cards = []
    for path in sorted(Path(__file__).parent.glob("*.json"), key=lambda path: path.stem):
        file = path.with_suffix(".safetensors")
        card = json.loads(path.read_text())
        cards.append({"id": path.stem, "file": file.name, "bytes": file.stat().st_size, **card})
    return cards
