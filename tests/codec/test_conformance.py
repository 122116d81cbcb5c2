"""The conformance set in Python; `tests/web` decodes it in JavaScript."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.codec.conformance import FOLDER, decode, levels_digest

FILES = json.loads((FOLDER / "files.json").read_text())


@pytest.mark.parametrize("name", FILES)
def test_symbols_and_pixels(name: str) -> None:
    expected = FILES[name]
    image, symbols = decode(name)
    reference = Image.open(FOLDER / f"{name}.png")
    assert levels_digest(reference) == expected["levels"]
    assert symbols == expected["symbols"]
    difference = np.asarray(image).astype(int) - np.asarray(reference).astype(int)
    assert np.abs(difference).max() <= expected["within"]
